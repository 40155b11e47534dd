/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Normalised gradient ascent, as in the DeepDream notebook of Mordvintsev, Olah and Tyka:
 *   x += step / mean(|g|) * g.
 *
 * The step is in x's own units: for a picture of 0..1, 8-bit levels divided by 255. So g must be
 * the gradient to that picture (nn_input_gradient()), not to the network's input: with x[c] =
 * (range * rgb[c] - mean[c]) / deviation[c] it is range / deviation[c] times the latter. In the
 * input's units the same step is, a channel, step * range / 255 / deviation[c] along the gradient
 * divided once more by deviation[c]; where deviations differ, a step along the input's own gradient
 * would shift colours towards the channels with small ones. */
#pragma once

#include <stdint.h>

#include "nncore/base/context.h"

/** nn_mean_absolute: mean(|x|) of @count values. */
double nn_mean_absolute(NnContext *context, const float *x, int64_t count);

/**
 * nn_ascent_step:
 * @x: (inout): @count values; clipped to @low..@high afterwards
 * @gradient: as many
 * @rate: factor on the gradient: step / nn_mean_absolute(), or the step itself where the gradient
 *   has been brought to a scale of its own (nn_pyramid_normalise()). One that no float can hold
 *   changes nothing: such a gradient is as good as none.
 */
void nn_ascent_step(NnContext *context, float *x, const float *gradient, int64_t count, double rate,
                    float low, float high);
