/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Quantiles, by sorting. */
#include "nncore/image/quantile.h"

#include <math.h>
#include <stdlib.h>

static int
compare_floats(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

void
nn_sort_values(float *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    values[i] = values[i] > 0 ? values[i] : 0;
  qsort(values, count, sizeof *values, compare_floats);
}

float
nn_quantile(const float *sorted, size_t count, double part)
{
  return sorted[(size_t)llround((double)(count - 1) * part)];
}
