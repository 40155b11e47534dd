/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adam. */
#include "nncore/optim/adam.h"

#include <math.h>

#include "nncore/base/memory.h"

#define GRAIN 16384
#define BETA1 0.9
#define BETA2 0.99
#define EPSILON 1e-12f

struct NnAdam {
  int64_t count, steps;
  float *mean, *square; /* m, v */
};

NnAdam *
nn_adam_new(int64_t count, GError **error)
{
  g_autoptr(NnAdam) adam = g_new0(NnAdam, 1);
  adam->count = count;
  adam->mean = nn_alloc0((size_t)count, sizeof(float), error);
  if (adam->mean != NULL)
    adam->square = nn_alloc0((size_t)count, sizeof(float), error);
  return adam->square != NULL ? g_steal_pointer(&adam) : NULL;
}

void
nn_adam_free(NnAdam *adam)
{
  if (adam == NULL)
    return;
  nn_free(adam->mean);
  nn_free(adam->square);
  g_free(adam);
}

typedef struct {
  NnAdam *adam;
  const NnProblem *problem;
  float step, correction; /* rate / (1 - b1^t), 1 / (1 - b2^t) */
  float scale;
} Job;

static void
step_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnProblem *problem = job->problem;
  float *mean = job->adam->mean, *square = job->adam->square;
  for (int64_t i = begin; i < end; i++) {
    float g = problem->gradient[i];
    mean[i] = (float)BETA1 * mean[i] + (float)(1 - BETA1) * g;
    square[i] = (float)BETA2 * square[i] + (float)(1 - BETA2) * g * g;
    float x = problem->x[i] - job->step * mean[i] / (sqrtf(square[i] * job->correction) + EPSILON);
    problem->x[i] = problem->bounded ? CLAMP(x, problem->low, problem->high) : x;
  }
}

bool
nn_adam_step(NnAdam *adam, NnContext *context, const NnProblem *problem, double rate, double *value,
             GError **error)
{
  g_return_val_if_fail(problem->count == adam->count, false);
  if (!problem->evaluate(problem->data, value, error))
    return false;
  adam->steps++;
  Job job = {.adam = adam, .problem = problem};
  job.step = (float)((problem->uphill ? -rate : rate) / (1 - pow(BETA1, (double)adam->steps)));
  job.correction = (float)(1 / (1 - pow(BETA2, (double)adam->steps)));
  nn_parallel_for(context, adam->count, GRAIN, step_chunk, &job);
  return true;
}

static bool
resize_vector(float **vector, int64_t count, NnResizeFunc resize, gpointer data, GError **error)
{
  float *resized = nn_alloc((size_t)count, sizeof(float), error);
  bool ok = resized != NULL && resize(data, *vector, resized, error);
  nn_free(*vector);
  *vector = resized;
  return ok;
}

bool
nn_adam_resize(NnAdam *adam, int64_t count, NnResizeFunc resize, gpointer data, double scale,
               GError **error)
{
  if (!resize_vector(&adam->mean, count, resize, data, error) ||
      !resize_vector(&adam->square, count, resize, data, error))
    return false;
  adam->count = count;
  for (int64_t i = 0; i < count; i++) {
    adam->mean[i] *= (float)scale;
    /* interpolation may overshoot; a square must not */
    adam->square[i] = MAX(adam->square[i], 0) * (float)(scale * scale);
  }
  return true;
}
