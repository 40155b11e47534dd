/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments are summed up by one thread, pixel after pixel, so that they never depend on the threads;
 * what costs time is to find each pixel's Gaussian. */
#include "nncore/analysis/gaussian-mixture.h"

#include <math.h>
#include <string.h>

#include "nncore/kernels/symmetric.h"

#define GRAIN_PX 8192
#define LEAST_VARIANCE (1.0 / (255 * 255))

typedef struct {
  double count, sum[3], products[9];
} Moments;

static int64_t
count_of(const NnMixturePixels *pixels)
{
  return (int64_t)pixels->picture->width * pixels->picture->height;
}

/* of each of @n Gaussians; what is only needed of one triangle is made of both */
static void
sum_moments(const NnMixturePixels *pixels, Moments *moments, int n)
{
  memset(moments, 0, (size_t)n * sizeof *moments);
  for (int64_t i = 0; i < count_of(pixels); i++) {
    if (pixels->labels[i] != pixels->label)
      continue;
    const float *rgb = pixels->picture->data + 3 * i;
    Moments *own = &moments[pixels->members[i]];
    own->count++;
    for (int a = 0; a < 3; a++) {
      own->sum[a] += rgb[a];
      for (int b = 0; b < 3; b++)
        own->products[3 * a + b] += (double)rgb[a] * rgb[b];
    }
  }
}

/* of a symmetric matrix; returns the determinant */
static double
invert(const double m[9], double inverse[9])
{
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 3; k++) {
      int i1 = (i + 1) % 3, i2 = (i + 2) % 3, k1 = (k + 1) % 3, k2 = (k + 2) % 3;
      inverse[3 * i + k] = m[3 * i1 + k1] * m[3 * i2 + k2] - m[3 * i1 + k2] * m[3 * i2 + k1];
    }
  double determinant = m[0] * inverse[0] + m[1] * inverse[1] + m[2] * inverse[2];
  for (int i = 0; i < 9; i++)
    inverse[i] /= determinant;
  return determinant;
}

static void
set_gaussian(NnGaussian *gaussian, const Moments *moments, double total)
{
  *gaussian = (NnGaussian){.share = moments->count / total};
  if (moments->count == 0)
    return;
  for (int a = 0; a < 3; a++)
    gaussian->mean[a] = moments->sum[a] / moments->count;
  for (int i = 0; i < 9; i++)
    gaussian->covariance[i] = moments->products[i] / moments->count -
                              gaussian->mean[i / 3] * gaussian->mean[i % 3] +
                              (i % 4 == 0 ? LEAST_VARIANCE : 0);
  double determinant = invert(gaussian->covariance, gaussian->inverse);
  gaussian->cost = 0.5 * log(determinant) - log(gaussian->share);
}

void
nn_mixture_learn(NnGaussianMixture *mixture, const NnMixturePixels *pixels)
{
  Moments moments[NN_MIXTURE_MOST];
  double total = 0;
  sum_moments(pixels, moments, mixture->count);
  for (int k = 0; k < mixture->count; k++)
    total += moments[k].count;
  g_return_if_fail(total > 0);
  for (int k = 0; k < mixture->count; k++)
    set_gaussian(&mixture->gaussians[k], &moments[k], total);
}

/* ---- the beginning ---- */

/* the largest variance in any direction, and the direction */
static double
find_spread(const NnGaussian *gaussian, double axis[3])
{
  double vectors[9], values[3], workspace[256];
  g_assert(nn_eigen_workspace(3) <= (int64_t)G_N_ELEMENTS(workspace));
  memcpy(vectors, gaussian->covariance, sizeof vectors);
  if (gaussian->share == 0 || !nn_eigen(3, vectors, values, workspace))
    return 0;
  memcpy(axis, vectors + 6, 3 * sizeof *axis);
  return values[2];
}

/* the pixels of @gaussian beyond its mean along @axis become number @number's */
static void
halve(const NnMixturePixels *pixels, const NnGaussian *gaussian, int from, int number,
      const double axis[3])
{
  for (int64_t i = 0; i < count_of(pixels); i++) {
    if (pixels->labels[i] != pixels->label || pixels->members[i] != from)
      continue;
    const float *rgb = pixels->picture->data + 3 * i;
    double beyond = 0;
    for (int c = 0; c < 3; c++)
      beyond += axis[c] * (rgb[c] - gaussian->mean[c]);
    if (beyond > 0)
      pixels->members[i] = (uint8_t)number;
  }
}

void
nn_mixture_split(NnGaussianMixture *mixture, int count, const NnMixturePixels *pixels)
{
  g_return_if_fail(count >= 1 && count <= NN_MIXTURE_MOST);
  memset(pixels->members, 0, (size_t)count_of(pixels));
  for (mixture->count = 1;; mixture->count++) {
    double widest = 0, axis[3] = {0};
    int from = 0;
    nn_mixture_learn(mixture, pixels);
    for (int k = 0; k < mixture->count; k++) {
      double along[3], spread = find_spread(&mixture->gaussians[k], along);
      if (!(spread > widest))
        continue;
      widest = spread;
      from = k;
      memcpy(axis, along, sizeof axis);
    }
    if (mixture->count == count || widest < 1.5 * LEAST_VARIANCE)
      return;
    halve(pixels, &mixture->gaussians[from], from, mixture->count, axis);
  }
}

/* ---- costs ---- */

static double
cost_with(const NnGaussian *gaussian, const float rgb[3])
{
  const double *s = gaussian->inverse;
  double x = rgb[0] - gaussian->mean[0], y = rgb[1] - gaussian->mean[1];
  double z = rgb[2] - gaussian->mean[2];
  return gaussian->cost + 0.5 * (s[0] * x * x + s[4] * y * y + s[8] * z * z) + s[1] * x * y +
         s[2] * x * z + s[5] * y * z;
}

static double
find_cheapest(const NnGaussianMixture *mixture, const float rgb[3], int *cheapest)
{
  double least = INFINITY;
  *cheapest = 0;
  for (int k = 0; k < mixture->count; k++) {
    if (mixture->gaussians[k].share == 0)
      continue;
    double cost = cost_with(&mixture->gaussians[k], rgb);
    if (cost < least) {
      least = cost;
      *cheapest = k;
    }
  }
  return least;
}

double
nn_mixture_cost(const NnGaussianMixture *mixture, const float rgb[3])
{
  int cheapest;
  return find_cheapest(mixture, rgb, &cheapest);
}

typedef struct {
  const NnGaussianMixture *mixture;
  const NnMixturePixels *pixels;
} Assignment;

static void
assign_pixels(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Assignment *job = data;
  const NnMixturePixels *pixels = job->pixels;
  int cheapest;
  for (int64_t i = begin; i < end; i++) {
    if (pixels->labels[i] != pixels->label)
      continue;
    find_cheapest(job->mixture, pixels->picture->data + 3 * i, &cheapest);
    pixels->members[i] = (uint8_t)cheapest;
  }
}

void
nn_mixture_assign(const NnGaussianMixture *mixture, NnContext *context,
                  const NnMixturePixels *pixels)
{
  Assignment job = {mixture, pixels};
  nn_parallel_for(context, count_of(pixels), GRAIN_PX, assign_pixels, &job);
}
