/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums for each pixel, channels side by side as in the activations, and numbers of places. Threads share
 * the channels, sixteen at a time, so that the order of the sums is that of the pieces. */
#include "nncore/effects/gather.h"

#include <string.h>

#include "nncore/base/memory.h"

#define CHANNELS 16 /* a chunk */

/** Gather: @sums: height x width x n_channels; @counts: height x width. */
typedef struct {
  NnLoss base;
  int n_channels, height, width;
  int64_t *channels;
  float *sums;
  int *counts;
} Gather;

typedef struct {
  Gather *gather;
  const NnPiece *piece;
  int64_t channel_stride, position_stride, positions, rows, columns; /* the latter of the whole */
  int64_t piece_width;
} Job;

static void
gather_begin(NnLoss *loss)
{
  Gather *self = (Gather *)loss;
  size_t pixels = (size_t)self->height * (size_t)self->width;
  memset(self->sums, 0, pixels * (size_t)self->n_channels * sizeof(float));
  memset(self->counts, 0, pixels * sizeof(int));
}

/* the pixel that place @p of the piece belongs to */
static int64_t
pixel_of(const Job *job, int64_t p)
{
  int64_t y = job->piece->first[0] + p / job->piece_width;
  int64_t x = job->piece->first[1] + p % job->piece_width;
  return (2 * y + 1) * job->gather->height / (2 * job->rows) * job->gather->width +
         (2 * x + 1) * job->gather->width / (2 * job->columns);
}

static void
add_channels(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const Gather *self = job->gather;
  for (int64_t p = 0; p < job->positions; p++) {
    const float *x = job->piece->activation->f + p * job->position_stride;
    int64_t pixel = pixel_of(job, p);
    float *sums = self->sums + pixel * self->n_channels;
    for (int64_t k = begin; k < end; k++)
      sums[k] += x[self->channels[k] * job->channel_stride];
    if (begin == 0)
      self->counts[pixel]++;
  }
}

static void
gather_observe(NnLoss *loss, NnContext *context, const NnPiece *piece)
{
  Gather *self = (Gather *)loss;
  const NnShape *whole = &piece->whole;
  bool map = whole->rank == 4;
  Job job = {.gather = self,
             .piece = piece,
             .rows = map ? whole->dim[2] : 1,
             .columns = map ? whole->dim[3] : 1,
             .piece_width = map ? piece->activation->shape.dim[3] : 1};
  int64_t channels;
  bool viewed = nn_channel_view(piece->activation, &channels, &job.positions, &job.channel_stride,
                                &job.position_stride);
  g_return_if_fail(viewed);
  nn_parallel_for(context, self->n_channels, CHANNELS, add_channels, &job);
}

static void
gather_free(NnLoss *loss)
{
  Gather *self = (Gather *)loss;
  nn_free(self->channels);
  nn_free(self->sums);
  nn_free(self->counts);
  g_free(self);
}

static const NnLossClass gather_class = {
    .name = "gather",
    .begin = gather_begin,
    .observe = gather_observe,
    .free = gather_free,
};

NnLoss *
nn_gather_new(const int64_t *channels, int n_channels, int height, int width, GError **error)
{
  Gather *self = g_new0(Gather, 1);
  size_t pixels = (size_t)height * (size_t)width;
  *self = (Gather){{&gather_class}, n_channels, height, width};
  self->channels = nn_alloc((size_t)n_channels, sizeof(int64_t), error);
  if (self->channels != NULL)
    self->sums = nn_alloc(pixels, (size_t)n_channels * sizeof(float), error);
  if (self->sums != NULL)
    self->counts = nn_alloc(pixels, sizeof(int), error);
  if (self->counts == NULL) {
    gather_free(&self->base);
    return NULL;
  }
  memcpy(self->channels, channels, (size_t)n_channels * sizeof(int64_t));
  return &self->base;
}

double
nn_gather_bytes(int64_t n_channels, int height, int width)
{
  double pixels = (double)height * width, channels = (double)n_channels;
  return pixels * (channels * sizeof(float) + sizeof(int)) + channels * sizeof(int64_t);
}

NnImage *
nn_gather_map(const NnLoss *gather, int index, GError **error)
{
  const Gather *self = (const Gather *)gather;
  NnImage *map = nn_image_new(self->width, self->height, 1, error);
  for (size_t i = 0; map != NULL && i < nn_image_samples(map); i++)
    map->data[i] =
        self->sums[i * (size_t)self->n_channels + (size_t)index] / (float)MAX(self->counts[i], 1);
  return map;
}
