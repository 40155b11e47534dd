/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Style losses: how far a layer's statistics over all positions, or over a region, are from those
 * of a style. With m = E x the mean of the C channels, G = E x x' the Gram matrix (divided by the
 * number of positions) and S = G - m m' the covariance, those of the style with a star:
 *
 *   Gram (Gatys, Ecker and Bethge 2016)      |G - G*|^2 / |G*|^2
 *   covariance                               |S - S*|^2 / |S*|^2 + |m - m*|^2 / tr G*
 *   Wasserstein (2-Wasserstein distance of   (tr (S + S* - 2 (R* S R*)^1/2) + |m - m*|^2) / tr G*
 *     Gaussians, squared; R* = S*^1/2)
 *
 * Norms are Frobenius norms. Each is relative to the style's own size: 0 where style and picture
 * agree, about 1 for a picture without any, at every layer of every network and for pictures of
 * every size, so that one weight suits them all. */
#pragma once

#include "nncore/loss/loss.h"

typedef enum { NN_STYLE_GRAM, NN_STYLE_COVARIANCE, NN_STYLE_WASSERSTEIN } NnStyle;

/**
 * nn_loss_style:
 * @channels: C of the activations
 *
 * A loss with statistics, for nn_criterion_observe() on the style's pictures first, each followed
 * by nn_loss_style_add_target(), and then for evaluations.
 * Returns: (transfer full): or %NULL with %NN_ERROR_MEMORY: it takes some 100 C^2 bytes.
 */
NnLoss *nn_loss_style(NnContext *context, NnStyle kind, int64_t channels, GError **error);

/**
 * nn_loss_style_set_mask:
 * @weights: (nullable): of the positions of pictures observed and evaluated from now on, @height x
 *   @width of the layer, at least 0; copied. %NULL: all alike. Where the weight is 0, so is the
 *   gradient
 */
bool nn_loss_style_set_mask(NnLoss *loss, const float *weights, int64_t height, int64_t width,
                            GError **error);

/**
 * nn_loss_style_add_target:
 * @weight: above 0: of the picture observed last among those that make the target; several mix as
 *   if they were one picture in which each has that share
 *
 * Returns: false with %NN_ERROR_ARGUMENT where all of its positions weigh nothing or its features
 *   are no numbers.
 */
bool nn_loss_style_add_target(NnLoss *loss, double weight, GError **error);
