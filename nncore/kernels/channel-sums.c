/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Positions are cut into strips, as many as the size says, which threads take one at a time; each has
 * sums of its own, and these are added in order. */
#include "nncore/kernels/channel-sums.h"

#include <string.h>

#include "nncore/base/round.h"
#include "nncore/kernels/elementwise.h"

enum {
  MOST_STRIPS = 32,
  STRIP = 1 << 15, /* elements, at least */
  BLOCK = 16, /* channels whose sums are in registers together: a line of the cache */
};

typedef struct {
  const float *x;
  int64_t channels, positions, channel_step, step;
  bool squares;
  double *scratch; /* 2 C a strip */
  int64_t strips;
  const float *a, *b; /* of a gradient */
  float *gradient;
} Job;

static Job
job_of(const NnTensor *map)
{
  bool last = map->layout == NN_LAYOUT_CHANNELS_LAST;
  int64_t channels = map->shape.dim[1], positions = map->shape.dim[2] * map->shape.dim[3];
  return (Job){.x = map->f,
               .channels = channels,
               .positions = positions,
               .channel_step = last ? 1 : positions,
               .step = last ? channels : 1,
               .strips = CLAMP(channels * positions / STRIP, 1, MOST_STRIPS)};
}

NnTensor
nn_channel_sums_picture(const NnTensor *batch, int64_t n)
{
  NnTensor picture = *batch;
  picture.shape.dim[0] = 1;
  picture.f += n * nn_shape_product(&batch->shape, 1, batch->shape.rank);
  return picture;
}

size_t
nn_channel_sums_scratch_doubles(int64_t channels)
{
  return 2 * MOST_STRIPS * (size_t)channels;
}

/* BLOCK channels side by side from @x on */
static void
sum_block(const Job *job, const float *x, int64_t count, double *first, double *second)
{
  double sums[BLOCK] = {0}, squares[BLOCK] = {0};
  for (int64_t p = 0; p < count; p++, x += job->step)
    for (int c = 0; c < BLOCK; c++) {
      sums[c] += (double)x[c];
      squares[c] += (double)x[c] * (double)x[c];
    }
  memcpy(first, sums, sizeof sums);
  memcpy(second, squares, sizeof squares);
}

static void
sum_channel(const Job *job, const float *x, int64_t count, double *first, double *second)
{
  double sum = 0, squares = 0;
  for (int64_t p = 0; p < count; p++) {
    double value = (double)x[p * job->step];
    sum += value;
    squares += value * value;
  }
  *first = sum;
  *second = squares;
}

static void
sum_strips(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  int64_t each = nn_divide_up(job->positions, job->strips);
  for (int64_t strip = begin; strip < end; strip++) {
    double *first = job->scratch + strip * 2 * job->channels, *second = first + job->channels;
    int64_t from = MIN(strip * each, job->positions), count = MIN(each, job->positions - from),
            c = 0;
    const float *x = job->x + from * job->step;
    for (; job->channel_step == 1 && c + BLOCK <= job->channels; c += BLOCK)
      sum_block(job, x + c, count, first + c, second + c);
    for (; c < job->channels; c++)
      sum_channel(job, x + c * job->channel_step, count, first + c, second + c);
  }
}

void
nn_channel_sums_add(NnContext *context, const NnTensor *map, bool squares, double *sums,
                    double *scratch)
{
  Job job = job_of(map);
  int64_t count = squares ? 2 * job.channels : job.channels;
  job.scratch = scratch;
  nn_parallel_for(context, job.strips, 1, sum_strips, &job);
  for (int64_t strip = 0; strip < job.strips; strip++)
    for (int64_t i = 0; i < count; i++)
      sums[i] += scratch[strip * 2 * job.channels + i];
}

/* items are positions of maps whose channels lie side by side, else channels */
static void
spread_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  bool last = job->channel_step == 1;
  int64_t inner = last ? job->channels : job->positions;
  for (int64_t item = begin; item < end; item++) {
    const float *restrict x = job->x + item * inner;
    float *restrict to = job->gradient + item * inner;
    for (int64_t i = 0; i < inner; i++)
      to[i] += last ? job->a[i] + job->b[i] * x[i] : job->a[item] + job->b[item] * x[i];
  }
}

void
nn_channel_sums_spread(NnContext *context, const NnTensor *map, const float *a, const float *b,
                       const NnTensor *gradient)
{
  Job job = job_of(map);
  job.a = a;
  job.b = b;
  job.gradient = gradient->f;
  bool last = job.channel_step == 1;
  nn_parallel_for(context, last ? job.positions : job.channels,
                  nn_grain(last ? job.channels : job.positions), spread_chunk, &job);
}
