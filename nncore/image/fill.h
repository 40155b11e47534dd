/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole picture from one with holes: colours under alpha 0 are undefined, but a network sees
 * them all. */
#pragma once

#include "nncore/image/image.h"

/**
 * nn_image_fill:
 * @image: RGBA
 *
 * Returns: (transfer full): RGB of the same size, every value within 0..1. Where alpha is above 0,
 *   the picture's own colour, clipped (values that are no numbers become 0); elsewhere the colours
 *   around, weighted by alpha and the smoother the farther away they are (push-pull, Gortler et
 *   al. 1996), so that a hole has no edge. %NULL with %NN_ERROR_MEMORY, or with
 *   %NN_ERROR_ARGUMENT where alpha is 0 everywhere.
 */
NnImage *nn_image_fill(const NnImage *image, GError **error);
