/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Element by element work. Chunks are multiples of 8 elements, so that the activation's bits of
 * two chunks never share a byte. */
#include "nncore/kernels/elementwise.h"

#include <string.h>

#define CHUNK (INT64_C(1) << 15)

int64_t
nn_grain(int64_t cost_an_item)
{
  return MAX(CHUNK / MAX(cost_an_item, 1), 1);
}

typedef struct {
  const char *from;
  char *to;
} Copy;

static void
copy_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Copy *job = data;
  memcpy(job->to + begin, job->from + begin, (size_t)(end - begin));
}

void
nn_copy_bytes(NnContext *context, void *to, const void *from, size_t bytes)
{
  Copy job = {from, to};
  nn_parallel_for(context, (int64_t)bytes, CHUNK * 8, copy_chunk, &job);
}

typedef struct {
  float *to;
  float value;
} Fill;

static void
fill_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Fill *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to[i] = job->value;
}

void
nn_fill(NnContext *context, float *to, float value, int64_t count)
{
  Fill job = {to, value};
  nn_parallel_for(context, count, CHUNK, fill_chunk, &job);
}

static void
keep_positive_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  float *x = data;
  for (int64_t i = begin; i < end; i++)
    x[i] = x[i] > 0 ? x[i] : 0;
}

void
nn_keep_positive(NnContext *context, float *x, int64_t count)
{
  nn_parallel_for(context, count, CHUNK, keep_positive_chunk, x);
}

typedef struct {
  NnActivation activation;
  const float *from;
  float *to;
  uint8_t *bits;
} Activate;

static void
activate_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Activate *job = data;
  int64_t count = end - begin;
  if (job->to != job->from)
    memcpy(job->to + begin, job->from + begin, (size_t)count * sizeof(float));
  nn_activation_forward(job->activation, job->to + begin, count,
                        job->bits != NULL ? job->bits + begin / 8 : NULL);
}

void
nn_activate(NnContext *context, NnActivation activation, const float *from, float *to,
            int64_t count, uint8_t *bits)
{
  if (activation.kind == NN_ACTIVATION_NONE && from == to)
    return;
  Activate job = {activation, from, to, bits};
  nn_parallel_for(context, count, CHUNK, activate_chunk, &job);
}
