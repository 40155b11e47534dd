/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The value that a given part of a map's values does not exceed. */
#pragma once

#include <stddef.h>

/** nn_sort_values: ascending, in place; what is below 0 or no number becomes 0 first. */
void nn_sort_values(float *values, size_t count);

/** nn_quantile: of @count sorted values, at least one, the one that @part of them, 0 to 1, do not
 * exceed. */
float nn_quantile(const float *sorted, size_t count, double part);
