/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums over the positions of a map, channel by channel, as statistics of a whole picture are gathered
 * piece by piece; and their gradient. Maps are float, 1 x C x H x W, in any layout. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/tensor/tensor.h"

/** nn_channel_sums_picture: picture @n of a batch, a map. */
NnTensor nn_channel_sums_picture(const NnTensor *batch, int64_t n);

/** nn_channel_sums_scratch_doubles: that nn_channel_sums_add() needs for maps of C channels. */
size_t nn_channel_sums_scratch_doubles(int64_t channels);

/**
 * nn_channel_sums_add:
 * @squares: whether also of x^2
 * @sums: C numbers, to which the sums of x are added; then C, to which those of x^2 are
 *
 * In double, in an order that follows from the map's size.
 */
void nn_channel_sums_add(NnContext *context, const NnTensor *map, bool squares, double *sums,
                         double *scratch);

/** nn_channel_sums_spread: adds a + b x to @gradient, a tensor like @map, at every element x; @a, @b: C
 * numbers each. */
void nn_channel_sums_spread(NnContext *context, const NnTensor *map, const float *a, const float *b,
                            const NnTensor *gradient);
