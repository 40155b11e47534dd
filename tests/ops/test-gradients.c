/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every operator's backward against central differences of its forward: the objective is the sum
 * of w y with random w, added in double precision, so that only the outputs that an input touches
 * contribute rounding. Every layout the operator takes, with one and with three threads. */
#include <math.h>
#include <string.h>

#include "tests/ops/harness.h"

#define LIMIT 1e-2        /* of the largest gradient */
#define MAX_ELEMENTS 150  /* of one input that are checked */

static const NnActivation none = {NN_ACTIVATION_NONE, 0};

static double
objective(Bench *bench, const float *weights)
{
  bench_forward(bench, none, NULL);
  double sum = 0;
  for (int64_t i = 0; i < bench_count(bench, 0); i++)
    sum += (double)weights[i] * (double)bench->out[0].f[i];
  return sum;
}

static double
difference(Bench *bench, const float *weights, float *x, double step)
{
  float before = *x;
  *x = (float)((double)before + step);
  double up = objective(bench, weights), x_up = (double)*x;
  *x = (float)((double)before - step);
  double down = objective(bench, weights), x_down = (double)*x;
  *x = before;
  return (up - down) / (x_up - x_down);
}

static void
check_input(Bench *bench, const float *weights, int input)
{
  int64_t count = nn_shape_count(&bench->in[input].shape);
  const float *gradient = bench->grad_in[input].f;
  double step = bench->spacing > 0 ? bench->spacing * 0.3 : 0.01, largest = 0;
  for (int64_t i = 0; i < count; i++) {
    g_assert_true(isfinite(gradient[i]));
    largest = fmax(largest, fabs((double)gradient[i]));
  }
  int64_t stride = count / MAX_ELEMENTS + 1;
  for (int64_t i = 0; i < count; i += stride) {
    double expected = difference(bench, weights, &bench->in[input].f[i], step);
    double error = fabs(expected - (double)gradient[i]);
    if (error > LIMIT * fmax(largest, 1e-3))
      g_error("input %d, element %d: backward says %g, differences say %g", input, (int)i,
              (double)gradient[i], expected);
  }
}

static void
check_case(const Case *test, NnLayout layout, int threads)
{
  g_autoptr(Bench) bench = bench_new(test, layout, threads, true);
  g_autofree float *weights = bench_seed(bench);
  objective(bench, weights);
  bench_backward(bench, weights);
  for (int i = 0; i < bench->n_inputs; i++)
    if (bench->grad_in[i].data != NULL)
      check_input(bench, weights, i);
}

static void
test_case(gconstpointer data)
{
  const Case *test = data;
  bool ran = false;
  for (NnLayout layout = NN_LAYOUT_PLAIN; layout <= NN_LAYOUT_CHANNELS_LAST; layout++) {
    if (!bench_has_layout(test, layout))
      continue;
    check_case(test, layout, 1);
    check_case(test, layout, 3);
    ran = true;
  }
  g_assert_true(ran);
}

/* the result in ONNX's order; g_free() */
static float *
run_plain(const Case *test, NnLayout layout, int64_t *count)
{
  g_autoptr(Bench) bench = bench_new(test, layout, 2, false);
  bench_forward(bench, none, NULL);
  NnTensor plain = bench->out[0];
  *count = bench_count(bench, 0);
  plain.layout = NN_LAYOUT_PLAIN;
  plain.f = g_new(float, *count);
  nn_tensor_copy(&bench->out[0], &plain);
  return plain.f;
}

/* Both orders give the same numbers. */
static void
test_layouts_agree(gconstpointer test)
{
  int64_t count, other_count;
  g_autofree float *a = run_plain(test, NN_LAYOUT_PLAIN, &count);
  g_autofree float *b = run_plain(test, NN_LAYOUT_CHANNELS_LAST, &other_count);
  g_assert_cmpint(count, ==, other_count);
  for (int64_t i = 0; i < count; i++)
    g_assert_cmpfloat_with_epsilon(a[i], b[i], 1e-5f);
}

static const Case *
find_case(const Case *list, const char *op)
{
  for (; list->op != NULL; list++)
    if (strcmp(list->op, op) == 0)
      return list;
  return NULL;
}

/* A row with backward that nobody tests is an error. */
static void
test_complete(void)
{
  for (int i = 0; nn_op_at(i) != NULL; i++) {
    const NnOp *op = nn_op_at(i);
    if (op->backward == NULL)
      continue;
    if (find_case(cases, op->onnx_name) == NULL || find_case(big_cases, op->onnx_name) == NULL)
      g_error("no test case for %s", op->onnx_name);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ops/gradients/every-operator", test_complete);
  for (int i = 0; cases[i].op != NULL; i++) {
    const Case *test = &cases[i];
    if (nn_op_find(test->op)->backward == NULL)
      continue;
    g_autofree char *path = g_strdup_printf("/ops/gradients/%s/%d", test->op, i);
    g_test_add_data_func(path, test, test_case);
    if (!bench_has_layout(test, NN_LAYOUT_PLAIN) ||
        !bench_has_layout(test, NN_LAYOUT_CHANNELS_LAST))
      continue;
    g_autofree char *both = g_strdup_printf("/ops/layouts/%s/%d", test->op, i);
    g_test_add_data_func(both, test, test_layouts_agree);
  }
  return g_test_run();
}
