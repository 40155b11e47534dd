/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GEMM through CBLAS, with BLAS's own threads switched off. */
#include "nncore/kernels/gemm.h"

#include <cblas.h>
#include <glib.h>

void
nn_blas_use_one_thread(void)
{
  static gsize done = 0;
  if (g_once_init_enter(&done)) {
    openblas_set_num_threads(1);
    g_once_init_leave(&done, 1);
  }
}

void
nn_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, float alpha,
        const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
  if (m == 0 || n == 0)
    return;
  nn_blas_use_one_thread();
  cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
              transpose_b ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, alpha, a,
              (blasint)MAX(lda, 1), b, (blasint)MAX(ldb, 1), beta, c, (blasint)MAX(ldc, 1));
}

void
nn_gemm_double(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha,
               const double *a, int64_t lda, const double *b, int64_t ldb, double beta, double *c,
               int64_t ldc)
{
  if (m == 0 || n == 0)
    return;
  nn_blas_use_one_thread();
  cblas_dgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
              transpose_b ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, alpha, a,
              (blasint)MAX(lda, 1), b, (blasint)MAX(ldb, 1), beta, c, (blasint)MAX(ldc, 1));
}
