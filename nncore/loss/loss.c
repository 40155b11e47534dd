/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the objectives share, and the channel view of an activation: element (c, p) lies at
 * c * channel_stride + p * position_stride in both layouts. */
#include "nncore/loss/loss.h"

double
nn_loss_evaluate(NnLoss *loss, NnContext *context, const NnTensor *activation, float factor,
                 const NnTensor *gradient)
{
  return loss->klass->evaluate(loss, context, activation, factor, gradient);
}

void
nn_loss_free(NnLoss *loss)
{
  if (loss != NULL)
    loss->klass->free(loss);
}

bool
nn_channel_view(const NnTensor *tensor, int64_t *channels, int64_t *positions,
                int64_t *channel_stride, int64_t *position_stride)
{
  const NnShape *shape = &tensor->shape;
  if (tensor->dtype != NN_DTYPE_FLOAT || shape->rank < 2 || shape->dim[0] != 1 ||
      nn_shape_count(shape) == 0)
    return false;
  *channels = shape->dim[1];
  *positions = nn_shape_product(shape, 2, shape->rank);
  /* one position is channels-last in either layout: a row of scores */
  bool last = tensor->layout == NN_LAYOUT_CHANNELS_LAST || *positions == 1;
  *channel_stride = last ? 1 : *positions;
  *position_stride = last ? *channels : 1;
  return true;
}

int64_t
nn_strongest_channel(const NnTensor *activation)
{
  int64_t channels, positions, channel_stride, position_stride;
  bool viewed =
      nn_channel_view(activation, &channels, &positions, &channel_stride, &position_stride);
  g_return_val_if_fail(viewed, 0);
  int64_t strongest = 0;
  double most = -G_MAXDOUBLE;
  for (int64_t c = 0; c < channels; c++) {
    double sum = 0;
    for (int64_t p = 0; p < positions; p++)
      sum += activation->f[c * channel_stride + p * position_stride];
    if (sum > most) {
      most = sum;
      strongest = c;
    }
  }
  return strongest;
}
