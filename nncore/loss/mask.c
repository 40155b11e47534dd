/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights of positions. */
#include "nncore/loss/mask.h"

#include "nncore/base/memory.h"

bool
nn_mask_set(NnMask *mask, const float *weights, int64_t height, int64_t width, GError **error)
{
  nn_mask_clear(mask);
  if (weights == NULL)
    return true;
  mask->weights = nn_alloc((size_t)height, (size_t)width * sizeof(float), error);
  if (mask->weights == NULL)
    return false;
  mask->height = height;
  mask->width = width;
  for (int64_t i = 0; i < height * width; i++) {
    mask->weights[i] = weights[i] > 0 ? weights[i] : 0;
    mask->sum += mask->weights[i];
  }
  return true;
}

void
nn_mask_clear(NnMask *mask)
{
  nn_free(mask->weights);
  *mask = (NnMask){0};
}

bool
nn_mask_fits(const NnMask *mask, const NnShape *whole)
{
  return mask->weights == NULL ||
         (whole->rank == 4 && whole->dim[2] == mask->height && whole->dim[3] == mask->width);
}

double
nn_mask_total(const NnMask *mask, const NnShape *whole)
{
  return mask->weights == NULL ? (double)nn_shape_product(whole, 2, whole->rank) : mask->sum;
}

int64_t
nn_piece_place(const NnPiece *piece, int64_t p)
{
  const NnShape *box = &piece->activation->shape;
  int64_t place = 0, step = 1;
  for (int axis = box->rank - 1; axis >= 2; axis--) {
    place += (p % box->dim[axis] + piece->first[axis - 2]) * step;
    p /= box->dim[axis];
    step *= piece->whole.dim[axis];
  }
  return place;
}
