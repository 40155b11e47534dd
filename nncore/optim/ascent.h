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

/**
 * nn_ascent_step:
 * @x: (inout): @count values; clipped to @low..@high afterwards
 * @gradient: as many
 * @step: change of the average element
 *
 * Returns: mean(|g|). Where it is 0 or no finite number, @x is left alone.
 */
double nn_ascent_step(NnContext *context, float *x, const float *gradient, int64_t count,
                      double step, float low, float high);
