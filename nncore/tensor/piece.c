/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cutting a box out of a piece, and putting it back. */
#include "nncore/tensor/piece.h"

#include <string.h>

/* what of the box lies in the piece, in the piece's own places */
static NnBox
overlap(const NnPiece *piece, const NnBox *box)
{
  NnBox common;
  for (int a = 0; a < 2; a++) {
    int64_t end = piece->first[a] + piece->activation->shape.dim[a + 2];
    common.begin[a] = MAX(box->begin[a], piece->first[a]) - piece->first[a];
    common.end[a] = MAX(MIN(box->end[a], end) - piece->first[a], common.begin[a]);
  }
  return common;
}

bool
nn_piece_crop(const NnPiece *piece, const NnBox *box, float *elements, NnTensor *cropped,
              NnPiece *crop)
{
  const NnTensor *whole = piece->activation;
  NnBox common = overlap(piece, box);
  *cropped = (NnTensor){.shape = whole->shape, .dtype = whole->dtype, .layout = whole->layout};
  cropped->f = elements;
  *crop = (NnPiece){.activation = cropped, .whole = piece->whole};
  for (int a = 0; a < 2; a++) {
    cropped->shape.dim[a + 2] = nn_box_size(&common, a);
    crop->whole.dim[a + 2] = nn_box_size(box, a);
    crop->first[a] = common.begin[a] + piece->first[a] - box->begin[a];
  }
  if (nn_box_is_empty(&common))
    return false;
  nn_box_copy(NULL, whole, &common, cropped, 0, 0, false);
  return true;
}

void
nn_piece_uncrop(const NnPiece *piece, const NnBox *box, const NnTensor *cropped,
                const NnTensor *tensor)
{
  NnBox common = overlap(piece, box);
  NnBox all = {.end = {nn_box_size(&common, 0), nn_box_size(&common, 1)}};
  memset(tensor->data, 0, nn_tensor_bytes(tensor));
  if (!nn_box_is_empty(&common))
    nn_box_copy(NULL, cropped, &all, tensor, common.begin[0], common.begin[1], false);
}
