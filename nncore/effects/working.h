/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The picture that a network is shown of a layer: whole, without holes, and not larger than asked
 * for. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

/**
 * nn_working_size:
 * @working_px: longest side; 0: as large as it is; never enlarges
 * @width, @height: (inout): of the picture
 */
void nn_working_size(int working_px, int *width, int *height);

/**
 * nn_working_picture:
 * @content: RGBA
 *
 * Returns: (transfer full): RGB within 0..1, of nn_working_size(); errors as nn_image_fill().
 */
NnImage *nn_working_picture(NnContext *context, const NnImage *content, int working_px,
                            GError **error);

/** nn_working_resized: (transfer full): RGB, or a mask, at another size, clipped to 0..1. */
NnImage *nn_working_resized(NnContext *context, const NnImage *picture, int width, int height,
                            GError **error);
