/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far the best of all other classes' scores lies above a class's: value z_best - z_from, where
 * z_c is the mean of channel c over its P positions; gradient 1/P on one channel and -1/P on the
 * other. The scores are gathered by loss/strongest.c. */
#include <string.h>

#include "nncore/loss/loss.h"

typedef struct {
  NnLoss base;
  NnLoss *scores;
  int64_t from, best;
} MarginLoss;

static void
margin_begin(NnLoss *loss)
{
  NnLoss *scores = ((MarginLoss *)loss)->scores;
  scores->klass->begin(scores);
}

static void
margin_observe(NnLoss *loss, NnContext *context, const NnPiece *piece)
{
  NnLoss *scores = ((MarginLoss *)loss)->scores;
  scores->klass->observe(scores, context, piece);
}

static double
margin_close(NnLoss *loss, NnContext *context)
{
  MarginLoss *self = (MarginLoss *)loss;
  int64_t channels = nn_loss_strongest_channels(self->scores);
  self->best = self->from == 0 ? 1 : 0;
  for (int64_t c = 0; c < channels; c++)
    if (c != self->from &&
        nn_loss_strongest_mean(self->scores, c) > nn_loss_strongest_mean(self->scores, self->best))
      self->best = c;
  return nn_loss_strongest_mean(self->scores, self->best) -
         nn_loss_strongest_mean(self->scores, self->from);
}

static double
margin_evaluate(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
                const NnTensor *gradient)
{
  const MarginLoss *self = (MarginLoss *)loss;
  int64_t channels, positions, channel_stride, position_stride;
  bool viewed = nn_channel_view(gradient, &channels, &positions, &channel_stride, &position_stride);
  g_return_val_if_fail(viewed, 0);
  double all = (double)nn_shape_product(&piece->whole, 2, piece->whole.rank);
  float each = (float)(factor / all);
  memset(gradient->data, 0, nn_tensor_bytes(gradient));
  for (int64_t p = 0; p < positions; p++) {
    gradient->f[p * position_stride + self->best * channel_stride] = each;
    gradient->f[p * position_stride + self->from * channel_stride] = -each;
  }
  return 0;
}

static void
margin_free(NnLoss *loss)
{
  nn_loss_free(((MarginLoss *)loss)->scores);
  g_free(loss);
}

static const NnLossClass margin_class = {
    .name = "margin",
    .begin = margin_begin,
    .observe = margin_observe,
    .close = margin_close,
    .evaluate = margin_evaluate,
    .free = margin_free,
};

NnLoss *
nn_loss_margin(int64_t channels, int64_t from, GError **error)
{
  g_return_val_if_fail(channels > 1 && from >= 0 && from < channels, NULL);
  NnLoss *scores = nn_loss_strongest(channels, error);
  if (scores == NULL)
    return NULL;
  MarginLoss *self = g_new(MarginLoss, 1);
  *self = (MarginLoss){.base = {&margin_class}, .scores = scores, .from = from};
  return &self->base;
}

const NnLoss *
nn_loss_margin_scores(const NnLoss *loss)
{
  g_return_val_if_fail(loss->klass == &margin_class, NULL);
  return ((const MarginLoss *)loss)->scores;
}
