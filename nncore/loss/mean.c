/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mean of an activation, or of one of its channels: 1/n sum x, gradient 1/n on the n elements that
 * count and 0 elsewhere. A class's score is a channel with one position. Of a channel also the mean
 * of a function f of its elements, f(x) = x where nothing else is said. */
#include "nncore/base/sum.h"
#include "nncore/loss/loss.h"

#define GRAIN 16384

typedef struct {
  NnLoss base;
  int64_t channel;
  bool squared; /* f(x) = x^2 where x > 0 */
  float leak;   /* f(x) = leak x where x < 0 */
} ChannelLoss;

typedef struct {
  const float *x;
  float *gradient;
  float each; /* gradient of an element that counts */
  bool squared;
  float leak;
  int64_t channel, channels, channel_stride, position_stride;
} Job;

static double
mean_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  double sum = 0;
  for (int64_t i = begin; i < end; i++) {
    sum += job->x[i];
    job->gradient[i] = job->each;
  }
  return sum;
}

/* f(x) and its derivative */
static inline double
excitement(const Job *job, float x, float *derivative)
{
  if (x < 0) {
    *derivative = job->leak;
    return (double)job->leak * x;
  }
  *derivative = job->squared ? 2 * x : 1;
  return job->squared ? (double)x * x : x;
}

/* items are positions */
static double
channel_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  double sum = 0;
  for (int64_t p = begin; p < end; p++) {
    float *gradient = job->gradient + p * job->position_stride, derivative;
    int64_t at = job->channel * job->channel_stride;
    sum += excitement(job, job->x[p * job->position_stride + at], &derivative);
    for (int64_t c = 0; c < job->channels; c++)
      gradient[c * job->channel_stride] = 0;
    gradient[at] = derivative * job->each;
  }
  return sum;
}

static double
mean_evaluate(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
              const NnTensor *gradient)
{
  double all = (double)MAX(nn_shape_count(&piece->whole), 1);
  Job job = {.x = piece->activation->f, .gradient = gradient->f, .each = (float)(factor / all)};
  int64_t count = nn_shape_count(&piece->activation->shape);
  return nn_parallel_sum(context, count, GRAIN, mean_chunk, &job) / all;
}

static double
channel_evaluate(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
                 const NnTensor *gradient)
{
  const ChannelLoss *self = (const ChannelLoss *)loss;
  Job job = {.x = piece->activation->f,
             .gradient = gradient->f,
             .channel = self->channel,
             .squared = self->squared,
             .leak = self->leak};
  int64_t positions;
  bool viewed = nn_channel_view(piece->activation, &job.channels, &positions, &job.channel_stride,
                                &job.position_stride);
  g_return_val_if_fail(viewed && job.channel < job.channels, 0);
  double all = (double)nn_shape_product(&piece->whole, 2, piece->whole.rank);
  job.each = (float)(factor / all);
  int64_t grain = 1 + GRAIN / job.channels;
  return nn_parallel_sum(context, positions, grain, channel_chunk, &job) / all;
}

static void
free_loss(NnLoss *loss)
{
  g_free(loss);
}

static const NnLossClass mean_class = {
    .name = "mean", .evaluate = mean_evaluate, .free = free_loss};
static const NnLossClass channel_class = {
    .name = "channel", .evaluate = channel_evaluate, .free = free_loss};

NnLoss *
nn_loss_mean(void)
{
  NnLoss *loss = g_new0(NnLoss, 1);
  loss->klass = &mean_class;
  return loss;
}

NnLoss *
nn_loss_channel(int64_t channel)
{
  return nn_loss_excitement(channel, false, 1);
}

NnLoss *
nn_loss_excitement(int64_t channel, bool squared, float leak)
{
  g_return_val_if_fail(channel >= 0, NULL);
  ChannelLoss *loss = g_new(ChannelLoss, 1);
  *loss = (ChannelLoss){{&channel_class}, channel, squared, leak};
  return &loss->base;
}
