/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What LpPool and GlobalLpPool have in common (lp.h). */
#include "nncore/ops/lp.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/kernels/elementwise.h"

bool
nn_lp_parse(NnAttributes *attributes, int64_t *p, GError **error)
{
  if (!nn_attributes_int(attributes, "p", 2, p, error))
    return false;
  if (*p >= 1 && *p <= 64)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
              _("The attribute “%s” has the impossible value %d."), "p",
              (int)CLAMP(*p, G_MININT, G_MAXINT));
  return false;
}

typedef struct {
  int p;
  const float *x, *gradient;
  float *to;
} Job;

static void
power_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to[i] = job->p == 2 ? job->x[i] * job->x[i] : powf(fabsf(job->x[i]), (float)job->p);
}

void
nn_lp_power(NnContext *context, int64_t p, const float *x, float *to, int64_t count)
{
  Job job = {(int)p, x, NULL, to};
  nn_parallel_for(context, count, nn_grain(4), power_chunk, &job);
}

static void
root_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to[i] = job->p == 2 ? sqrtf(job->to[i]) : powf(job->to[i], 1 / (float)job->p);
}

void
nn_lp_root(NnContext *context, int64_t p, float *y, int64_t count)
{
  Job job = {(int)p, NULL, NULL, y};
  nn_parallel_for(context, count, nn_grain(4), root_chunk, &job);
}

/* a window of zeros has no share: 0, as PyTorch has it */
static void
share_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to[i] = job->x[i] > 0 ? job->gradient[i] * powf(job->x[i], 1 - (float)job->p) : 0;
}

void
nn_lp_share(NnContext *context, int64_t p, const float *y, const float *gradient, float *to,
            int64_t count)
{
  Job job = {(int)p, y, gradient, to};
  nn_parallel_for(context, count, nn_grain(4), share_chunk, &job);
}

static void
slope_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++) {
    float x = job->x[i];
    float slope = job->p == 2 ? x : copysignf(powf(fabsf(x), (float)(job->p - 1)), x);
    job->to[i] = x == 0 ? 0 : job->to[i] * slope;
  }
}

void
nn_lp_slope(NnContext *context, int64_t p, const float *x, float *gradient, int64_t count)
{
  Job job = {(int)p, x, NULL, gradient};
  nn_parallel_for(context, count, nn_grain(4), slope_chunk, &job);
}
