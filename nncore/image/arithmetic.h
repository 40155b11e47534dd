/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures as vectors, in place. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

/** nn_clipped: @value, of a picture from outside, to 0..1; what is no number becomes 0. */
static inline float
nn_clipped(float value)
{
  return value > 0 ? (value < 1 ? value : 1) : 0; /* comparisons are false for what is no number */
}

/** nn_image_clip: every value to 0..1; what is no number stays so. */
void nn_image_clip(NnContext *context, NnImage *image);

/** nn_image_add: @image += @factor * @other, of the same size and channels. */
void nn_image_add(NnContext *context, NnImage *image, float factor, const NnImage *other);

/** nn_image_shift: every value += @offset. */
void nn_image_shift(NnContext *context, NnImage *image, float offset);
