/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Symmetric eigenproblems by LAPACK: a tridiagonal form (dsytrd), its eigenvectors by divide and
 * conquer (dstedc), and their product with the transformation that led there. That is dsyevd, which
 * cannot be called itself: it needs Fortran's own library, which a statically linked OpenBLAS does
 * not bring. LAPACK counts by columns: its columns are our rows. */
#include "nncore/kernels/symmetric.h"

#include <string.h>

#include <cblas.h>

#include "nncore/kernels/gemm.h"

#define BLOCK 64 /* columns that dsytrd works on at a time */

extern void dsytrd_(const char *uplo, const blasint *n, double *a, const blasint *lda, double *d,
                    double *e, double *tau, double *work, const blasint *lwork, blasint *info,
                    size_t uplo_length);
extern void dorgtr_(const char *uplo, const blasint *n, double *a, const blasint *lda,
                    const double *tau, double *work, const blasint *lwork, blasint *info,
                    size_t uplo_length);
extern void dstedc_(const char *compz, const blasint *n, double *d, double *e, double *z,
                    const blasint *ldz, double *work, const blasint *lwork, blasint *iwork,
                    const blasint *liwork, blasint *info, size_t compz_length);

/* doubles of LAPACK's own scratch: what dsytrd wants, or dstedc */
static int64_t
work_doubles(int64_t n)
{
  int64_t blocks = BLOCK * n, conquer = 1 + 4 * n + n * n;
  return blocks > conquer ? blocks : conquer;
}

static int64_t
work_ints(int64_t n)
{
  return 3 + 5 * n;
}

int64_t
nn_eigen_workspace(int64_t n)
{
  int64_t ints_as_doubles = (work_ints(n) * (int64_t)sizeof(blasint) + 7) / 8;
  return 2 * n + n * n + work_doubles(n) + ints_as_doubles;
}

bool
nn_eigen(int64_t n, double *a, double *values, double *workspace)
{
  blasint size = (blasint)n, work_size = (blasint)work_doubles(n);
  blasint ints_size = (blasint)work_ints(n), info = 0;
  double *off_diagonal = workspace, *tau = off_diagonal + n, *vectors = tau + n;
  double *work = vectors + n * n;
  blasint *ints = (blasint *)(work + work_size);
  if (n == 0)
    return true;
  nn_blas_use_one_thread();
  dsytrd_("L", &size, a, &size, values, off_diagonal, tau, work, &work_size, &info, 1);
  if (info == 0)
    dorgtr_("L", &size, a, &size, tau, work, &work_size, &info, 1);
  if (info == 0)
    dstedc_("I", &size, values, off_diagonal, vectors, &size, work, &work_size, ints, &ints_size,
            &info, 1);
  if (info != 0)
    return false;
  nn_gemm_double(false, false, n, n, n, 1, vectors, n, a, n, 0, work, n);
  memcpy(a, work, (size_t)(n * n) * sizeof *a);
  return true;
}
