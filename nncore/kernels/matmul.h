/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of (stacks of) matrices, all row-major, cut into blocks for the threads; each block is
 * one nn_gemm(), so the result does not depend on the number of threads. */
#pragma once

#include <stdbool.h>

#include "nncore/base/context.h"
#include "nncore/tensor/shape.h"

/**
 * NnMatmul:
 * C (m x n) = alpha op(A) (m x k) op(B) (k x n), or C += the same where @add
 *
 * @lda, @ldb, @ldc: row lengths of the stored matrices
 * @batch: the stack; rank 0 for a single product
 * @step_a, @step_b, @step_c: elements from one matrix to the next along each axis of @batch.
 *   Products that meet in the same C (step 0) are added up.
 */
typedef struct {
  bool transpose_a, transpose_b, add;
  int64_t m, n, k;
  float alpha;
  const float *a, *b;
  float *c;
  int64_t lda, ldb, ldc;
  NnShape batch;
  int64_t step_a[NN_MAX_RANK], step_b[NN_MAX_RANK], step_c[NN_MAX_RANK];
} NnMatmul;

void nn_matmul(NnContext *context, const NnMatmul *matmul);
