/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Total variation and p-norm: by hand, by finite differences, wrapped, and for any threads. */
#include <math.h>
#include <string.h>

#include "nncore/loss/smoothness.h"
#include "tests/effects/noise.h"

#define WIDTH 5
#define HEIGHT 4
#define COUNT (WIDTH * HEIGHT * 3)

static void
fill_noise(float *x, int64_t count, uint64_t seed)
{
  for (int64_t i = 0; i < count; i++)
    x[i] = noise_at(seed, (uint64_t)i);
}

static double
value_of(NnContext *context, const NnVariation *variation, const float *x)
{
  float ignored[COUNT];
  memset(ignored, 0, sizeof ignored);
  return nn_total_variation(context, variation, x, 1, ignored);
}

static void
check_variation(NnContext *context, const NnVariation *variation)
{
  float x[COUNT], gradient[COUNT];
  const float h = 1 / 512.0f;
  fill_noise(x, COUNT, 1);
  fill_noise(gradient, COUNT, 2);
  nn_total_variation(context, variation, x, 2.5, gradient);
  for (int i = 0; i < COUNT; i++) {
    float kept = x[i];
    x[i] = kept + h;
    double above = value_of(context, variation, x);
    x[i] = kept - h;
    double below = value_of(context, variation, x);
    x[i] = kept;
    double expected = 2.5 * (above - below) / (2 * h) + (double)noise_at(2, (uint64_t)i);
    g_assert_cmpfloat_with_epsilon(gradient[i], expected, 2e-4);
  }
}

static void
test_gradients(void)
{
  static const double exponents[] = {1, 1.5, 2, 3};
  g_autoptr(NnContext) context = nn_context_new(2);
  for (int i = 0; i < 4 * (int)G_N_ELEMENTS(exponents); i++) {
    NnVariation variation = {WIDTH, HEIGHT, 3, exponents[i / 4], i % 2, i / 2 % 2};
    check_variation(context, &variation);
  }
}

/* 2 x 2 grey: 0 1 / 4 6 */
static void
test_values(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  const float x[] = {0, 1, 4, 6};
  float gradient[4] = {0};
  const struct {
    NnVariation variation;
    double sum;
  } rows[] = {
      {{2, 2, 1, 2, false, false}, 1 + 16 + 25 + 4},
      {{2, 2, 1, 2, true, false}, 1 + 16 + 25 + 4},
      {{2, 2, 1, 1, false, false}, 1 + 4 + 5 + 2},
      {{2, 2, 1, 1, true, false}, 4.123106 + 5 + 2},
      {{2, 2, 1, 2, false, true}, 2 * (1 + 16 + 25 + 4)},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
    g_assert_cmpfloat_with_epsilon(nn_total_variation(context, &rows[i].variation, x, 1, gradient),
                                   rows[i].sum / 4, 1e-3);
}

/* a torus looks the same from everywhere */
static void
test_wrapped(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  NnVariation variation = {WIDTH, HEIGHT, 3, 1.5, true, true};
  float x[COUNT], rolled[COUNT], gradient[COUNT] = {0}, other[COUNT] = {0};
  fill_noise(x, COUNT, 1);
  for (int i = 0; i < COUNT; i++) {
    int column = i / 3 % WIDTH, row = i / 3 / WIDTH;
    rolled[((row + 3) % HEIGHT * WIDTH + (column + 2) % WIDTH) * 3 + i % 3] = x[i];
  }
  double a = nn_total_variation(context, &variation, x, 1, gradient);
  g_assert_cmpfloat_with_epsilon(nn_total_variation(context, &variation, rolled, 1, other), a,
                                 1e-12);
  for (int i = 0; i < COUNT; i++) {
    int column = i / 3 % WIDTH, row = i / 3 / WIDTH;
    g_assert_cmpfloat(other[((row + 3) % HEIGHT * WIDTH + (column + 2) % WIDTH) * 3 + i % 3], ==,
                      gradient[i]);
  }
}

static void
test_norm(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  const float x[] = {0.5f, 1, -0.5f}, h = 1 / 512.0f;
  float gradient[3] = {1, 1, 1}, ignored[3] = {0};
  g_assert_cmpfloat_with_epsilon(nn_power_norm(context, x, 3, 6, 0.5f, 2, gradient),
                                 (pow(0.5, 6) + 1) / 3, 1e-9);
  for (int i = 0; i < 3; i++) {
    float moved[3] = {x[0], x[1], x[2]};
    moved[i] = x[i] + h;
    double above = nn_power_norm(context, moved, 3, 6, 0.5f, 2, ignored);
    moved[i] = x[i] - h;
    double below = nn_power_norm(context, moved, 3, 6, 0.5f, 2, ignored);
    g_assert_cmpfloat_with_epsilon(gradient[i], 1 + 2 * (above - below) / (2 * h), 1e-3);
  }
}

static void
test_threads(void)
{
  enum { SIDE = 160 };
  NnVariation variation = {SIDE, SIDE, 3, 1.5, true, false};
  int64_t count = (int64_t)SIDE * SIDE * 3;
  g_autofree float *x = g_new(float, count);
  g_autofree float *one = g_new0(float, count);
  g_autofree float *many = g_new0(float, count);
  g_autoptr(NnContext) single = nn_context_new(1);
  g_autoptr(NnContext) several = nn_context_new(4);
  fill_noise(x, count, 1);
  g_assert_true(nn_total_variation(single, &variation, x, 1, one) ==
                nn_total_variation(several, &variation, x, 1, many));
  g_assert_true(nn_power_norm(single, x, count, 6, 0, 1, one) ==
                nn_power_norm(several, x, count, 6, 0, 1, many));
  g_assert_cmpmem(one, (size_t)count * sizeof *one, many, (size_t)count * sizeof *many);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/smoothness/values", test_values);
  g_test_add_func("/smoothness/gradients", test_gradients);
  g_test_add_func("/smoothness/wrapped", test_wrapped);
  g_test_add_func("/smoothness/norm", test_norm);
  g_test_add_func("/smoothness/threads", test_threads);
  return g_test_run();
}
