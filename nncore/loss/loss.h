/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objectives: what of an activation is to grow. Each is a vtable and its parameters; evaluating
 * one gives its value and writes its gradient to the activation.
 *
 * Activations are float, of any layout (channels-last as a rule). Those with channels are
 * 1 x C x spatial dimensions; P is the number of positions, the product of the spatial dimensions;
 * scores 1 x C have one position. Sums are taken in double and in an order that does not depend
 * on the number of threads. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/tensor/tensor.h"

typedef struct NnLoss NnLoss;

/**
 * NnLossClass:
 * @evaluate: value of @loss at @activation; writes @factor times its gradient, whole, into
 *   @gradient (same shape and layout). Allocates nothing.
 * @free: frees what the constructor made
 */
typedef struct {
  const char *name;
  double (*evaluate)(NnLoss *loss, NnContext *context, const NnTensor *activation, float factor,
                     const NnTensor *gradient);
  void (*free)(NnLoss *loss);
} NnLossClass;

/** NnLoss: the first member of every loss. */
struct NnLoss {
  const NnLossClass *klass;
};

/** nn_loss_evaluate: see NnLossClass. For channel and guide, @activation must be one that
 * nn_channel_view() takes, with that channel or with as many channels as the guide. */
double nn_loss_evaluate(NnLoss *loss, NnContext *context, const NnTensor *activation, float factor,
                        const NnTensor *gradient);
void nn_loss_free(NnLoss *loss);

/** nn_loss_l2: half the sum of squares; its gradient is the activation itself (DeepDream). */
NnLoss *nn_loss_l2(void);

/** nn_loss_mean: the mean over all elements. */
NnLoss *nn_loss_mean(void);

/** nn_loss_channel: the mean of channel @channel over its P positions. Of scores 1 x C, the score
 * of class @channel. */
NnLoss *nn_loss_channel(int64_t channel);

/**
 * nn_loss_guide:
 * @features: activation of the guide at the same layer; copied
 *
 * For each position, the largest of the dot products of its C channels with those of the guide's
 * positions; summed. The gradient is, at each position, the guide's vector that won (the notebook
 * of Mordvintsev, Olah and Tyka).
 * Returns: (transfer full): or %NULL with %NN_ERROR_MEMORY, or %NN_ERROR_SHAPE where @features has
 *   no channels.
 */
NnLoss *nn_loss_guide(NnContext *context, const NnTensor *features, GError **error);

/**
 * nn_channel_view:
 * @channels, @positions: (out): C and P
 * @channel_stride, @position_stride: (out): elements from one to the next
 *
 * Returns: false where @tensor is not float or not 1 x C x spatial dimensions.
 */
bool nn_channel_view(const NnTensor *tensor, int64_t *channels, int64_t *positions,
                     int64_t *channel_stride, int64_t *position_stride);

/** nn_strongest_channel: the one with the largest mean; @activation as nn_channel_view() takes. */
int64_t nn_strongest_channel(const NnTensor *activation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnLoss, nn_loss_free)
