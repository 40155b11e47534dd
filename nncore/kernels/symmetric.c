/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Symmetric eigenproblems by LAPACK's dsyev: tridiagonal form, then implicit QL. The divide and
 * conquer of dsyevd is faster for large matrices, but calls Fortran's own library, which a
 * statically linked OpenBLAS does not bring. */
#include "nncore/kernels/symmetric.h"

#include <string.h>

#include <cblas.h>

#include "nncore/kernels/gemm.h"

#define BLOCK 64 /* columns that dsytrd works on at a time */

extern void dsyev_(const char *jobz, const char *uplo, const blasint *n, double *a,
                   const blasint *lda, double *w, double *work, const blasint *lwork, blasint *info,
                   size_t jobz_length, size_t uplo_length);

int64_t
nn_eigen_workspace(int64_t n)
{
  return (BLOCK + 2) * (n > 0 ? n : 1);
}

bool
nn_eigen(int64_t n, double *a, double *values, double *workspace)
{
  blasint size = (blasint)n, work_size = (blasint)nn_eigen_workspace(n), info = 0;
  if (n == 0)
    return true;
  nn_blas_use_one_thread();
  /* LAPACK's columns are our rows */
  dsyev_("V", "L", &size, a, &size, values, workspace, &work_size, &info, 1, 1);
  return info == 0;
}
