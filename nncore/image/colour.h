/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bringing a change back into a picture, in its own colours if asked.
 *
 * Luminance and chroma are those of Y'CbCr with the weights of BT.709, a linear transform of
 * R'G'B'. Keeping the chroma of the original and taking the luminance of the changed picture is
 * then the same as adding the change of luminance to each of R', G' and B'. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

/** nn_luminance: Y' of an R'G'B' colour, or the change of it for a change of colour. */
float nn_luminance(const float rgb[3]);

/**
 * NnKeep: what of a picture's colours a change leaves alone.
 * @NN_KEEP_NOTHING: all of them may change
 * @NN_KEEP_HUE: only luminance changes; where a colour would leave 0..1, its chroma gives way
 * @NN_KEEP_CHROMA: only luminance changes; where a colour would leave 0..1, the luminance gives way
 */
typedef enum { NN_KEEP_NOTHING, NN_KEEP_HUE, NN_KEEP_CHROMA } NnKeep;

/**
 * nn_apply_change:
 * @original: RGB or RGBA
 * @change: RGB differences, of any size: brought to the original's (image/resample.h)
 * @strength: factor on @change
 * @keep: what of the colours stays
 * @result: (out): as large and with as many channels as @original, which it may be
 *
 * result = original + strength * change. A colour that lies within 0..1 stays within: channel by
 * channel by clipping; with %NN_KEEP_HUE by clipping its luminance and then drawing its chroma
 * towards grey as far as is needed, so that hue and luminance hold. Values of the original outside
 * 0..1 (unbounded float pictures) are not clipped. Alpha, and pixels where it is 0, are copied.
 * Returns: false with %NN_ERROR_MEMORY.
 */
bool nn_apply_change(NnContext *context, const NnImage *original, const NnImage *change,
                     float strength, NnKeep keep, NnImage *result, GError **error);

/**
 * nn_apply_picture:
 * @original: RGBA
 * @picture: RGB, of any size: brought to the original's and clipped to 0..1
 * @result: (out): RGBA, as large as @original: the picture's colours. Alpha, and pixels where it is
 *   0, are the original's
 *
 * Returns: false with %NN_ERROR_MEMORY.
 */
bool nn_apply_picture(NnContext *context, const NnImage *original, const NnImage *picture,
                      NnImage *result, GError **error);
