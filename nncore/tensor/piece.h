/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A part of an activation: what a loss sees at a time where a picture is too large to be worked on
 * as a whole. */
#pragma once

#include "nncore/tensor/box.h"

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

/**
 * nn_piece_crop:
 * @piece: of an activation of rank 4
 * @box: of the whole activation
 * @elements: room for as many as the piece has: gets those of it within the box
 * @cropped, @crop: (out): they as a piece of an activation that is the box alone
 *
 * Returns: false where none are.
 */
bool nn_piece_crop(const NnPiece *piece, const NnBox *box, float *elements, NnTensor *cropped,
                   NnPiece *crop);

/** nn_piece_uncrop: the other way: @tensor, which is like the piece's activation, gets @cropped, of
 * the shape that nn_piece_crop() gave, within the box and 0 elsewhere. */
void nn_piece_uncrop(const NnPiece *piece, const NnBox *box, const NnTensor *cropped,
                     const NnTensor *tensor);
