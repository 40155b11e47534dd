/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sum over j is taken by one thread a row, in the order of j, and what belongs to all rows (the sum
 * of w) in the order of the rows, so that nothing depends on the number of threads. The gradient
 * needs one pass: sum_j p w (y_i - y_j) and sum_j w^2 (y_i - y_j) are kept apart until the sum of w
 * is known. */
#include "nncore/analysis/tsne.h"

#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/random.h"
#include "nncore/kernels/gemm.h"

#define ROWS 32 /* a chunk */
#define SLAB 512 /* rows from one report to the next */
#define STEPS 100 /* of the search for beta */
#define TOLERANCE 1e-5 /* of the entropy, in nats */
#define EXAGGERATION 12
#define MOST_EXAGGERATED 250 /* iterations */
#define RATE 50.0 /* of learning; */
#define RATE_PER_POINT (1.0 / EXAGGERATION) /* at most */
#define LEAST_GAIN 0.01
#define START 1e-4 /* deviation of the start */
#define POWER_STEPS 60 /* of the search for principal components */
#define COLUMNS 64 /* a chunk */

/* what a row sums up */
typedef struct {
  double attraction[2], repulsion[2]; /* sum p w (y_i - y_j), sum w^2 (y_i - y_j) */
  double w, divergence; /* sum w, sum p log(p / w) */
} Row;

struct NnTsne {
  NnContext *context;
  const float *points;
  int64_t count, dimensions;
  float *p;
  double *norms; /* |x|^2 */
  Row *rows;
  double *gradient, *update, *gains; /* count x 2 */
  double *components; /* dimensions x 2, and their mean */

  const double *places; /* of the pass at hand */
  int64_t first; /* row of the slab at hand */
  double entropy; /* wanted */
};

double
nn_tsne_bytes(int64_t count, int64_t dimensions)
{
  double n = (double)count, d = (double)dimensions;
  return n * n * sizeof(float) + n * (sizeof(Row) + 7 * sizeof(double)) + d * 3 * sizeof(double);
}

double
nn_tsne_perplexity(double wanted, int64_t count)
{
  return MAX(MIN(wanted, (double)(count - 1) / 3), 1);
}

static bool
allocate(NnTsne *tsne, GError **error)
{
  size_t n = (size_t)tsne->count, d = (size_t)tsne->dimensions;
  return (tsne->norms = nn_alloc(n, sizeof(double), error)) != NULL &&
         (tsne->rows = nn_alloc(n, sizeof(Row), error)) != NULL &&
         (tsne->gradient = nn_alloc(n, 2 * sizeof(double), error)) != NULL &&
         (tsne->update = nn_alloc(n, 2 * sizeof(double), error)) != NULL &&
         (tsne->gains = nn_alloc(n, 2 * sizeof(double), error)) != NULL &&
         (tsne->components = nn_alloc(d, 3 * sizeof(double), error)) != NULL &&
         (tsne->p = nn_alloc(n, n * sizeof(float), error)) != NULL;
}

NnTsne *
nn_tsne_new(NnContext *context, const float *points, int64_t count, int64_t dimensions,
            GError **error)
{
  g_autoptr(NnTsne) tsne = g_new0(NnTsne, 1);
  tsne->context = context;
  tsne->points = points;
  tsne->count = count;
  tsne->dimensions = dimensions;
  return allocate(tsne, error) ? g_steal_pointer(&tsne) : NULL;
}

void
nn_tsne_free(NnTsne *tsne)
{
  if (tsne == NULL)
    return;
  nn_free(tsne->p);
  nn_free(tsne->norms);
  nn_free(tsne->rows);
  nn_free(tsne->gradient);
  nn_free(tsne->update);
  nn_free(tsne->gains);
  nn_free(tsne->components);
  g_free(tsne);
}

const float *
nn_tsne_affinities(const NnTsne *tsne)
{
  return tsne->p;
}

static bool
goes_on(NnProceed proceed, gpointer data, double fraction)
{
  return proceed == NULL || proceed(data, fraction);
}

/* ---- affinities ---- */

static void
find_norms(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnTsne *tsne = data;
  for (int64_t i = begin; i < end; i++) {
    const float *x = tsne->points + i * tsne->dimensions;
    double sum = 0;
    for (int64_t k = 0; k < tsne->dimensions; k++)
      sum += (double)x[k] * x[k];
    tsne->norms[i] = sum;
  }
}

/* squared distances to all points, which take the place of p: |x_i|^2 - 2 x_i x_j + |x_j|^2 */
static void
find_distances(const NnTsne *tsne, int64_t begin, int64_t end)
{
  int64_t n = tsne->count, d = tsne->dimensions;
  nn_gemm(false, true, end - begin, n, d, -2, tsne->points + begin * d, d, tsne->points, d, 0,
          tsne->p + begin * n, n);
  for (int64_t i = begin; i < end; i++)
    for (int64_t j = 0; j < n; j++) {
      double distance = tsne->p[i * n + j] + tsne->norms[i] + tsne->norms[j];
      tsne->p[i * n + j] = (float)MAX(distance, 0);
    }
}

typedef struct {
  const float *distances; /* squared; less @nearest */
  int64_t count, self;
  double nearest;
} Neighbours;

/* sum exp(-beta d); @entropy: (out): of the exponentials as probabilities */
static double
measure(const Neighbours *row, double beta, double *entropy)
{
  double sum = 0, weighted = 0;
  for (int64_t j = 0; j < row->count; j++) {
    double d = row->distances[j] - row->nearest;
    double e = j == row->self ? 0 : exp(-beta * d);
    sum += e;
    weighted += d * e;
  }
  *entropy = log(sum) + beta * weighted / sum;
  return sum;
}

static Neighbours
look_around(const float *distances, int64_t count, int64_t self, double *mean)
{
  Neighbours row = {distances, count, self, INFINITY};
  double sum = 0;
  for (int64_t j = 0; j < count; j++)
    if (j != self) {
      row.nearest = MIN(row.nearest, distances[j]);
      sum += distances[j];
    }
  *mean = sum / (double)MAX(count - 1, 1) - row.nearest;
  return row;
}

/* by bisection: the entropy falls as beta grows. Distances to the nearest point in place of those to
 * the point itself give the same p, and exponentials of which one is 1. */
static double
find_beta(const Neighbours *row, double mean, double wanted, double *sum)
{
  double beta = mean > 0 ? 1 / mean : 1, low = 0, high = INFINITY;
  for (int step = 0; step < STEPS; step++) {
    double entropy;
    *sum = measure(row, beta, &entropy);
    if (fabs(entropy - wanted) <= TOLERANCE)
      break;
    if (entropy > wanted)
      low = beta;
    else
      high = beta;
    beta = isinf(high) ? 2 * beta : (low + high) / 2;
  }
  return beta;
}

/* items are rows of a slab: p[j|i] */
static void
find_conditional(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnTsne *tsne = data;
  int64_t n = tsne->count;
  find_distances(tsne, tsne->first + begin, tsne->first + end);
  for (int64_t i = tsne->first + begin; i < tsne->first + end; i++) {
    float *p = tsne->p + i * n;
    double mean, sum = 1;
    Neighbours row = look_around(p, n, i, &mean);
    double beta = find_beta(&row, mean, tsne->entropy, &sum);
    for (int64_t j = 0; j < n; j++)
      p[j] = j == i ? 0 : (float)(exp(-beta * (p[j] - row.nearest)) / sum);
  }
}

/* items are rows: each pair is its first row's affair */
static void
make_symmetric(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnTsne *tsne = data;
  int64_t n = tsne->count;
  for (int64_t i = begin; i < end; i++)
    for (int64_t j = i + 1; j < n; j++) {
      float *here = tsne->p + i * n + j, *there = tsne->p + j * n + i;
      *here = *there = (*here + *there) / (2 * (float)n);
    }
}

bool
nn_tsne_find_affinities(NnTsne *tsne, double perplexity, NnProceed proceed, gpointer data)
{
  int64_t n = tsne->count;
  tsne->entropy = log(perplexity);
  nn_parallel_for(tsne->context, n, ROWS, find_norms, tsne);
  for (tsne->first = 0; tsne->first < n; tsne->first += SLAB) {
    if (!goes_on(proceed, data, (double)tsne->first / (double)n))
      return false;
    nn_parallel_for(tsne->context, MIN(SLAB, n - tsne->first), ROWS, find_conditional, tsne);
  }
  nn_parallel_for(tsne->context, n, ROWS, make_symmetric, tsne);
  return true;
}

/* ---- divergence ---- */

/* items are rows */
static void
sum_forces(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnTsne *tsne = data;
  for (int64_t i = begin; i < end; i++) {
    const float *p = tsne->p + i * tsne->count;
    double x = tsne->places[2 * i], y = tsne->places[2 * i + 1];
    Row row = {.w = -1}; /* the point's own is none */
    for (int64_t j = 0; j < tsne->count; j++) {
      double dx = x - tsne->places[2 * j], dy = y - tsne->places[2 * j + 1];
      double w = 1 / (1 + dx * dx + dy * dy), pw = p[j] * w;
      row.attraction[0] += pw * dx;
      row.attraction[1] += pw * dy;
      row.repulsion[0] += w * w * dx;
      row.repulsion[1] += w * w * dy;
      row.w += w;
    }
    tsne->rows[i] = row;
  }
}

/* items are rows */
static void
sum_divergence(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnTsne *tsne = data;
  for (int64_t i = begin; i < end; i++) {
    const float *p = tsne->p + i * tsne->count;
    Row row = {.w = -1};
    for (int64_t j = 0; j < tsne->count; j++) {
      double dx = tsne->places[2 * i] - tsne->places[2 * j];
      double dy = tsne->places[2 * i + 1] - tsne->places[2 * j + 1];
      double square = 1 + dx * dx + dy * dy;
      row.w += 1 / square;
      row.divergence += p[j] > 0 ? p[j] * (log(p[j]) + log(square)) : 0;
    }
    tsne->rows[i] = row;
  }
}

/* runs @func over the rows. Returns: the sum of w */
static double
pass(NnTsne *tsne, const double *places, NnParallelFunc func)
{
  double sum = 0;
  tsne->places = places;
  nn_parallel_for(tsne->context, tsne->count, ROWS, func, tsne);
  for (int64_t i = 0; i < tsne->count; i++)
    sum += tsne->rows[i].w;
  return sum;
}

void
nn_tsne_gradient(NnTsne *tsne, double exaggeration, const double *places, double *gradient)
{
  double sum = pass(tsne, places, sum_forces);
  for (int64_t i = 0; i < tsne->count; i++)
    for (int k = 0; k < 2; k++)
      gradient[2 * i + k] = 4 * (exaggeration * tsne->rows[i].attraction[k] -
                                 (sum > 0 ? tsne->rows[i].repulsion[k] / sum : 0));
}

double
nn_tsne_divergence(NnTsne *tsne, const double *places)
{
  double sum = pass(tsne, places, sum_divergence), divergence = 0;
  for (int64_t i = 0; i < tsne->count; i++)
    divergence += tsne->rows[i].divergence;
  return tsne->count > 1 ? divergence + log(sum) : 0;
}

/* ---- starts ---- */

void
nn_tsne_start_random(NnTsne *tsne, uint64_t seed, double *places)
{
  for (int64_t i = 0; i < 2 * tsne->count; i++)
    places[i] = START * nn_random_normal_at(seed, (uint64_t)i);
}

/* the components, and the mean of the points after them */
static double *
component(const NnTsne *tsne, int number)
{
  return tsne->components + number * tsne->dimensions;
}

#define MEAN 2

/* items are points: their coordinates along the components, less the mean's, into the gradient's
 * memory */
static void
project(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnTsne *tsne = data;
  const double *mean = component(tsne, MEAN);
  for (int64_t i = begin; i < end; i++)
    for (int c = 0; c < 2; c++) {
      const double *v = component(tsne, c);
      double sum = 0;
      for (int64_t k = 0; k < tsne->dimensions; k++)
        sum += v[k] * (tsne->points[i * tsne->dimensions + k] - mean[k]);
      tsne->gradient[2 * i + c] = sum;
    }
}

/* items are dimensions: the points' sum, weighted by their coordinates: the covariance matrix times
 * the components */
static void
gather(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnTsne *tsne = data;
  const double *mean = component(tsne, MEAN);
  for (int c = 0; c < 2; c++) {
    double *v = component(tsne, c);
    memset(v + begin, 0, (size_t)(end - begin) * sizeof(double));
    for (int64_t i = 0; i < tsne->count; i++)
      for (int64_t k = begin; k < end; k++)
        v[k] += tsne->gradient[2 * i + c] * (tsne->points[i * tsne->dimensions + k] - mean[k]);
  }
}

/* items are dimensions */
static void
find_mean(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnTsne *tsne = data;
  double *mean = component(tsne, MEAN);
  memset(mean + begin, 0, (size_t)(end - begin) * sizeof(double));
  for (int64_t i = 0; i < tsne->count; i++)
    for (int64_t k = begin; k < end; k++)
      mean[k] += tsne->points[i * tsne->dimensions + k];
  for (int64_t k = begin; k < end; k++)
    mean[k] /= (double)tsne->count;
}

static double
dot(const double *a, const double *b, int64_t n)
{
  double sum = 0;
  for (int64_t k = 0; k < n; k++)
    sum += a[k] * b[k];
  return sum;
}

static void
make_unit(double *v, int64_t n)
{
  double length = sqrt(dot(v, v, n));
  for (int64_t k = 0; k < n; k++)
    v[k] = length > 0 ? v[k] / length : 0;
}

/* Gram-Schmidt */
static void
make_orthonormal(const NnTsne *tsne)
{
  double *first = component(tsne, 0), *second = component(tsne, 1);
  make_unit(first, tsne->dimensions);
  double along = dot(first, second, tsne->dimensions);
  for (int64_t k = 0; k < tsne->dimensions; k++)
    second[k] -= along * first[k];
  make_unit(second, tsne->dimensions);
}

bool
nn_tsne_start_principal(NnTsne *tsne, NnProceed proceed, gpointer data, double *places)
{
  bool goes = true;
  for (int64_t k = 0; k < 2 * tsne->dimensions; k++)
    tsne->components[k] = nn_random_normal_at(0, (uint64_t)k);
  nn_parallel_for(tsne->context, tsne->dimensions, COLUMNS, find_mean, tsne);
  for (int step = 0; step < POWER_STEPS; step++) {
    goes = goes_on(proceed, data, (double)step / POWER_STEPS);
    if (!goes)
      break;
    make_orthonormal(tsne);
    nn_parallel_for(tsne->context, tsne->count, ROWS, project, tsne);
    nn_parallel_for(tsne->context, tsne->dimensions, COLUMNS, gather, tsne);
  }
  make_orthonormal(tsne);
  nn_parallel_for(tsne->context, tsne->count, ROWS, project, tsne);
  double squares = 0;
  for (int64_t i = 0; i < tsne->count; i++)
    squares += tsne->gradient[2 * i] * tsne->gradient[2 * i];
  if (!(squares > 0)) {
    nn_tsne_start_random(tsne, 0, places);
    return goes;
  }
  double scale = START / sqrt(squares / (double)tsne->count);
  for (int64_t i = 0; i < 2 * tsne->count; i++)
    places[i] = scale * tsne->gradient[i];
  return goes;
}

/* ---- descent ---- */

/* Belkina et al. 2019, "Automated optimized parameters for t-SNE": in proportion to the points. Of a
 * few, 50 would fling some so far from their neighbours that no gradient brings them back. */
static double
learning_rate(int64_t count)
{
  double n = (double)count;
  return MAX(MIN(RATE, n * RATE_PER_POINT), n * RATE_PER_POINT / 4);
}

static void
step(NnTsne *tsne, double exaggeration, double momentum, double *places)
{
  double rate = learning_rate(tsne->count);
  nn_tsne_gradient(tsne, exaggeration, places, tsne->gradient);
  for (int64_t i = 0; i < 2 * tsne->count; i++) {
    bool on_course = tsne->update[i] * tsne->gradient[i] < 0;
    tsne->gains[i] = MAX(on_course ? tsne->gains[i] + 0.2 : tsne->gains[i] * 0.8, LEAST_GAIN);
    tsne->update[i] = momentum * tsne->update[i] - rate * tsne->gains[i] * tsne->gradient[i];
    places[i] += tsne->update[i];
  }
}

static void
set_off(NnTsne *tsne)
{
  for (int64_t i = 0; i < 2 * tsne->count; i++) {
    tsne->update[i] = 0;
    tsne->gains[i] = 1;
  }
}

void
nn_tsne_descend(NnTsne *tsne, int iterations, NnProceed proceed, gpointer data, double *places)
{
  int exaggerated = MIN(iterations / 4, MOST_EXAGGERATED);
  for (int i = 0; i < iterations; i++) {
    if (!goes_on(proceed, data, (double)i / iterations))
      return;
    if (i == 0 || i == exaggerated)
      set_off(tsne);
    if (i < exaggerated)
      step(tsne, EXAGGERATION, 0.5, places);
    else
      step(tsne, 1, 0.8, places);
  }
}
