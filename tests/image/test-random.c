/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers by counter: the published sequence of SplitMix64, and ranges. */
#include <glib.h>
#include <math.h>

#include "nncore/base/random.h"

static void
test_sequence(void)
{
  static const uint64_t of_0[] = {UINT64_C(0xe220a8397b1dcdaf), UINT64_C(0x6e789e6aa1b965f4),
                                  UINT64_C(0x06c45d188009454f)};
  static const uint64_t of_1234567[] = {
      UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423)};
  NnRandom random = {.seed = 1234567};
  for (int i = 0; i < 3; i++) {
    g_assert_cmpuint(nn_random_at(0, (uint64_t)i), ==, of_0[i]);
    g_assert_cmpuint(nn_random_next(&random), ==, of_1234567[i]);
  }
}

static void
test_range(void)
{
  NnRandom random = {.seed = 5};
  int counts[65] = {0};
  for (int i = 0; i < 65000; i++) {
    int value = nn_random_range(&random, -32, 32);
    g_assert_cmpint(value, >=, -32);
    g_assert_cmpint(value, <=, 32);
    counts[value + 32]++;
  }
  for (int i = 0; i < 65; i++) {
    g_assert_cmpint(counts[i], >, 800);
    g_assert_cmpint(counts[i], <, 1200);
  }
  g_assert_cmpint(nn_random_range(&random, 7, 7), ==, 7);
  g_assert_cmpuint(random.counter, ==, 65001);
  nn_random_range(&random, G_MININT, G_MAXINT);
}

static void
test_uniform(void)
{
  NnRandom random = {.seed = 6};
  int counts[8] = {0};
  for (int i = 0; i < 16000; i++) {
    double x = nn_random_uniform(&random, -3, 5);
    g_assert_true(x >= -3 && x <= 5);
    counts[MIN((int)floor(x + 3), 7)]++;
  }
  for (int i = 0; i < 8; i++)
    g_assert_true(counts[i] > 1850 && counts[i] < 2150);
  g_assert_cmpfloat(nn_random_uniform(&random, 0.5, 0.5), ==, 0.5);
  g_assert_cmpuint(random.counter, ==, 16001);
}

/* mean, deviation and skewness of the normal distribution, and the share beyond 2 deviations */
static void
test_normal(void)
{
  enum { COUNT = 100000 };
  double sums[3] = {0};
  int beyond = 0;
  for (uint64_t i = 0; i < COUNT; i++) {
    double x = nn_random_normal_at(9, i);
    sums[0] += x;
    sums[1] += x * x;
    sums[2] += x * x * x;
    beyond += fabs(x) > 2;
  }
  g_assert_cmpfloat_with_epsilon(sums[0] / COUNT, 0, 0.015);
  g_assert_cmpfloat_with_epsilon(sums[1] / COUNT, 1, 0.02);
  g_assert_cmpfloat_with_epsilon(sums[2] / COUNT, 0, 0.05);
  g_assert_cmpfloat_with_epsilon((double)beyond / COUNT, 0.0455, 0.003);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/random/sequence", test_sequence);
  g_test_add_func("/random/range", test_range);
  g_test_add_func("/random/uniform", test_uniform);
  g_test_add_func("/random/normal", test_normal);
  return g_test_run();
}
