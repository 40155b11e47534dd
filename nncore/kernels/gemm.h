/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only door to BLAS. Single-threaded on purpose: the engine's own threads each call it on
 * their part. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * nn_gemm:
 * C (m x n) = alpha op(A) (m x k) op(B) (k x n) + beta C, all row-major; lda, ldb, ldc are the
 * row lengths of the stored matrices. With beta 0, C is not read.
 */
void nn_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
             const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c,
             int64_t ldc);

/** nn_gemm_double: the same in double precision. */
void nn_gemm_double(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                    double alpha, const double *a, int64_t lda, const double *b, int64_t ldb,
                    double beta, double *c, int64_t ldc);

/** nn_blas_use_one_thread: to be called before anything else of BLAS; any number of times. */
void nn_blas_use_one_thread(void);
