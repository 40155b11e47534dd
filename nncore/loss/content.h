/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The content loss: how far a layer's features x_p are from stored ones t_p, position by position
 * with weights w_p, relative to those:
 *   sum w_p |x_p - t_p|^2 / sum w_p |t_p|^2
 * (Gatys, Ecker and Bethge 2016; so normalised, Mahendran and Vedaldi 2015): 0 where they agree, 1
 * for features that are all 0, at every layer, size and network. */
#pragma once

#include "nncore/loss/loss.h"

/**
 * nn_loss_content:
 * @context: must outlive the loss
 * @shape: of the whole layer, 1 x C x spatial dimensions
 *
 * A loss that stores what it observes (nn_criterion_observe() on the content) until
 * nn_loss_content_fix(), and from then on has no statistics, and is evaluated against it.
 * Returns: (transfer full): or %NULL with %NN_ERROR_MEMORY, or %NN_ERROR_SHAPE where the layer has
 *   no channels.
 */
NnLoss *nn_loss_content(NnContext *context, const NnShape *shape, GError **error);

/**
 * nn_loss_content_fix:
 * @weights: (nullable): of the positions, @height x @width of the layer, at least 0; copied. %NULL:
 *   all alike
 *
 * What was observed becomes the target. To be called once. Where it is 0 all over, the sum of
 * squares is divided by the number of elements instead.
 * Returns: false with %NN_ERROR_MEMORY, or %NN_ERROR_ARGUMENT where the features are no numbers.
 */
bool nn_loss_content_fix(NnLoss *loss, NnContext *context, const float *weights, int64_t height,
                         int64_t width, GError **error);
