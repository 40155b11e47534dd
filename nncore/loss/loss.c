/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the objectives share, and the channel view of an activation: element (c, p) lies at
 * c * channel_stride + p * position_stride in both layouts. */
#include "nncore/loss/loss.h"

bool
nn_loss_has_statistics(const NnLoss *loss)
{
  return loss->klass->observe != NULL;
}

double
nn_loss_evaluate(NnLoss *loss, NnContext *context, const NnTensor *activation, float factor,
                 const NnTensor *gradient)
{
  NnPiece piece = nn_piece_whole(activation);
  double value = 0;
  if (nn_loss_has_statistics(loss)) {
    loss->klass->begin(loss);
    loss->klass->observe(loss, context, &piece);
    value = loss->klass->close(loss, context);
  }
  return value + loss->klass->evaluate(loss, context, &piece, factor, gradient);
}

void
nn_loss_hold(NnLoss *loss, NnContext *context, size_t bytes)
{
  loss->context = context;
  loss->held_bytes = (int64_t)bytes;
  nn_context_hold_memory(context, loss->held_bytes);
}

void
nn_loss_free(NnLoss *loss)
{
  if (loss == NULL)
    return;
  if (loss->context != NULL)
    nn_context_hold_memory(loss->context, -loss->held_bytes);
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
