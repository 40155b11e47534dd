/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A part of an activation: what a loss sees at a time where a picture is too large to be worked on
 * as a whole. */
#pragma once

#include "nncore/tensor/tensor.h"

/**
 * NnPiece: a box of an activation's positions. The pieces of one pass cover every position once.
 * @activation: the box alone, all channels: 1 x C x its spatial size, of any layout
 * @whole: the shape of the whole activation, which differs in the spatial dimensions only
 * @first: along each spatial axis, the position in the whole where the box begins
 */
typedef struct {
  const NnTensor *activation;
  NnShape whole;
  int64_t first[NN_MAX_RANK - 2];
} NnPiece;

/** nn_piece_whole: @activation as its own only piece. */
static inline NnPiece
nn_piece_whole(const NnTensor *activation)
{
  return (NnPiece){.activation = activation, .whole = activation->shape};
}
