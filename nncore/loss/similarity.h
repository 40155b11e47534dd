/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How alike several pictures are to a layer: the mean cosine of their Gram matrices G = E x x' (Olah,
 * Mordvintsev and Schubert 2017, "Feature Visualization", on diversity),
 *   1 / (n - 1) sum over the others j of <G, G_j> / (|G| |G_j|).
 * Pictures that are made in turns to differ have it as a penalty: each sees the others as they were
 * when they were evaluated last. */
#pragma once

#include "nncore/loss/loss.h"

/**
 * nn_loss_similarity:
 * @channels: C of the activations
 * @pictures: how many there are, at least 1
 *
 * A loss with statistics. The others are those of the pictures that have been evaluated; where there
 * is none yet, the value and its gradient are 0.
 * Returns: (transfer full): or %NULL with %NN_ERROR_MEMORY: it takes 4 C^2 bytes a picture, and
 *   some 30 C^2 more.
 */
NnLoss *nn_loss_similarity(NnContext *context, int64_t channels, int pictures, GError **error);

/** nn_loss_similarity_turn: from now on picture @picture, from 0, is what is evaluated. */
void nn_loss_similarity_turn(NnLoss *loss, int picture);

/** nn_loss_similarity_forget: all pictures, for new ones. */
void nn_loss_similarity_forget(NnLoss *loss);
