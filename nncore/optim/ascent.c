/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Normalised gradient ascent. */
#include "nncore/optim/ascent.h"

#include <math.h>

#include "nncore/base/sum.h"

#define GRAIN 16384

typedef struct {
  float *x;
  const float *gradient;
  float rate, low, high;
} Job;

static double
sum_absolute(int64_t begin, int64_t end, int worker, gpointer data)
{
  const float *x = data;
  double sum = 0;
  for (int64_t i = begin; i < end; i++)
    sum += fabsf(x[i]);
  return sum;
}

double
nn_mean_absolute(NnContext *context, const float *x, int64_t count)
{
  return nn_parallel_sum(context, count, GRAIN, sum_absolute, (gpointer)x) / (double)MAX(count, 1);
}

static void
step_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++) {
    float x = job->x[i] + job->rate * job->gradient[i];
    job->x[i] = CLAMP(x, job->low, job->high);
  }
}

void
nn_ascent_step(NnContext *context, float *x, const float *gradient, int64_t count, double rate,
               float low, float high)
{
  Job job = {x, gradient, (float)rate, low, high};
  if (isfinite(job.rate))
    nn_parallel_for(context, count, GRAIN, step_chunk, &job);
}
