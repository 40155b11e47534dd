/* SPDX-License-Identifier: GPL-3.0-or-later */
/* t-SNE: affinities against their definition; the gradient is that of the divergence,
 * by finite differences; groups that are far apart come out apart; the same to the bit for any number
 * of threads; few points, equal points, an end that comes early. scikit-learn is the oracle
 * (tests/oracle/test_tsne.py). */
#include <math.h>
#include <string.h>

#include "nncore/analysis/tsne.h"
#include "nncore/base/random.h"
#include "tests/worst.h"

enum { COUNT = 90, DIMENSIONS = 20, GROUPS = 3 };

/* points in groups, one after the other */
static float *
make_points(int64_t count)
{
  float *points = g_new(float, count *DIMENSIONS);
  for (int64_t i = 0; i < count * DIMENSIONS; i++) {
    int64_t group = i / DIMENSIONS % GROUPS;
    double centre = 4 * nn_random_normal_at(1, (uint64_t)(group * DIMENSIONS + i % DIMENSIONS));
    points[i] = (float)(centre + nn_random_normal_at(2, (uint64_t)i));
  }
  return points;
}

static NnTsne *
new_tsne(NnContext *context, const float *points, int64_t count)
{
  g_autoptr(GError) error = NULL;
  NnTsne *tsne = nn_tsne_new(context, points, count, DIMENSIONS, &error);
  g_assert_no_error(error);
  return tsne;
}

static double *
run(int threads, const float *points, int64_t count, int iterations)
{
  g_autoptr(NnContext) context = nn_context_new(threads);
  g_autoptr(NnTsne) tsne = new_tsne(context, points, count);
  double *places = g_new(double, 2 * count);
  nn_tsne_start_principal(tsne, NULL, NULL, places);
  g_assert_true(nn_tsne_find_affinities(tsne, nn_tsne_perplexity(30, count), NULL, NULL));
  nn_tsne_descend(tsne, iterations, NULL, NULL, places);
  return places;
}

/* p[j|i] from the definition, in double: beta by bisection of its logarithm */
static void
condition(const float *points, int i, double perplexity, double *p)
{
  double low = -20, high = 20, distances[COUNT];
  for (int j = 0; j < COUNT; j++) {
    distances[j] = 0;
    for (int k = 0; k < DIMENSIONS; k++)
      distances[j] +=
          pow((double)points[i * DIMENSIONS + k] - (double)points[j * DIMENSIONS + k], 2);
  }
  for (int step = 0; step < 200; step++) {
    double beta = exp((low + high) / 2), sum = 0, entropy = 0;
    for (int j = 0; j < COUNT; j++)
      sum += p[j] = j == i ? 0 : exp(-beta * distances[j]);
    for (int j = 0; j < COUNT; j++) {
      p[j] /= sum;
      entropy -= p[j] > 0 ? p[j] * log(p[j]) : 0;
    }
    *(entropy > log(perplexity) ? &low : &high) = (low + high) / 2;
  }
}

static void
test_affinities(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autofree float *points = make_points(COUNT);
  g_autoptr(NnTsne) tsne = new_tsne(context, points, COUNT);
  nn_tsne_find_affinities(tsne, 10, NULL, NULL);
  const float *p = nn_tsne_affinities(tsne);
  double sum = 0, largest = 0, error = 0;
  static double expected[COUNT][COUNT];
  for (int i = 0; i < COUNT; i++)
    condition(points, i, 10, expected[i]);
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < COUNT; j++) {
      double both = (expected[i][j] + expected[j][i]) / (2 * COUNT);
      g_assert_cmpfloat(p[i * COUNT + j], ==, p[j * COUNT + i]);
      sum += p[i * COUNT + j];
      largest = MAX(largest, both);
      error = worse(error, fabs(p[i * COUNT + j] - both));
    }
  g_assert_cmpfloat_with_epsilon(sum, 1, 1e-5);
  g_test_message("relative error %g", error / largest);
  g_assert_cmpfloat(error, <, 1e-4 * largest);
}

/* 2 of 3 points at the same place: bisection has no beta to find */
static void
test_equal_points(void)
{
  g_autofree float *points = g_new0(float, 8 * DIMENSIONS);
  g_autofree double *same = run(2, points, 8, 100);
  points[0] = 1;
  g_autofree double *one = run(2, points, 8, 100);
  for (int i = 0; i < 16; i++)
    g_assert_true(isfinite(same[i]) && isfinite(one[i]));
}

static void
test_gradient(void)
{
  static const double h = 1e-5;
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autofree float *points = make_points(COUNT);
  g_autoptr(NnTsne) tsne = new_tsne(context, points, COUNT);
  double places[2 * COUNT], gradient[2 * COUNT], exaggerated[2 * COUNT];
  nn_tsne_find_affinities(tsne, 10, NULL, NULL);
  nn_tsne_start_random(tsne, 3, places);
  for (int i = 0; i < 2 * COUNT; i++)
    places[i] *= 1e4;
  nn_tsne_gradient(tsne, 1, places, gradient);
  double largest = 0, error = 0;
  for (int i = 0; i < 2 * COUNT; i++) {
    double kept = places[i];
    places[i] = kept + h;
    double above = nn_tsne_divergence(tsne, places);
    places[i] = kept - h;
    double slope = (above - nn_tsne_divergence(tsne, places)) / (2 * h);
    places[i] = kept;
    largest = MAX(largest, fabs(slope));
    error = worse(error, fabs(slope - gradient[i]));
  }
  g_test_message("relative error %g", error / largest);
  g_assert_cmpfloat(error, <, 1e-5 * largest);
  nn_tsne_gradient(tsne, 3, places, exaggerated);
  g_assert_cmpfloat(fabs(exaggerated[0] - gradient[0]), >, 0);
}

static double
distance(const double *places, int i, int j)
{
  return hypot(places[2 * i] - places[2 * j], places[2 * i + 1] - places[2 * j + 1]);
}

/* the nearest neighbour is one of the group */
static void
test_groups(void)
{
  g_autofree float *points = make_points(COUNT);
  g_autofree double *places = run(2, points, COUNT, 500);
  for (int i = 0; i < COUNT; i++) {
    int nearest = i == 0;
    for (int j = 0; j < COUNT; j++)
      if (j != i && distance(places, i, j) < distance(places, i, nearest))
        nearest = j;
    g_assert_cmpint(nearest % GROUPS, ==, i % GROUPS);
  }
}

static void
test_threads(void)
{
  g_autofree float *points = make_points(COUNT);
  g_autofree double *one = run(1, points, COUNT, 60);
  for (int threads = 2; threads <= 5; threads += 3) {
    g_autofree double *many = run(threads, points, COUNT, 60);
    g_assert_cmpmem(one, 2 * COUNT * sizeof(double), many, 2 * COUNT * sizeof(double));
  }
}

static void
test_few(void)
{
  g_autofree float *points = make_points(12);
  for (int count = 1; count <= 12; count++) {
    g_autofree double *places = run(2, points, count, 300);
    for (int i = 0; i < 2 * count; i++)
      g_assert_true(isfinite(places[i]));
    for (int i = 1; i < count; i++)
      g_assert_cmpfloat(distance(places, 0, i), >, 0);
  }
  g_assert_cmpfloat(nn_tsne_perplexity(30, 1), ==, 1);
  g_assert_cmpfloat(nn_tsne_perplexity(30, 22), ==, 7);
  g_assert_cmpfloat(nn_tsne_perplexity(30, 1000), ==, 30);
}

/* from any start, few points come to rest where most of their neighbours are: too fast, they would be
 * flung apart for good */
static void
test_few_starts(void)
{
  enum { FEW = 24, STARTS = 8 };
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autofree float *points = make_points(FEW);
  g_autoptr(NnTsne) tsne = new_tsne(context, points, FEW);
  nn_tsne_find_affinities(tsne, 7, NULL, NULL);
  double places[2 * FEW], worst = 0;
  for (int start = 0; start < STARTS; start++) {
    nn_tsne_start_random(tsne, (uint64_t)start, places);
    nn_tsne_descend(tsne, 1000, NULL, NULL, places);
    worst = worse(worst, nn_tsne_divergence(tsne, places));
  }
  g_test_message("divergence %g at most", worst);
  g_assert_cmpfloat(worst, <, 0.05);
}

static bool
proceed_thrice(gpointer data, double fraction)
{
  return ++*(int *)data <= 3;
}

/* what is there when it ends is what as many iterations make */
static void
test_end(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autofree float *points = make_points(COUNT);
  g_autoptr(NnTsne) tsne = new_tsne(context, points, COUNT);
  double places[2 * COUNT], whole[2 * COUNT];
  int calls = 3;
  g_assert_false(nn_tsne_find_affinities(tsne, 30, proceed_thrice, &calls));
  nn_tsne_start_principal(tsne, NULL, NULL, places);
  memcpy(whole, places, sizeof places);
  nn_tsne_find_affinities(tsne, 30, NULL, NULL);
  calls = 0;
  double start[2 * COUNT];
  g_assert_false(nn_tsne_start_principal(tsne, proceed_thrice, &calls, start));
  g_assert_cmpint(calls, ==, 4);
  for (int i = 0; i < 2 * COUNT; i++)
    g_assert_true(isfinite(start[i]));
  calls = 0;
  nn_tsne_descend(tsne, 400, proceed_thrice, &calls, places);
  g_assert_cmpint(calls, ==, 4);
  nn_tsne_descend(tsne, 12, proceed_thrice, (calls = 0, &calls), whole); /* exaggerated as well */
  g_assert_cmpmem(places, sizeof places, whole, sizeof whole);
}

/* the first component has the most variance there is: more than any direction drawn by chance */
static void
test_principal(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autofree float *points = make_points(COUNT);
  g_autoptr(NnTsne) tsne = new_tsne(context, points, COUNT);
  double places[2 * COUNT], sums[2] = {0}, squares[2] = {0}, product = 0;
  nn_tsne_start_principal(tsne, NULL, NULL, places);
  for (int i = 0; i < COUNT; i++) {
    for (int k = 0; k < 2; k++) {
      sums[k] += places[2 * i + k];
      squares[k] += places[2 * i + k] * places[2 * i + k];
    }
    product += places[2 * i] * places[2 * i + 1];
  }
  g_assert_cmpfloat_with_epsilon(sqrt(squares[0] / COUNT), 1e-4, 1e-10);
  g_assert_cmpfloat(squares[0], >, squares[1]);
  g_assert_cmpfloat(fabs(sums[0]) + fabs(sums[1]), <, 1e-12 * COUNT);
  g_assert_cmpfloat(fabs(product), <, 1e-6 * squares[0]);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/tsne/affinities", test_affinities);
  g_test_add_func("/tsne/equal-points", test_equal_points);
  g_test_add_func("/tsne/gradient", test_gradient);
  g_test_add_func("/tsne/groups", test_groups);
  g_test_add_func("/tsne/threads", test_threads);
  g_test_add_func("/tsne/few", test_few);
  g_test_add_func("/tsne/few-starts", test_few_starts);
  g_test_add_func("/tsne/end", test_end);
  g_test_add_func("/tsne/principal", test_principal);
  return g_test_run();
}
