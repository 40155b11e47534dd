/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One element of an activation: value x[c, p], gradient 1 there and 0 elsewhere. Which channel, where
 * that is left to the picture, is found by the passes over the pieces before. */
#include <float.h>
#include <string.h>

#include "nncore/loss/loss.h"

typedef struct {
  NnLoss base;
  bool chooses;
  int64_t channel, y, x;
  float best; /* of the channels seen */
} NeuronLoss;

/* whether the neuron's position lies in the piece; its index among the piece's positions */
static bool
find_position(const NeuronLoss *self, const NnPiece *piece, int64_t *position)
{
  const NnShape *shape = &piece->activation->shape;
  int64_t height = shape->rank > 2 ? shape->dim[2] : 1, width = shape->rank > 3 ? shape->dim[3] : 1;
  int64_t y = self->y - piece->first[0], x = self->x - piece->first[1];
  *position = y * width + x;
  return y >= 0 && y < height && x >= 0 && x < width;
}

static void
neuron_begin(NnLoss *loss)
{
  ((NeuronLoss *)loss)->best = -FLT_MAX;
}

static void
neuron_observe(NnLoss *loss, NnContext *context, const NnPiece *piece)
{
  NeuronLoss *self = (NeuronLoss *)loss;
  int64_t channels, positions, channel_stride, position_stride, position;
  bool viewed =
      nn_channel_view(piece->activation, &channels, &positions, &channel_stride, &position_stride);
  g_return_if_fail(viewed);
  if (!self->chooses || !find_position(self, piece, &position))
    return;
  const float *x = piece->activation->f + position * position_stride;
  for (int64_t c = 0; c < channels; c++)
    if (x[c * channel_stride] > self->best) {
      self->best = x[c * channel_stride];
      self->channel = c;
    }
}

static double
neuron_close(NnLoss *loss, NnContext *context)
{
  return ((NeuronLoss *)loss)->best;
}

static double
neuron_evaluate(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
                const NnTensor *gradient)
{
  const NeuronLoss *self = (NeuronLoss *)loss;
  int64_t channels, positions, channel_stride, position_stride, position;
  bool viewed =
      nn_channel_view(piece->activation, &channels, &positions, &channel_stride, &position_stride);
  g_return_val_if_fail(viewed && self->channel < channels, 0);
  memset(gradient->data, 0, nn_tensor_bytes(gradient));
  if (!find_position(self, piece, &position))
    return 0;
  int64_t element = self->channel * channel_stride + position * position_stride;
  gradient->f[element] = factor;
  return self->chooses ? 0 : piece->activation->f[element];
}

static void
neuron_free(NnLoss *loss)
{
  g_free(loss);
}

static const NnLossClass neuron_class = {
    .name = "neuron", .evaluate = neuron_evaluate, .free = neuron_free};
static const NnLossClass choosing_class = {
    .name = "strongest neuron",
    .begin = neuron_begin,
    .observe = neuron_observe,
    .close = neuron_close,
    .evaluate = neuron_evaluate,
    .free = neuron_free,
};

NnLoss *
nn_loss_neuron(int64_t channel, int64_t y, int64_t x)
{
  NeuronLoss *self = g_new(NeuronLoss, 1);
  *self = (NeuronLoss){.base = {channel < 0 ? &choosing_class : &neuron_class},
                       .chooses = channel < 0,
                       .channel = MAX(channel, 0),
                       .y = y,
                       .x = x};
  return &self->base;
}

int64_t
nn_loss_neuron_channel(const NnLoss *loss)
{
  g_return_val_if_fail(loss->klass == &neuron_class || loss->klass == &choosing_class, 0);
  return ((const NeuronLoss *)loss)->channel;
}
