/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Element by element, on all threads. */
#include "nncore/image/arithmetic.h"

#define GRAIN 16384

typedef struct {
  float *x;
  const float *other;
  float factor;
} Job;

static void
clip(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->x[i] = CLAMP(job->x[i], 0, 1);
}

void
nn_image_clip(NnContext *context, NnImage *image)
{
  Job job = {.x = image->data};
  nn_parallel_for(context, (int64_t)nn_image_samples(image), GRAIN, clip, &job);
}

static void
add(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->x[i] += job->factor * job->other[i];
}

void
nn_image_add(NnContext *context, NnImage *image, float factor, const NnImage *other)
{
  g_return_if_fail(nn_image_samples(image) == nn_image_samples(other));
  Job job = {image->data, other->data, factor};
  nn_parallel_for(context, (int64_t)nn_image_samples(image), GRAIN, add, &job);
}

static void
shift(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->x[i] += job->factor;
}

void
nn_image_shift(NnContext *context, NnImage *image, float offset)
{
  Job job = {.x = image->data, .factor = offset};
  nn_parallel_for(context, (int64_t)nn_image_samples(image), GRAIN, shift, &job);
}
