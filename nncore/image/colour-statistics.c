/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statistics of colours. Roots of covariances are taken by eigenvectors. */
#include "nncore/image/colour-statistics.h"

#include <math.h>

#include "nncore/base/random.h"
#include "nncore/base/sum.h"
#include "nncore/image/arithmetic.h"
#include "nncore/image/colour.h"
#include "nncore/kernels/symmetric.h"

#define GRAIN_PX 8192
#define LEAST_VARIANCE (1.0 / (255 * 255))

/* one number of the statistics: the sum over pixels of alpha times a product of values */
typedef struct {
  const NnImage *image;
  int first, second; /* channels, less their means; -1: 1 */
  const double *mean;
} Job;

static double
sum_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  int channels = job->image->channels;
  double sum = 0;
  for (int64_t i = begin; i < end; i++) {
    const float *pixel = job->image->data + i * channels;
    double product = channels == 4 ? (double)nn_clipped(pixel[3]) : 1;
    if (product == 0)
      continue;
    if (job->first >= 0)
      product *= (double)nn_clipped(pixel[job->first]) - job->mean[job->first];
    if (job->second >= 0)
      product *= (double)nn_clipped(pixel[job->second]) - job->mean[job->second];
    sum += product;
  }
  return sum;
}

static double
sum_of(NnContext *context, const NnImage *image, int first, int second, const double *mean)
{
  Job job = {image, first, second, mean};
  return nn_parallel_sum(context, (int64_t)image->width * image->height, GRAIN_PX, sum_chunk, &job);
}

NnColourStatistics
nn_colour_statistics(NnContext *context, const NnImage *image)
{
  NnColourStatistics statistics = {0};
  double mean[3], weight = sum_of(context, image, -1, -1, statistics.mean);
  if (!(weight > 0))
    return statistics;
  for (int c = 0; c < 3; c++)
    mean[c] = sum_of(context, image, c, -1, statistics.mean) / weight;
  for (int c = 0; c < 3; c++)
    statistics.mean[c] = mean[c];
  for (int i = 0; i < 9; i++)
    statistics.covariance[i] = sum_of(context, image, i / 3, i % 3, mean) / weight;
  return statistics;
}

/* covariance^exponent; variances below @least count as it, or, with a negative exponent, as
 * infinite */
static void
power(const double covariance[9], double exponent, double least, double result[9])
{
  double vectors[9], values[3], workspace[256];
  g_assert(nn_eigen_workspace(3) <= (int64_t)G_N_ELEMENTS(workspace));
  for (int i = 0; i < 9; i++) {
    vectors[i] = covariance[i];
    result[i] = 0;
  }
  if (!nn_eigen(3, vectors, values, workspace))
    return;
  for (int k = 0; k < 3; k++) {
    double factor = values[k] > least ? pow(values[k], exponent) : 0;
    for (int i = 0; i < 9; i++)
      result[i] += factor * vectors[k * 3 + i / 3] * vectors[k * 3 + i % 3];
  }
}

static void
multiply(const double a[9], const double b[9], double result[9])
{
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 3; k++) {
      double sum = 0;
      for (int j = 0; j < 3; j++)
        sum += a[i * 3 + j] * b[j * 3 + k];
      result[i * 3 + k] = sum;
    }
}

NnColourStatistics
nn_colour_statistics_mix(const NnColourStatistics *statistics, const double *weights, int n)
{
  NnColourStatistics mixed = {0};
  double second[9] = {0}, sum = 0;
  for (int i = 0; i < n; i++) {
    const NnColourStatistics *own = &statistics[i];
    sum += weights[i];
    for (int c = 0; c < 3; c++)
      mixed.mean[c] += weights[i] * own->mean[c];
    for (int k = 0; k < 9; k++)
      second[k] += weights[i] * (own->covariance[k] + own->mean[k / 3] * own->mean[k % 3]);
  }
  for (int c = 0; c < 3; c++)
    mixed.mean[c] /= sum;
  for (int k = 0; k < 9; k++)
    mixed.covariance[k] = second[k] / sum - mixed.mean[k / 3] * mixed.mean[k % 3];
  return mixed;
}

NnColourMap
nn_colour_match(const NnColourStatistics *from, const NnColourStatistics *to)
{
  NnColourMap map = {0};
  double whiten[9], root[9];
  power(from->covariance, -0.5, LEAST_VARIANCE, whiten);
  power(to->covariance, 0.5, 0, root);
  multiply(root, whiten, map.matrix);
  for (int i = 0; i < 3; i++) {
    map.offset[i] = to->mean[i];
    for (int k = 0; k < 3; k++)
      map.offset[i] -= map.matrix[i * 3 + k] * from->mean[k];
  }
  return map;
}

NnColourMap
nn_colour_to_grey(void)
{
  NnColourMap map = {0};
  for (int i = 0; i < 9; i++) {
    float unit[3] = {i % 3 == 0, i % 3 == 1, i % 3 == 2};
    map.matrix[i] = (double)nn_luminance(unit);
  }
  return map;
}

typedef struct {
  const NnColourMap *map;
  NnImage *image;
  uint64_t seed;
} MapJob;

static void
apply(const NnColourMap *map, const double from[3], float to[3])
{
  for (int i = 0; i < 3; i++)
    to[i] = (float)(map->matrix[i * 3] * from[0] + map->matrix[i * 3 + 1] * from[1] +
                    map->matrix[i * 3 + 2] * from[2] + map->offset[i]);
}

static void
map_pixels(int64_t begin, int64_t end, int worker, gpointer data)
{
  const MapJob *job = data;
  for (int64_t i = begin; i < end; i++) {
    float *pixel = job->image->data + i * job->image->channels;
    double from[3] = {pixel[0], pixel[1], pixel[2]};
    apply(job->map, from, pixel);
  }
}

void
nn_colour_map(NnContext *context, const NnColourMap *map, NnImage *image)
{
  MapJob job = {map, image, 0};
  nn_parallel_for(context, (int64_t)image->width * image->height, GRAIN_PX, map_pixels, &job);
}

/* two normal deviates a pair of numbers (Box and Muller 1958) */
static double
normal_at(uint64_t seed, uint64_t counter)
{
  double a = ((double)(nn_random_at(seed, counter / 2 * 2) >> 11) + 1) / 9007199254740993.0;
  double b = (double)(nn_random_at(seed, counter / 2 * 2 + 1) >> 11) / 9007199254740992.0;
  double angle = 2 * G_PI * b;
  return sqrt(-2 * log(a)) * (counter % 2 == 0 ? cos(angle) : sin(angle));
}

static void
noise_pixels(int64_t begin, int64_t end, int worker, gpointer data)
{
  const MapJob *job = data;
  for (int64_t i = begin; i < end; i++) {
    float *pixel = job->image->data + i * job->image->channels;
    double from[3];
    for (int c = 0; c < 3; c++)
      from[c] = normal_at(job->seed, (uint64_t)(i * 3 + c));
    apply(job->map, from, pixel);
    for (int c = 0; c < 3; c++)
      pixel[c] = CLAMP(pixel[c], 0, 1);
  }
}

void
nn_colour_noise(NnContext *context, const NnColourStatistics *statistics, uint64_t seed,
                NnImage *image)
{
  NnColourMap map = {0};
  power(statistics->covariance, 0.5, 0, map.matrix);
  for (int c = 0; c < 3; c++)
    map.offset[c] = statistics->mean[c];
  MapJob job = {&map, image, seed};
  nn_parallel_for(context, (int64_t)image->width * image->height, GRAIN_PX, noise_pixels, &job);
}
