/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Laplacian pyramid (Burt and Adelson 1983) of a picture: bands of detail, each an octave
 * coarser than the one before, and a rest. Its use here is to bring a gradient's bands to equal
 * strength (lap_normalize of Mordvintsev's DeepDream notebook), which stops fine grain from
 * drowning the large shapes. Any size down to 1 x 1 px. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

#define NN_PYRAMID_MAX_LEVELS 10

typedef struct NnPyramid NnPyramid;

/**
 * nn_pyramid_new:
 * @levels: bands above the rest, 0 to %NN_PYRAMID_MAX_LEVELS; fewer are made where the picture is
 *   too small for them
 *
 * Takes all the memory that the functions below need.
 */
NnPyramid *nn_pyramid_new(int width, int height, int channels, int levels, GError **error);
void nn_pyramid_free(NnPyramid *pyramid);

/** nn_pyramid_levels: bands above the rest that there are. */
int nn_pyramid_levels(const NnPyramid *pyramid);

/** nn_pyramid_band: (transfer none): band @level, 0 the finest; the last, number
 * nn_pyramid_levels(), is the rest. Half as large, rounded up, as the one before. */
NnImage *nn_pyramid_band(NnPyramid *pyramid, int level);

/** nn_pyramid_split: fills the bands from @image, of the size given to nn_pyramid_new(). */
void nn_pyramid_split(NnPyramid *pyramid, NnContext *context, const NnImage *image);

/** nn_pyramid_join: the inverse; overwrites the bands. */
void nn_pyramid_join(NnPyramid *pyramid, NnContext *context, NnImage *image);

/**
 * nn_pyramid_normalise:
 * Splits @image, divides each band by its root mean square over all channels (bands that are zero
 * stay zero) and joins them again, in place.
 */
void nn_pyramid_normalise(NnPyramid *pyramid, NnContext *context, NnImage *image);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnPyramid, nn_pyramid_free)
