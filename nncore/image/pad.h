/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A picture made larger by its own reflection, for networks that take only some sizes. */
#pragma once

#include "nncore/image/image.h"

/**
 * nn_image_pad_reflect:
 * @width, @height: not below the picture's own
 *
 * Adds on the right and at the bottom. The outermost pixels are not repeated, as with ONNX's Pad
 * "reflect"; where more is added than there is to reflect, it goes back and forth.
 * Returns: (transfer full): or %NULL with %NN_ERROR_MEMORY.
 */
NnImage *nn_image_pad_reflect(const NnImage *image, int width, int height, GError **error);
