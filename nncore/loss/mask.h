/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights of an activation's positions: where a loss looks. 1 x C x height x width activations
 * have a weight for each position; without weights, all count alike, whatever their rank. */
#pragma once

#include "nncore/tensor/piece.h"

/**
 * NnMask:
 * @weights: (nullable): @height x @width, at least 0; %NULL: all 1
 * @sum: of the weights
 */
typedef struct {
  float *weights;
  int64_t height, width;
  double sum;
} NnMask;

/** nn_mask_set: copies @weights, or, where they are %NULL, clears @mask, which must have been
 * zeroed once. What is below 0 or no number counts as 0. Returns: false with %NN_ERROR_MEMORY. */
bool nn_mask_set(NnMask *mask, const float *weights, int64_t height, int64_t width, GError **error);
void nn_mask_clear(NnMask *mask);

/** nn_mask_fits: whether pieces of this whole shape can be asked for. */
bool nn_mask_fits(const NnMask *mask, const NnShape *whole);

/** nn_mask_total: the sum of the weights of all positions of @whole. */
double nn_mask_total(const NnMask *mask, const NnShape *whole);

/** nn_piece_place: where position @p of the piece is among those of the whole. */
int64_t nn_piece_place(const NnPiece *piece, int64_t p);

/** nn_mask_at: the weight of position @p of the piece. */
static inline float
nn_mask_at(const NnMask *mask, const NnPiece *piece, int64_t p)
{
  return mask->weights == NULL ? 1 : mask->weights[nn_piece_place(piece, p)];
}
