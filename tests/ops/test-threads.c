/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Results are the same to the bit for every number of threads, and a fused activation gives what
 * the operator and then the activation give. */
#include <math.h>
#include <string.h>

#include "tests/ops/harness.h"

static const NnActivation none = {NN_ACTIVATION_NONE, 0};
static const NnActivation leaky = {NN_ACTIVATION_LEAKY_RELU, 0.25f};

static void
assert_same(const NnTensor *a, const NnTensor *b)
{
  g_assert_true((a->data == NULL) == (b->data == NULL));
  if (a->data != NULL)
    g_assert_cmpmem(a->data, nn_tensor_bytes(a), b->data, nn_tensor_bytes(b));
}

static Bench *
run_both_ways(const Case *test, NnLayout layout, int threads)
{
  Bench *bench = bench_new(test, layout, threads, true);
  g_autofree float *seed = bench_seed(bench);
  bench_forward(bench, none, NULL);
  if (bench->op->backward != NULL)
    bench_backward(bench, seed);
  return bench;
}

static void
check_threads(const Case *test, NnLayout layout)
{
  static const int threads[] = {2, 5};
  g_autoptr(Bench) one = run_both_ways(test, layout, 1);
  for (size_t t = 0; t < G_N_ELEMENTS(threads); t++) {
    g_autoptr(Bench) many = run_both_ways(test, layout, threads[t]);
    for (int o = 0; o < one->n_outputs; o++)
      assert_same(&one->out[o], &many->out[o]);
    for (int i = 0; i < one->n_inputs; i++)
      assert_same(&one->grad_in[i], &many->grad_in[i]);
  }
}

static void
test_threads(gconstpointer test)
{
  for (NnLayout layout = NN_LAYOUT_PLAIN; layout <= NN_LAYOUT_CHANNELS_LAST; layout++)
    if (bench_has_layout(test, layout))
      check_threads(test, layout);
}

static void
check_activation(const Case *test, NnLayout layout)
{
  g_autoptr(Bench) bare = bench_new(test, layout, 1, true);
  g_autoptr(Bench) fused = bench_new(test, layout, 3, true);
  int64_t count = bench_count(bare, 0);
  size_t bytes = nn_activation_bits_bytes(count);
  g_autofree uint8_t *expected = g_malloc(bytes), *bits = g_malloc(bytes);
  memset(expected, 0xaa, bytes);
  memset(bits, 0x55, bytes);
  bench_forward(bare, none, NULL);
  nn_activation_forward(leaky, bare->out[0].f, count, expected);
  bench_forward(fused, leaky, bits);
  assert_same(&bare->out[0], &fused->out[0]);
  g_assert_cmpmem(expected, bytes, bits, bytes);
  bench_forward(fused, leaky, NULL);
  assert_same(&bare->out[0], &fused->out[0]);
}

static void
test_activation(gconstpointer test)
{
  for (NnLayout layout = NN_LAYOUT_PLAIN; layout <= NN_LAYOUT_CHANNELS_LAST; layout++)
    if (bench_has_layout(test, layout))
      check_activation(test, layout);
}

static void
add_tests(const Case *list, const char *list_name)
{
  for (int i = 0; list[i].op != NULL; i++) {
    g_autofree char *path = g_strdup_printf("/ops/threads/%s/%s/%d", list[i].op, list_name, i);
    g_test_add_data_func(path, &list[i], test_threads);
    if (!nn_op_find(list[i].op)->fuses_activation)
      continue;
    g_autofree char *fused = g_strdup_printf("/ops/fused/%s/%s/%d", list[i].op, list_name, i);
    g_test_add_data_func(fused, &list[i], test_activation);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  add_tests(cases, "small");
  add_tests(big_cases, "big");
  return g_test_run();
}
