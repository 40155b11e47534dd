/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parallel sums: right, and the same to the bit for every number of threads. */
#include <glib.h>
#include <math.h>

#include "nncore/base/sum.h"

static double
add(int64_t begin, int64_t end, int worker, gpointer data)
{
  double sum = 0;
  for (int64_t i = begin; i < end; i++)
    sum += sin((double)i) / (double)(i + 1);
  return sum;
}

static double
count(int64_t begin, int64_t end, int worker, gpointer data)
{
  return (double)(end - begin);
}

static void
test_threads(void)
{
  double one = 0;
  for (int threads = 1; threads <= 5; threads++) {
    g_autoptr(NnContext) context = nn_context_new(threads);
    double sum = nn_parallel_sum(context, 100003, 7, add, NULL);
    if (threads == 1)
      one = sum;
    g_assert_true(sum == one);
  }
}

static void
test_counts(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  static const int64_t counts[] = {0, 1, 255, 256, 257, 1000, 1000000};
  for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
    for (int64_t grain = 1; grain < 5000; grain = grain * 3 + 1)
      g_assert_cmpfloat(nn_parallel_sum(context, counts[i], grain, count, NULL), ==,
                        (double)counts[i]);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/sum/threads", test_threads);
  g_test_add_func("/sum/counts", test_counts);
  return g_test_run();
}
