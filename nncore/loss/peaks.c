/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where each channel responds most. Pieces come in any order, so that of equal values the first row by
 * row is told by its place and not by when it came. Channels are shared among the threads, sixteen
 * at a time, which lie side by side in memory. */
#include <math.h>

#include "nncore/base/memory.h"
#include "nncore/loss/loss.h"

#define CHANNELS 16 /* a chunk */

/**
 * PeaksLoss:
 * @excluded: @exclusions for each channel, of which @n_excluded count
 */
typedef struct {
  NnLoss base;
  int64_t channels;
  NnPeak *peaks;
  int exclusions;
  NnBox *excluded;
  int *n_excluded;
} PeaksLoss;

typedef struct {
  PeaksLoss *loss;
  const float *x;
  int64_t width, positions, channel_stride, position_stride, first_y, first_x;
} Job;

static void
peaks_begin(NnLoss *loss)
{
  PeaksLoss *self = (PeaksLoss *)loss;
  for (int64_t c = 0; c < self->channels; c++)
    self->peaks[c] = (NnPeak){.value = -INFINITY};
}

static bool
is_excluded(const PeaksLoss *self, int64_t channel, int64_t y, int64_t x)
{
  const NnBox *boxes = self->excluded + channel * self->exclusions;
  for (int i = 0; i < self->n_excluded[channel]; i++)
    if (y >= boxes[i].begin[0] && y < boxes[i].end[0] && x >= boxes[i].begin[1] &&
        x < boxes[i].end[1])
      return true;
  return false;
}

static void
compare(PeaksLoss *self, int64_t channel, NnPeak here)
{
  NnPeak *peak = &self->peaks[channel];
  bool first = here.y < peak->y || (here.y == peak->y && here.x < peak->x);
  bool better = here.value > peak->value || (first && isfinite(here.value));
  if (better && !is_excluded(self, channel, here.y, here.x))
    *peak = here;
}

static void
observe_channels(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t p = 0; p < job->positions; p++) {
    const float *x = job->x + p * job->position_stride;
    for (int64_t c = begin; c < end; c++)
      if (x[c * job->channel_stride] >= job->loss->peaks[c].value)
        compare(job->loss, c,
                (NnPeak){x[c * job->channel_stride], job->first_y + p / job->width,
                         job->first_x + p % job->width});
  }
}

static void
peaks_observe(NnLoss *loss, NnContext *context, const NnPiece *piece)
{
  const NnShape *shape = &piece->activation->shape;
  Job job = {.loss = (PeaksLoss *)loss,
             .x = piece->activation->f,
             .width = shape->rank == 4 ? shape->dim[3] : 1,
             .first_y = shape->rank > 2 ? piece->first[0] : 0,
             .first_x = shape->rank == 4 ? piece->first[1] : 0};
  int64_t channels;
  bool viewed = nn_channel_view(piece->activation, &channels, &job.positions, &job.channel_stride,
                                &job.position_stride);
  g_return_if_fail(viewed && channels == job.loss->channels);
  nn_parallel_for(context, channels, CHANNELS, observe_channels, &job);
}

static void
peaks_free(NnLoss *loss)
{
  PeaksLoss *self = (PeaksLoss *)loss;
  nn_free(self->peaks);
  nn_free(self->excluded);
  nn_free(self->n_excluded);
  g_free(self);
}

static const NnLossClass peaks_class = {
    .name = "peaks",
    .begin = peaks_begin,
    .observe = peaks_observe,
    .free = peaks_free,
};

NnLoss *
nn_loss_peaks(int64_t channels, int exclusions, GError **error)
{
  PeaksLoss *self = g_new0(PeaksLoss, 1);
  *self = (PeaksLoss){{&peaks_class}, .channels = channels, .exclusions = exclusions};
  self->peaks = nn_alloc0((size_t)channels, sizeof(NnPeak), error);
  if (self->peaks != NULL)
    self->excluded = nn_alloc0((size_t)channels * (size_t)exclusions, sizeof(NnBox), error);
  if (self->excluded != NULL)
    self->n_excluded = nn_alloc0((size_t)channels, sizeof(int), error);
  if (self->n_excluded != NULL)
    return &self->base;
  peaks_free(&self->base);
  return NULL;
}

const NnPeak *
nn_loss_peaks_at(const NnLoss *loss, int64_t channel)
{
  const PeaksLoss *self = (const PeaksLoss *)loss;
  g_return_val_if_fail(loss->klass == &peaks_class && channel < self->channels, NULL);
  return &self->peaks[channel];
}

void
nn_loss_peaks_exclude(NnLoss *loss, int64_t channel, const NnBox *box)
{
  PeaksLoss *self = (PeaksLoss *)loss;
  g_return_if_fail(loss->klass == &peaks_class && self->n_excluded[channel] < self->exclusions);
  self->excluded[channel * self->exclusions + self->n_excluded[channel]++] = *box;
}

void
nn_loss_peaks_include(NnLoss *loss)
{
  PeaksLoss *self = (PeaksLoss *)loss;
  g_return_if_fail(loss->klass == &peaks_class);
  for (int64_t c = 0; c < self->channels; c++)
    self->n_excluded[c] = 0;
}
