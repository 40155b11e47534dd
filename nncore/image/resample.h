/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures of another size. Separable Catmull-Rom interpolation (Keys 1981, a = -1/2); when
 * shrinking, the kernel is widened by the scale, so that every source pixel counts and nothing
 * aliases. Positions are those of pixel centres: nothing shifts. Past the edges the outermost
 * pixels go on; or, of a periodic picture, which tiles the plane, its other side: it still does.
 * A constant stays constant, an equal size gives equal bits.
 *
 * Channels are treated alike: colours under alpha 0 must have been filled in (image/fill.h).
 * Overshoots at edges by up to an eighth or so of their height: values are not clipped. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

/** NnResampler: all that pictures of one size need to get another. */
typedef struct NnResampler NnResampler;

/** nn_resampler_new: (transfer full): or %NULL with %NN_ERROR_MEMORY. */
NnResampler *nn_resampler_new(NnSize from, NnSize to, int channels, bool periodic, GError **error);
void nn_resampler_free(NnResampler *resampler);

/** nn_resampler_bytes: that nn_resampler_new() allocates: those of a picture that has one side of
 * either size, and of a few numbers for each row and column. */
double nn_resampler_bytes(NnSize from, NnSize to, int channels);

/** nn_resampler_run: @from, @to: of the sizes and channels told; @to is overwritten. */
void nn_resampler_run(NnResampler *resampler, NnContext *context, const NnImage *from, NnImage *to);

/** nn_resample: a resampler of its own for this once: false with %NN_ERROR_MEMORY. */
bool nn_resample(NnContext *context, const NnImage *from, NnImage *to, GError **error);
bool nn_resample_periodic(NnContext *context, const NnImage *from, NnImage *to, GError **error);

/** nn_resample_new: (transfer full): @image at a size of @width x @height px, or %NULL. */
NnImage *nn_resample_new(NnContext *context, const NnImage *image, int width, int height,
                         GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnResampler, nn_resampler_free)
