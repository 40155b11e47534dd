/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The squared 2-Wasserstein distance of two Gaussians (Dowson and Landau 1982; Olkin and Pukelsheim
 * 1982), divided by tr G*:
 *   |m - m*|^2 + tr S + tr S* - 2 tr A^1/2,  A = R S R,  R = S*^1/2;
 * gradient to S:  I - R A^-1/2 R.
 * With A = Q' diag(l) Q (eigenvectors in rows) that is tr A^1/2 = sum l^1/2 and R A^-1/2 R = B' B,
 * B = diag(l^-1/4) Q R. Covariances of activations are singular as a rule (channels that never
 * respond), where the square root has no derivative: RIDGE times the style's mean variance is added
 * to the diagonals of S and S*, which leaves the distance of equal ones 0. */
#include <math.h>
#include <string.h>

#include "nncore/kernels/gemm.h"
#include "nncore/kernels/symmetric.h"
#include "nncore/loss/statistics.h"

#define RIDGE 1e-3

/* where things lie in the workspace */
typedef struct {
  double *scale, *ridge, *trace; /* tr G*; what is added to diagonals; tr S* with it */
  double *root; /* R, C x C */
  double *covariance, *a, *b; /* C x C */
  double *values; /* C */
  double *eigen; /* nn_eigen()'s own */
} Parts;

static Parts
parts_of(int64_t channels, double *workspace)
{
  int64_t square = channels * channels;
  Parts parts = {workspace, workspace + 1, workspace + 2};
  parts.root = workspace + 3;
  parts.covariance = parts.root + square;
  parts.a = parts.covariance + square;
  parts.b = parts.a + square;
  parts.values = parts.b + square;
  parts.eigen = parts.values + channels;
  return parts;
}

static int64_t
wasserstein_workspace_doubles(int64_t channels)
{
  return 3 + 4 * channels * channels + channels + nn_eigen_workspace(channels);
}

static void
add_to_diagonal(int64_t channels, double *matrix, double value)
{
  for (int64_t i = 0; i < channels; i++)
    matrix[i * channels + i] += value;
}

/* rows of eigenvectors times power(eigenvalue) */
static void
scale_rows(int64_t channels, double *rows, const double *values, double exponent, double least)
{
  for (int64_t i = 0; i < channels; i++) {
    double factor = pow(fmax(values[i], least), exponent);
    for (int64_t k = 0; k < channels; k++)
      rows[i * channels + k] *= factor;
  }
}

static void
multiply(int64_t n, bool transpose_a, const double *a, const double *b, double *c)
{
  nn_gemm_double(transpose_a, false, n, n, n, 1, a, n, b, n, 0, c, n);
}

static bool
wasserstein_prepare(int64_t channels, const NnStatistics *style, double *workspace)
{
  Parts parts = parts_of(channels, workspace);
  double trace = nn_statistics_trace(channels, style->second);
  *parts.scale = trace > 0 ? trace : 1;
  nn_statistics_covariance(channels, style, parts.a);
  double variance = nn_statistics_trace(channels, parts.a) / (double)channels;
  *parts.ridge = RIDGE * (variance > 0 ? variance : *parts.scale / (double)channels);
  add_to_diagonal(channels, parts.a, *parts.ridge);
  *parts.trace = nn_statistics_trace(channels, parts.a);
  /* LAPACK does not say what it does with what is no number */
  if (!isfinite(*parts.trace) || !nn_eigen(channels, parts.a, parts.values, parts.eigen))
    return false;
  scale_rows(channels, parts.a, parts.values, 0.25, *parts.ridge);
  multiply(channels, true, parts.a, parts.a, parts.root);
  return true;
}

static double
wasserstein_measure(int64_t channels, const NnStatistics *style, const NnStatistics *picture,
                    double *workspace, NnStatistics *gradient)
{
  Parts parts = parts_of(channels, workspace);
  double scale = *parts.scale, roots = 0;
  nn_statistics_covariance(channels, picture, parts.covariance);
  add_to_diagonal(channels, parts.covariance, *parts.ridge);
  double trace = nn_statistics_trace(channels, parts.covariance);
  multiply(channels, false, parts.root, parts.covariance, parts.b);
  multiply(channels, false, parts.b, parts.root, parts.a);
  memset(gradient->second, 0, (size_t)(channels * channels) * sizeof(double));
  memset(gradient->mean, 0, (size_t)channels * sizeof(double));
  if (!isfinite(trace) || !nn_eigen(channels, parts.a, parts.values, parts.eigen))
    return NAN;
  double least = *parts.ridge * *parts.ridge;
  for (int64_t i = 0; i < channels; i++)
    roots += sqrt(fmax(parts.values[i], least));
  scale_rows(channels, parts.a, parts.values, -0.25, least);
  multiply(channels, false, parts.a, parts.root, parts.b);
  nn_gemm_double(true, false, channels, channels, channels, -1 / scale, parts.b, channels, parts.b,
                 channels, 0, gradient->second, channels);
  add_to_diagonal(channels, gradient->second, 1 / scale);
  double means = nn_statistics_mean_term(channels, style, picture, scale, gradient);
  nn_statistics_through_covariance(channels, picture, gradient);
  return (trace + *parts.trace - 2 * roots) / scale + means;
}

const NnDistance nn_distance_wasserstein = {
    .workspace_doubles = wasserstein_workspace_doubles,
    .prepare = wasserstein_prepare,
    .measure = wasserstein_measure,
};
