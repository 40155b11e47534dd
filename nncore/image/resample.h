/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures of another size. Separable Catmull-Rom interpolation (Keys 1981, a = -1/2); when
 * shrinking, the kernel is widened by the scale, so that every source pixel counts and nothing
 * aliases. Positions are those of pixel centres: nothing shifts. Past the edges the outermost
 * pixels go on. A constant stays constant, an equal size gives equal bits. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

/**
 * nn_resample:
 * @from, @to: pictures of the same number of channels and any sizes; @to is overwritten. Channels
 *   are treated alike: colours under alpha 0 must have been filled in (image/fill.h).
 *
 * Overshoots at edges by up to an eighth or so of their height: values are not clipped.
 * Returns: false with %NN_ERROR_MEMORY.
 */
bool nn_resample(NnContext *context, const NnImage *from, NnImage *to, GError **error);

/** nn_resample_periodic: the same of a picture that goes on periodically past its edges: what tiles
 * the plane still does. */
bool nn_resample_periodic(NnContext *context, const NnImage *from, NnImage *to, GError **error);

/** nn_resample_new: (transfer full): @image at a size of @width x @height px, or %NULL. */
NnImage *nn_resample_new(NnContext *context, const NnImage *image, int width, int height,
                         GError **error);
