/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Normalising sets. A thread takes a few neighbouring sets at a time: where they interleave (size
 * 1: channels of a picture) as many as fill a cache line, so that memory is read in stretches.
 * Sums are in double. With g the gradient times the scale and n = (x - mean) inverse:
 *
 *   dx = inverse (g - mean of g - n mean of g n) */
#include "nncore/kernels/norm.h"

#include <math.h>

#include "nncore/base/round.h"
#include "nncore/kernels/elementwise.h"

#define LANES 16

typedef struct {
  const NnNormSets *sets;
  float epsilon;
  const float *x, *scale, *shift, *gradient; /* gradient is NULL forward */
  float *to;
  NnNormStatistics *statistics;
  int64_t lanes, blocks; /* groups that an item treats together; items in all groups */
} Job;

/* the place of a set's element at pixel p, place k: start + p step + k */
typedef struct {
  int64_t start, step, first_group, lanes, outer;
} Block;

static Block
block_at(const Job *job, int64_t item)
{
  const NnNormSets *s = job->sets;
  Block block = {.outer = item / job->blocks, .first_group = item % job->blocks * job->lanes};
  block.lanes = MIN(job->lanes, s->groups - block.first_group);
  block.step = s->groups * s->size;
  block.start = block.outer * s->pixels * block.step + block.first_group * s->size;
  return block;
}

static int64_t
scale_place(const Job *job, int64_t group, int64_t k)
{
  return job->sets->scale_by_group ? group : group * job->sets->size + k;
}

static float
scale_at(const Job *job, int64_t group, int64_t k)
{
  return job->scale != NULL ? job->scale[scale_place(job, group, k)] : 1;
}

static float
shift_at(const Job *job, int64_t group, int64_t k)
{
  return job->shift != NULL ? job->shift[scale_place(job, group, k)] : 0;
}

/* Two sums over each set: of x and x^2 forward, of g and g n backward. */
static void
sum_sets(const Job *job, const Block *block, double first[LANES], double second[LANES])
{
  const NnNormSets *s = job->sets;
  const NnNormStatistics *statistics =
      job->statistics + block->outer * s->groups + block->first_group;
  for (int64_t j = 0; j < block->lanes; j++)
    first[j] = second[j] = 0;
  for (int64_t p = 0; p < s->pixels; p++) {
    const float *x = job->x + block->start + p * block->step;
    const float *g = job->gradient != NULL ? job->gradient + block->start + p * block->step : NULL;
    for (int64_t j = 0; j < block->lanes; j++)
      for (int64_t k = 0; k < s->size; k++) {
        double value = (double)x[j * s->size + k];
        if (g == NULL) {
          first[j] += value;
          second[j] += value * value;
          continue;
        }
        double slope = (double)(g[j * s->size + k] * scale_at(job, block->first_group + j, k));
        first[j] += slope;
        second[j] += slope * (value - (double)statistics[j].mean);
      }
  }
}

static void
normalise_sets(const Job *job, const Block *block)
{
  const NnNormSets *s = job->sets;
  NnNormStatistics *statistics = job->statistics + block->outer * s->groups + block->first_group;
  double sum[LANES], squares[LANES], count = (double)(s->pixels * s->size);
  sum_sets(job, block, sum, squares);
  for (int64_t j = 0; j < block->lanes; j++) {
    double mean = sum[j] / count, variance = MAX(squares[j] / count - mean * mean, 0);
    statistics[j].mean = (float)mean;
    statistics[j].inverse = (float)(1 / sqrt(variance + (double)job->epsilon));
  }
  for (int64_t p = 0; p < s->pixels; p++) {
    const float *x = job->x + block->start + p * block->step;
    float *y = job->to + block->start + p * block->step;
    for (int64_t j = 0; j < block->lanes; j++)
      for (int64_t k = 0; k < s->size; k++) {
        int64_t group = block->first_group + j;
        float n = (x[j * s->size + k] - statistics[j].mean) * statistics[j].inverse;
        y[j * s->size + k] = n * scale_at(job, group, k) + shift_at(job, group, k);
      }
  }
}

static void
gradient_of_sets(const Job *job, const Block *block)
{
  const NnNormSets *s = job->sets;
  const NnNormStatistics *statistics =
      job->statistics + block->outer * s->groups + block->first_group;
  double sum[LANES], products[LANES], count = (double)(s->pixels * s->size);
  float mean[LANES], slope[LANES];
  sum_sets(job, block, sum, products);
  for (int64_t j = 0; j < block->lanes; j++) {
    double inverse = (double)statistics[j].inverse;
    mean[j] = (float)(sum[j] / count);
    slope[j] = (float)(products[j] / count * inverse * inverse); /* of (x - mean) */
  }
  for (int64_t p = 0; p < s->pixels; p++) {
    const float *x = job->x + block->start + p * block->step;
    const float *g = job->gradient + block->start + p * block->step;
    float *to = job->to + block->start + p * block->step;
    for (int64_t j = 0; j < block->lanes; j++)
      for (int64_t k = 0; k < s->size; k++) {
        int64_t at = j * s->size + k;
        float own = g[at] * scale_at(job, block->first_group + j, k);
        to[at] = statistics[j].inverse * (own - mean[j] - (x[at] - statistics[j].mean) * slope[j]);
      }
  }
}

static void
chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t item = begin; item < end; item++) {
    Block block = block_at(job, item);
    if (job->gradient == NULL)
      normalise_sets(job, &block);
    else
      gradient_of_sets(job, &block);
  }
}

static void
run(NnContext *context, Job *job)
{
  const NnNormSets *s = job->sets;
  if (s->outer * s->pixels * s->groups * s->size == 0)
    return;
  job->lanes = s->size == 1 ? MIN(LANES, s->groups) : 1;
  job->blocks = nn_divide_up(s->groups, job->lanes);
  nn_parallel_for(context, s->outer * job->blocks, nn_grain(s->pixels * s->size * job->lanes),
                  chunk, job);
}

void
nn_norm_forward(NnContext *context, const NnNormSets *sets, float epsilon, const float *x,
                const float *scale, const float *shift, float *y, NnNormStatistics *statistics)
{
  Job job = {.sets = sets,
             .epsilon = epsilon,
             .x = x,
             .scale = scale,
             .shift = shift,
             .to = y,
             .statistics = statistics};
  run(context, &job);
}

void
nn_norm_backward(NnContext *context, const NnNormSets *sets, const float *x, const float *scale,
                 const NnNormStatistics *statistics, const float *gradient, float *to)
{
  Job job = {.sets = sets,
             .x = x,
             .scale = scale,
             .gradient = gradient,
             .to = to,
             .statistics = (NnNormStatistics *)statistics};
  run(context, &job);
}
