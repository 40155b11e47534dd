/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gather and multiply. Blocks of target positions are independent, so threads share nothing but
 * the weights, and the result does not depend on their number. */
#include "nncore/kernels/conv.h"

#include <string.h>

#include "nncore/kernels/gemm.h"

typedef struct {
  const NnGather *gather;
  const float *source;
  float *target;
  const float *bias;
  NnActivation activation;
  uint8_t *bits;
  float *scratch;
  int64_t block;        /* positions a chunk */
  int64_t worker_floats; /* scratch of one worker */
  bool dense;           /* targets are all positions in memory order */
  bool direct;          /* and the source rows are where the product wants them: 1 x 1 */
} Job;

/* About 1 MiB of gathered rows: long enough to spread the cost of packing the weights, short
 * enough for the second-level cache and a share of the third. A multiple of 8, for the bits. */
static int64_t
choose_block(int n_taps, int groups, int64_t source_channels)
{
  int64_t row = (int64_t)n_taps * (source_channels / groups);
  return CLAMP((INT64_C(1) << 18) / MAX(row, 1), 96, 512) / 8 * 8;
}

static int64_t
floats_per_worker(int n_taps, int groups, int64_t source_channels, int64_t target_channels)
{
  int64_t block = choose_block(n_taps, groups, source_channels);
  return block * ((int64_t)n_taps * (source_channels / groups) + target_channels);
}

bool
nn_gather_is_depthwise(int groups, int64_t source_channels, int64_t target_channels)
{
  return groups > 1 && source_channels == groups && target_channels == groups;
}

size_t
nn_gather_scratch_bytes(int n_taps, int groups, int64_t source_channels, int64_t target_channels,
                        int threads)
{
  if (nn_gather_is_depthwise(groups, source_channels, target_channels))
    return (size_t)target_channels * (size_t)threads * sizeof(float);
  return (size_t)floats_per_worker(n_taps, groups, source_channels, target_channels) *
         (size_t)threads * sizeof(float);
}

/* ---- positions ---- */

typedef struct {
  int64_t n, j[3];
} Position;

static Position
position_at(const NnGather *gather, int64_t index)
{
  Position p;
  for (int d = 2; d >= 0; d--) {
    p.j[d] = index % gather->count[d];
    index /= gather->count[d];
  }
  p.n = index;
  return p;
}

static inline void
advance(const NnGather *gather, Position *p)
{
  for (int d = 2; d >= 0; d--) {
    if (++p->j[d] < gather->count[d])
      return;
    p->j[d] = 0;
  }
  p->n++;
}

/* index of the source pixel under a tap, or -1 outside */
static inline int64_t
source_pixel(const NnGather *gather, const Position *p, const int64_t offset[3])
{
  int64_t index = p->n;
  for (int d = 0; d < 3; d++) {
    int64_t at = p->j[d] * gather->source_step[d] + offset[d];
    if (at < 0 || at >= gather->source_dims[d])
      return -1;
    index = index * gather->source_dims[d] + at;
  }
  return index;
}

static inline int64_t
target_pixel(const NnGather *gather, const Position *p)
{
  int64_t index = p->n;
  for (int d = 0; d < 3; d++)
    index =
        index * gather->target_dims[d] + gather->target_begin[d] + p->j[d] * gather->target_step[d];
  return index;
}

/* ---- gathering ---- */

/* taps from @first on that follow each other without a gap along the width */
static int
run_length(const NnGather *gather, int first)
{
  const int64_t(*o)[3] = gather->offsets;
  int length = 1;
  while (first + length < gather->n_taps && o[first + length][0] == o[first][0] &&
         o[first + length][1] == o[first][1] && o[first + length][2] == o[first][2] + length)
    length++;
  return length;
}

/* the pixels under taps first .. first + length - 1, whole channels, into one row's part */
static void
gather_run(const NnGather *gather, const Position *p, int first, int length, const float *source,
           float *row)
{
  int64_t channels = gather->source_channels;
  int64_t begin = source_pixel(gather, p, gather->offsets[first]);
  int64_t end = source_pixel(gather, p, gather->offsets[first + length - 1]);
  if (begin >= 0 && end >= 0) {
    memcpy(row, source + begin * channels, (size_t)(length * channels) * sizeof *row);
    return;
  }
  for (int t = 0; t < length; t++, row += channels) {
    int64_t pixel = source_pixel(gather, p, gather->offsets[first + t]);
    if (pixel < 0)
      memset(row, 0, (size_t)channels * sizeof *row);
    else
      memcpy(row, source + pixel * channels, (size_t)channels * sizeof *row);
  }
}

/* one group's channels under every tap */
static void
gather_group(const NnGather *gather, const Position *p, int group, const float *source, float *row)
{
  int64_t channels = gather->source_channels / gather->groups;
  for (int t = 0; t < gather->n_taps; t++, row += channels) {
    int64_t pixel = source_pixel(gather, p, gather->offsets[t]);
    if (pixel < 0)
      memset(row, 0, (size_t)channels * sizeof *row);
    else
      memcpy(row, source + pixel * gather->source_channels + group * channels,
             (size_t)channels * sizeof *row);
  }
}

static void
gather_rows(const Job *job, int64_t begin, int64_t end, int group, float *rows)
{
  const NnGather *gather = job->gather;
  int64_t channels = gather->source_channels / gather->groups;
  Position p = position_at(gather, begin);
  for (int64_t i = begin; i < end; i++, advance(gather, &p)) {
    float *row = rows + (i - begin) * gather->n_taps * channels;
    if (gather->groups > 1) {
      gather_group(gather, &p, group, job->source, row);
      continue;
    }
    for (int t = 0; t < gather->n_taps;) {
      int length = run_length(gather, t);
      gather_run(gather, &p, t, length, job->source, row + t * channels);
      t += length;
    }
  }
}

/* ---- the product ---- */

static void
finish_rows(const Job *job, int64_t begin, int64_t end, float *rows)
{
  int64_t channels = job->gather->target_channels;
  if (job->bias != NULL)
    for (int64_t i = 0; i < end - begin; i++)
      for (int64_t c = 0; c < channels; c++)
        rows[i * channels + c] += job->bias[c];
  nn_activation_forward(job->activation, rows, (end - begin) * channels,
                        job->bits != NULL ? job->bits + begin * channels / 8 : NULL);
}

static void
scatter_rows(const Job *job, int64_t begin, int64_t end, const float *rows)
{
  const NnGather *gather = job->gather;
  int64_t channels = gather->target_channels;
  Position p = position_at(gather, begin);
  for (int64_t i = begin; i < end; i++, advance(gather, &p))
    memcpy(job->target + target_pixel(gather, &p) * channels, rows + (i - begin) * channels,
           (size_t)channels * sizeof *rows);
}

static void
multiply_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnGather *gather = job->gather;
  int64_t source_group = gather->source_channels / gather->groups;
  int64_t target_group = gather->target_channels / gather->groups;
  int64_t depth = gather->n_taps * source_group;
  float *gathered = job->scratch + worker * job->worker_floats;
  float *rows =
      job->dense ? job->target + begin * gather->target_channels : gathered + job->block * depth;
  for (int g = 0; g < gather->groups; g++) {
    const float *a = gathered;
    int64_t lda = depth;
    if (job->direct) {
      a = job->source + begin * gather->source_channels + g * source_group;
      lda = gather->source_channels;
    } else {
      gather_rows(job, begin, end, g, gathered);
    }
    nn_gemm(false, false, end - begin, target_group, depth, 1, a, lda,
            gather->weights + g * depth * target_group, target_group, 0, rows + g * target_group,
            gather->target_channels);
  }
  if (job->dense)
    finish_rows(job, begin, end, rows);
  else
    scatter_rows(job, begin, end, rows);
}

static void
depthwise_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnGather *gather = job->gather;
  int64_t channels = gather->target_channels;
  Position p = position_at(gather, begin);
  for (int64_t i = begin; i < end; i++, advance(gather, &p)) {
    float *restrict sum = job->target + target_pixel(gather, &p) * channels;
    memset(sum, 0, (size_t)channels * sizeof *sum);
    for (int t = 0; t < gather->n_taps; t++) {
      int64_t pixel = source_pixel(gather, &p, gather->offsets[t]);
      if (pixel < 0)
        continue;
      const float *restrict x = job->source + pixel * channels;
      const float *restrict w = gather->weights + t * channels;
      for (int64_t c = 0; c < channels; c++)
        sum[c] += w[c] * x[c];
    }
  }
  if (job->dense)
    finish_rows(job, begin, end, job->target + begin * channels);
}

static bool
is_dense(const NnGather *gather)
{
  for (int d = 0; d < 3; d++)
    if (gather->target_begin[d] != 0 || gather->target_step[d] != 1 ||
        gather->count[d] != gather->target_dims[d])
      return false;
  return true;
}

static bool
is_direct(const NnGather *gather)
{
  if (gather->n_taps != 1)
    return false;
  for (int d = 0; d < 3; d++)
    if (gather->offsets[0][d] != 0 || gather->source_step[d] != 1 ||
        gather->count[d] != gather->source_dims[d])
      return false;
  return true;
}

void
nn_gather_run(NnContext *context, const NnGather *gather, const float *source, float *target,
              const float *bias, NnActivation activation, uint8_t *bits, void *scratch)
{
  Job job = {
      .gather = gather,
      .source = source,
      .target = target,
      .bias = bias,
      .activation = activation,
      .bits = bits,
      .scratch = scratch,
      .block = choose_block(gather->n_taps, gather->groups, gather->source_channels),
      .worker_floats = floats_per_worker(gather->n_taps, gather->groups, gather->source_channels,
                                         gather->target_channels),
      .dense = is_dense(gather),
      .direct = is_direct(gather),
  };
  int64_t positions = gather->batch * gather->count[0] * gather->count[1] * gather->count[2];
  bool depthwise =
      nn_gather_is_depthwise(gather->groups, gather->source_channels, gather->target_channels);
  nn_parallel_for(context, positions, job.block, depthwise ? depthwise_chunk : multiply_chunk,
                  &job);
}
