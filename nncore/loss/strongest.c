/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which channel responds most: the sum of each over all positions, in double, one thread a channel
 * so that the order of the sums does not depend on their number. */
#include "nncore/base/memory.h"
#include "nncore/loss/loss.h"

#define CHANNELS 16 /* a chunk */

typedef struct {
  NnLoss base;
  int64_t channels, positions; /* positions observed */
  double *sums;
} StrongestLoss;

typedef struct {
  double *sums;
  const float *x;
  int64_t positions, channel_stride, position_stride;
} Job;

static void
strongest_begin(NnLoss *loss)
{
  StrongestLoss *self = (StrongestLoss *)loss;
  self->positions = 0;
  for (int64_t c = 0; c < self->channels; c++)
    self->sums[c] = 0;
}

static void
sum_channels(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t p = 0; p < job->positions; p++)
    for (int64_t c = begin; c < end; c++)
      job->sums[c] += job->x[c * job->channel_stride + p * job->position_stride];
}

static void
strongest_observe(NnLoss *loss, NnContext *context, const NnPiece *piece)
{
  StrongestLoss *self = (StrongestLoss *)loss;
  Job job = {.sums = self->sums, .x = piece->activation->f};
  int64_t channels;
  bool viewed = nn_channel_view(piece->activation, &channels, &job.positions, &job.channel_stride,
                                &job.position_stride);
  g_return_if_fail(viewed && channels == self->channels);
  nn_parallel_for(context, channels, CHANNELS, sum_channels, &job);
  self->positions += job.positions;
}

static void
strongest_free(NnLoss *loss)
{
  nn_free(((StrongestLoss *)loss)->sums);
  g_free(loss);
}

static const NnLossClass strongest_class = {
    .name = "strongest",
    .begin = strongest_begin,
    .observe = strongest_observe,
    .free = strongest_free,
};

NnLoss *
nn_loss_strongest(int64_t channels, GError **error)
{
  StrongestLoss *self = g_new0(StrongestLoss, 1);
  *self = (StrongestLoss){.base = {&strongest_class}, .channels = channels};
  self->sums = nn_alloc0((size_t)channels, sizeof(double), error);
  if (self->sums != NULL)
    return &self->base;
  g_free(self);
  return NULL;
}

int64_t
nn_loss_strongest_channel(const NnLoss *loss)
{
  const StrongestLoss *self = (const StrongestLoss *)loss;
  int64_t strongest = 0;
  g_return_val_if_fail(loss->klass == &strongest_class, 0);
  for (int64_t c = 1; c < self->channels; c++)
    if (self->sums[c] > self->sums[strongest])
      strongest = c;
  return strongest;
}

int64_t
nn_loss_strongest_channels(const NnLoss *loss)
{
  g_return_val_if_fail(loss->klass == &strongest_class, 0);
  return ((const StrongestLoss *)loss)->channels;
}

double
nn_loss_strongest_mean(const NnLoss *loss, int64_t channel)
{
  const StrongestLoss *self = (const StrongestLoss *)loss;
  g_return_val_if_fail(loss->klass == &strongest_class && channel < self->channels, 0);
  return self->sums[channel] / (double)MAX(self->positions, 1);
}
