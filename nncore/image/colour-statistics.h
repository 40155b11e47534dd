/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mean and covariance of a picture's colours, and maps and noise made from them. Matching is the
 * linear one of Gatys, Bethge, Hertzmann and Shechtman ("Preserving color in neural artistic style
 * transfer", 2016) along principal components:
 *   x' = S^1/2 C^-1/2 (x - m) + n
 * for colours of mean m and covariance C that are to have mean n and covariance S. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

/** NnColourStatistics: R'G'B'; @covariance: 3 x 3. */
typedef struct {
  double mean[3], covariance[9];
} NnColourStatistics;

/** NnColourMap: x' = matrix x + offset. */
typedef struct {
  double matrix[9], offset[3];
} NnColourMap;

/** nn_colour_statistics: of an RGB picture, or an RGBA one, weighted by alpha; all 0 where that is
 * 0 everywhere. Every value counts as nn_clipped() has it, which is what networks see of it. */
NnColourStatistics nn_colour_statistics(NnContext *context, const NnImage *image);

/** nn_colour_statistics_mix: of pictures taken together, each by its weight. */
NnColourStatistics nn_colour_statistics_mix(const NnColourStatistics *statistics,
                                            const double *weights, int n);

/** nn_colour_match: the map that gives colours of statistics @from those of @to. Where @from hardly
 * varies in some direction (deviation below 1/255), neither will the result. */
NnColourMap nn_colour_match(const NnColourStatistics *from, const NnColourStatistics *to);

/** nn_colour_to_grey: the map to luminance (colour.h), in all three channels. */
NnColourMap nn_colour_to_grey(void);

/** nn_colour_map: applies it to the colours of @image, RGB or RGBA, in place; nothing is clipped. */
void nn_colour_map(NnContext *context, const NnColourMap *map, NnImage *image);

/** nn_colour_noise: fills @image, RGB, with Gaussian noise of these statistics, clipped to 0..1,
 * each pixel by itself. */
void nn_colour_noise(NnContext *context, const NnColourStatistics *statistics, uint64_t seed,
                     NnImage *image);
