/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures as vectors, in place. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

/** nn_image_clip: every value to 0..1. */
void nn_image_clip(NnContext *context, NnImage *image);

/** nn_image_add: @image += @factor * @other, of the same size and channels. */
void nn_image_add(NnContext *context, NnImage *image, float factor, const NnImage *other);

/** nn_image_shift: every value += @offset. */
void nn_image_shift(NnContext *context, NnImage *image, float offset);
