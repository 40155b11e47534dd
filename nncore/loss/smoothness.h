/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a picture itself should be like, whatever a network says: smooth (total variation) and not
 * too bright (p-norm). Planes of floats, interleaved: pixel (x, y), channel c at
 * (y * width + x) * channels + c. */
#pragma once

#include <stdint.h>

#include "nncore/base/context.h"

/**
 * NnVariation:
 * @width, @height, @channels: of the picture
 * @exponent: b, at least 1
 * @isotropic: the length of the gradient, (dx^2 + dy^2)^(b/2), instead of |dx|^b + |dy|^b
 * @wrapped: what is left of the first column is the last one, and so above
 */
typedef struct {
  int64_t width, height, channels;
  double exponent;
  bool isotropic, wrapped;
} NnVariation;

/**
 * nn_total_variation:
 * @gradient: (inout): @factor times the gradient is added
 *
 * Mean over all values of the picture of what a value and its neighbours to the right (dx) and below
 * (dy) differ by, to the power of the exponent. For exponents below 2, where a power has no
 * derivative at 0, squares are taken 1e-8 larger there (and the mean less what that adds to a
 * constant picture). Differences past the edges are 0, unless wrapped.
 */
double nn_total_variation(NnContext *context, const NnVariation *variation, const float *x,
                          double factor, float *gradient);

/**
 * nn_power_norm:
 * @exponent: p, at least 1
 *
 * Mean of |x - @middle|^p; @factor times the gradient is added to @gradient.
 */
double nn_power_norm(NnContext *context, const float *x, int64_t count, double exponent,
                     float middle, double factor, float *gradient);
