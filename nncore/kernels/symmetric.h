/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Eigenvectors of symmetric matrices, in double precision (LAPACK, which OpenBLAS brings along).
 * Single-threaded, and the same to the bit from run to run. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** nn_eigen_workspace: doubles of scratch that nn_eigen() needs for an @n x @n matrix. */
int64_t nn_eigen_workspace(int64_t n);

/**
 * nn_eigen:
 * @a: (inout): @n x @n, symmetric (one triangle is read); overwritten by the eigenvectors, a row
 *   each, orthonormal
 * @values: (out): @n eigenvalues, ascending, in the order of the rows
 * @workspace: nn_eigen_workspace() doubles
 *
 * Returns: false where the iteration does not converge, which only a matrix with elements that are
 *   no numbers brings about.
 */
bool nn_eigen(int64_t n, double *a, double *values, double *workspace);
