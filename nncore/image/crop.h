/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rectangles of pictures. */
#pragma once

#include "nncore/image/image.h"

/** NnRectangle: in px. */
typedef struct {
  int x, y, width, height;
} NnRectangle;

/** nn_mask_bounds: the smallest rectangle with all pixels of @mask, one channel, above 0; all 0
 * where there are none. */
NnRectangle nn_mask_bounds(const NnImage *mask);

/** nn_image_crop: (transfer full): of @rectangle, which lies within @image; or %NULL with
 * %NN_ERROR_MEMORY. */
NnImage *nn_image_crop(const NnImage *image, NnRectangle rectangle, GError **error);
