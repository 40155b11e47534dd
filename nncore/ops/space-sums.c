/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mean: sum / n, gradient 1 / n everywhere. */
#include "nncore/ops/space-sums.h"

static void
mean_close(const void *params, int64_t count, int64_t channels, const double *sums,
           const NnTensor *out)
{
  for (int64_t c = 0; c < channels; c++)
    out[0].f[c] = (float)(sums[c] / (double)count);
}

static void
mean_slope(const void *params, int64_t count, int64_t channels, const NnTensor *out,
           const NnTensor *grad_out, float *a, float *b)
{
  for (int64_t c = 0; c < channels; c++) {
    a[c] = grad_out[0].data != NULL ? (float)((double)grad_out[0].f[c] / (double)count) : 0;
    b[c] = 0;
  }
}

const NnSpaceSums nn_space_mean = {.close = mean_close, .slope = mean_slope};
