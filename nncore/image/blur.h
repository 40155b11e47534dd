/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gaussian blur in place, separable, for use in every iteration: its memory is taken once. Past
 * the edges the outermost pixels go on, so a constant stays constant. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

typedef struct NnBlur NnBlur;

/**
 * nn_blur_new:
 * @width, @height, @channels: of the pictures to be blurred
 * @sigma_px: standard deviation; 0 or less changes nothing. The kernel ends at three of them.
 *
 * Returns: (transfer full): or %NULL with %NN_ERROR_MEMORY.
 */
NnBlur *nn_blur_new(int width, int height, int channels, double sigma_px, GError **error);
void nn_blur_free(NnBlur *blur);

/** nn_blur_run: blurs @image, of the size given to nn_blur_new(). One caller at a time. */
void nn_blur_run(NnBlur *blur, NnContext *context, NnImage *image);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnBlur, nn_blur_free)
