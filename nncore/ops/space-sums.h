/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators that depend on input 0 (1 x C x spatial dimensions) only through sums over its
 * positions, channel by channel: means, moments. Sums over parts of a picture can be added up, so
 * such an operator can be run while a picture goes by in tiles (plan/stages.h). */
#pragma once

#include "nncore/tensor/tensor.h"

/**
 * NnSpaceSums:
 * @squares: sums of x^2 are wanted beside those of x
 * @close: the results (C elements each, whatever their shape) from the sums over @count positions:
 *   @sums is C of x, then, if @squares, C of x^2
 * @slope: from the results and the gradients to them: the gradient to x, at any position, is
 *   a[c] + b[c] x. A gradient's data is %NULL where it is zero
 */
typedef struct {
  bool squares;
  void (*close)(const void *params, int64_t count, int64_t channels, const double *sums,
                const NnTensor *out);
  void (*slope)(const void *params, int64_t count, int64_t channels, const NnTensor *out,
                const NnTensor *grad_out, float *a, float *b);
} NnSpaceSums;

/** nn_space_mean: of an operator with one output, the mean. */
extern const NnSpaceSums nn_space_mean;
