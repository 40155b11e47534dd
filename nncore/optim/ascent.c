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
  const Job *job = data;
  double sum = 0;
  for (int64_t i = begin; i < end; i++)
    sum += fabsf(job->gradient[i]);
  return sum;
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

double
nn_ascent_step(NnContext *context, float *x, const float *gradient, int64_t count, double step,
               float low, float high)
{
  Job job = {.x = x, .gradient = gradient, .low = low, .high = high};
  double mean = nn_parallel_sum(context, count, GRAIN, sum_absolute, &job) / (double)MAX(count, 1);
  /* gradients so small that the rate overflows are as good as none */
  job.rate = (float)(step / mean);
  if (mean > 0 && isfinite(mean) && isfinite(job.rate))
    nn_parallel_for(context, count, GRAIN, step_chunk, &job);
  return mean;
}
