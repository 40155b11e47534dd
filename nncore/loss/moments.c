/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments. The work of a piece is cut into panels of PANEL rows of the matrix (the part right of
 * the diagonal) and into slices of its positions, so that layers of few channels, which have the
 * most positions, busy several threads as well. Each slice has sums of its own, S x C x C, and is
 * gone through in blocks of POSITIONS in order; an item of work is one panel of one slice. */
#include "nncore/loss/moments.h"

#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/kernels/gemm.h"
#include "nncore/loss/loss.h"

#define PANEL 64
#define POSITIONS 512
#define ITEMS 16 /* a piece, at least */
#define BLOCK 256 /* positions, on the way back */

struct NnMoments {
  int64_t channels, panels, slices;
  int threads;
  double weight;
  bool closed;
  double *first;  /* slices x C */
  double *second; /* slices x C x C */
  float *scratch; /* a thread: PANEL x C products, POSITIONS x PANEL weighted values */
};

typedef struct {
  NnMoments *moments;
  const NnPiece *piece;
  const NnMask *mask;
  int64_t positions, channel_stride, position_stride;
} Job;

/* part of an item's work: @count positions from @begin on, the matrix's rows from @row on */
typedef struct {
  int64_t begin, count, row, rows;
} Block;

static size_t
scratch_floats(int64_t channels)
{
  return (size_t)(PANEL * channels + POSITIONS * PANEL);
}

NnMoments *
nn_moments_new(NnContext *context, int64_t channels, GError **error)
{
  g_autoptr(NnMoments) moments = g_new0(NnMoments, 1);
  moments->channels = channels;
  moments->panels = nn_divide_up(channels, PANEL);
  moments->slices = MAX(1, ITEMS / MAX(moments->panels, 1));
  moments->threads = nn_context_threads(context);
  size_t c = (size_t)channels, slices = (size_t)moments->slices;
  moments->first = nn_alloc0(slices, c * sizeof(double), error);
  if (moments->first != NULL)
    moments->second = nn_alloc0(slices * c, c * sizeof(double), error);
  if (moments->second != NULL)
    moments->scratch =
        nn_alloc((size_t)moments->threads, scratch_floats(channels) * sizeof(float), error);
  return moments->scratch != NULL ? g_steal_pointer(&moments) : NULL;
}

void
nn_moments_free(NnMoments *moments)
{
  if (moments == NULL)
    return;
  nn_free(moments->first);
  nn_free(moments->second);
  nn_free(moments->scratch);
  g_free(moments);
}

size_t
nn_moments_bytes(const NnMoments *moments)
{
  size_t c = (size_t)moments->channels, slices = (size_t)moments->slices;
  return slices * (c + c * c) * sizeof(double) +
         NN_NOMINAL_THREADS * scratch_floats(moments->channels) * sizeof(float);
}

void
nn_moments_begin(NnMoments *moments)
{
  size_t c = (size_t)moments->channels, slices = (size_t)moments->slices;
  memset(moments->first, 0, slices * c * sizeof(double));
  memset(moments->second, 0, slices * c * c * sizeof(double));
  moments->weight = 0;
  moments->closed = false;
}

/* the block's rows of channels times their positions' weights, channels fastest */
static void
weigh(const Job *job, const Block *block, float *weighted)
{
  const float *x = job->piece->activation->f + block->row * job->channel_stride;
  for (int64_t i = 0; i < block->count; i++) {
    int64_t p = block->begin + i;
    float weight = nn_mask_at(job->mask, job->piece, p);
    for (int64_t c = 0; c < block->rows; c++)
      weighted[i * PANEL + c] = weight * x[p * job->position_stride + c * job->channel_stride];
  }
}

static void
add_first(const Block *block, const float *weighted, double *first)
{
  float sums[PANEL] = {0};
  for (int64_t i = 0; i < block->count; i++)
    for (int64_t c = 0; c < PANEL; c++)
      sums[c] += weighted[i * PANEL + c];
  for (int64_t c = 0; c < block->rows; c++)
    first[block->row + c] += (double)sums[c];
}

static void
add_second(const Job *job, const Block *block, const float *weighted, float *products,
           double *second)
{
  int64_t channels = job->moments->channels, columns = channels - block->row;
  bool channels_last = job->channel_stride == 1;
  const float *x = job->piece->activation->f + block->begin * job->position_stride +
                   block->row * job->channel_stride;
  nn_gemm(true, !channels_last, block->rows, columns, block->count, 1, weighted, PANEL, x,
          channels_last ? job->position_stride : job->channel_stride, 0, products, columns);
  for (int64_t i = 0; i < block->rows; i++) {
    double *row = second + (block->row + i) * channels + block->row;
    for (int64_t k = i; k < columns; k++)
      row[k] += (double)products[i * columns + k];
  }
}

static void
observe_items(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  NnMoments *moments = job->moments;
  int64_t channels = moments->channels;
  float *products = moments->scratch + (size_t)worker * scratch_floats(channels);
  float *weighted = products + PANEL * channels;
  memset(weighted, 0, POSITIONS * PANEL * sizeof *weighted);
  for (int64_t item = begin; item < end; item++) {
    int64_t slice = item / moments->panels;
    int64_t last = (slice + 1) * job->positions / moments->slices;
    Block block = {.row = item % moments->panels * PANEL};
    block.rows = MIN(PANEL, channels - block.row);
    for (block.begin = slice * job->positions / moments->slices; block.begin < last;
         block.begin += block.count) {
      block.count = MIN(POSITIONS, last - block.begin);
      weigh(job, &block, weighted);
      add_first(&block, weighted, moments->first + slice * channels);
      add_second(job, &block, weighted, products, moments->second + slice * channels * channels);
    }
  }
}

void
nn_moments_observe(NnMoments *moments, NnContext *context, const NnPiece *piece, const NnMask *mask)
{
  Job job = {.moments = moments, .piece = piece, .mask = mask};
  int64_t channels;
  bool viewed = nn_channel_view(piece->activation, &channels, &job.positions, &job.channel_stride,
                                &job.position_stride);
  g_return_if_fail(viewed && channels == moments->channels);
  g_return_if_fail(nn_mask_fits(mask, &piece->whole));
  g_return_if_fail(nn_context_threads(context) <= moments->threads);
  moments->weight = nn_mask_total(mask, &piece->whole);
  nn_parallel_for(context, moments->panels * moments->slices, 1, observe_items, &job);
}

double
nn_moments_close(NnMoments *moments)
{
  int64_t c = moments->channels;
  if (moments->closed)
    return moments->weight;
  moments->closed = true;
  for (int64_t slice = 1; slice < moments->slices; slice++) {
    for (int64_t i = 0; i < c; i++)
      moments->first[i] += moments->first[slice * c + i];
    for (int64_t i = 0; i < c * c; i++)
      moments->second[i] += moments->second[slice * c * c + i];
  }
  for (int64_t i = 0; i < c; i++)
    for (int64_t k = 0; k < i; k++)
      moments->second[i * c + k] = moments->second[k * c + i];
  return moments->weight;
}

const double *
nn_moments_first(const NnMoments *moments)
{
  return moments->first;
}

const double *
nn_moments_second(const NnMoments *moments)
{
  return moments->second;
}

/* ---- the way back: one GEMM of the positions, in blocks ---- */

typedef struct {
  const NnMomentsGradient *to;
  const NnPiece *piece;
  const NnMask *mask;
  float *gradient;
  int64_t channels, positions, channel_stride, position_stride;
} Back;

static bool
is_masked_out(const Back *job, int64_t begin, int64_t end)
{
  for (int64_t p = begin; p < end; p++)
    if (nn_mask_at(job->mask, job->piece, p) > 0)
      return false;
  return true;
}

static void
multiply_block(const Back *job, int64_t begin, int64_t count)
{
  int64_t c = job->channels, offset = begin * job->position_stride;
  const float *x = job->piece->activation->f + offset;
  if (job->channel_stride == 1)
    nn_gemm(false, false, count, c, c, 1, x, job->position_stride, job->to->matrix, c, 0,
            job->gradient + offset, job->position_stride);
  else
    nn_gemm(false, false, c, count, c, 1, job->to->matrix, c, x, job->channel_stride, 0,
            job->gradient + offset, job->channel_stride);
}

static void
back_blocks(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Back *job = data;
  const float *vector = job->to->vector;
  int64_t last = MIN(end * BLOCK, job->positions);
  for (int64_t block = begin; block < end; block++) {
    int64_t from = block * BLOCK, to = MIN(from + BLOCK, last);
    if (!is_masked_out(job, from, to))
      multiply_block(job, from, to - from);
    for (int64_t p = from; p < to; p++) {
      float weight = job->to->factor * nn_mask_at(job->mask, job->piece, p);
      float *gradient = job->gradient + p * job->position_stride;
      for (int64_t c = 0; c < job->channels; c++) {
        float *g = &gradient[c * job->channel_stride];
        *g = weight == 0 ? 0 : weight * (*g + (vector != NULL ? vector[c] : 0));
      }
    }
  }
}

void
nn_moments_gradient(const NnMoments *moments, NnContext *context, const NnPiece *piece,
                    const NnMask *mask, const NnMomentsGradient *to, const NnTensor *gradient)
{
  Back job = {.to = to, .piece = piece, .mask = mask, .gradient = gradient->f};
  bool viewed = nn_channel_view(piece->activation, &job.channels, &job.positions,
                                &job.channel_stride, &job.position_stride);
  g_return_if_fail(viewed && job.channels == moments->channels);
  nn_parallel_for(context, nn_divide_up(job.positions, BLOCK), 1, back_blocks, &job);
}
