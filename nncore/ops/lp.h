/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What LpPool and GlobalLpPool have in common: y = (sum of |x|^p)^(1 / p), and with s(x) the sign
 *
 *   dx = |x|^(p - 1) s(x) (sum over the windows of g y^(1 - p))
 *
 * Each function below is one of these steps, over @count elements. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/ops/attributes.h"

/** nn_lp_parse: the attribute p, 2 by default. */
bool nn_lp_parse(NnAttributes *attributes, int64_t *p, GError **error);

/** nn_lp_power: @to = |@x|^p. */
void nn_lp_power(NnContext *context, int64_t p, const float *x, float *to, int64_t count);

/** nn_lp_root: @y = @y^(1 / p), in place. */
void nn_lp_root(NnContext *context, int64_t p, float *y, int64_t count);

/** nn_lp_share: @to = @gradient @y^(1 - p), 0 where @y is 0. */
void nn_lp_share(NnContext *context, int64_t p, const float *y, const float *gradient, float *to,
                 int64_t count);

/** nn_lp_slope: @gradient, the shares summed up, times |@x|^(p - 1) s(@x), in place. */
void nn_lp_slope(NnContext *context, int64_t p, const float *x, float *gradient, int64_t count);
