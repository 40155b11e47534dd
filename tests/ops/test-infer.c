/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators must refuse, with the right code and a sentence; and the shapes they find
 * where rules are subtle. */
#include <string.h>

#include "nncore/base/error.h"
#include "tests/ops/harness.h"

/* some sizes that a hostile file may claim */
#define HUGE_DIM "4611686018427387904" /* 2^62 */
#define LARGE_DIM "70368744177664"     /* 2^46 */

typedef struct {
  Case test;
  NnError code;
} Refusal;

static const Refusal refusals[] = {
    /* windows */
    {{"MaxPool", "kernel_shape=[0,2]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,-2]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2," HUGE_DIM "]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] strides=[0,1]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] strides=[1,-1]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] dilations=[1,0]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] pads=[0,0,0,-1]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] pads=[0,0,0]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] pads=[0,0,0," HUGE_DIM "]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] pads=[0,0,0,2]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] strides=[2]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] auto_pad=SIDEWAYS", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2] ceil_mode=1.5", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"MaxPool", "kernel_shape=[2,2,2,2]", {"1x3x8x8x8x8"}}, NN_ERROR_UNSUPPORTED},
    {{"MaxPool", "kernel_shape=[100000,100000] auto_pad=SAME_UPPER", {"1x3x8x8"}},
     NN_ERROR_UNSUPPORTED},
    {{"MaxPool",
      "kernel_shape=[2147483647,1] dilations=[2147483647,1] auto_pad=SAME_LOWER",
      {"1x3x8x8"}},
     NN_ERROR_UNSUPPORTED},
    {{"MaxPool", "kernel_shape=[2,2]", {"1x3x8"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[9,2]", {"1x3x8x8"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[2,5] dilations=[1,2]", {"1x3x8x8"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[1,1]", {"1x3x0x8"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[1,1]", {"1x3x" HUGE_DIM "x" HUGE_DIM}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[1,1]", {"1x3x-8x8"}}, NN_ERROR_SHAPE},
    {{"MaxPool", "kernel_shape=[1,1]", {"i1x3x8x8"}}, NN_ERROR_UNSUPPORTED},
    {{"AveragePool", "kernel_shape=[9,2]", {"1x3x8x8"}}, NN_ERROR_SHAPE},
    {{"AveragePool", "kernel_shape=[2,2] pads=[2,0,0,0]", {"1x3x8x8"}}, NN_ERROR_MALFORMED},
    {{"AveragePool",
      "kernel_shape=[2000000000] pads=[1999999999,1999999999] strides=[1]",
      {"1000x1000x1000"}},
     NN_ERROR_SHAPE},
    {{"Conv", "", {"1x3x8x8", "*4x3x9x9"}}, NN_ERROR_SHAPE},
    {{"Conv", "", {"1x3x8x8", "*4x2x3x3"}}, NN_ERROR_SHAPE},
    {{"Conv", "", {"1x3x8x8", "*4x3x3"}}, NN_ERROR_SHAPE},
    {{"Conv", "", {"1x3x8x8", "*4x3x3x3", "*5"}}, NN_ERROR_SHAPE},
    {{"Conv", "kernel_shape=[5,5]", {"1x3x8x8", "*4x3x3x3"}}, NN_ERROR_MALFORMED},
    {{"Conv", "group=0", {"1x3x8x8", "*4x3x3x3"}}, NN_ERROR_MALFORMED},
    {{"Conv", "group=2", {"1x3x8x8", "*4x1x3x3"}}, NN_ERROR_SHAPE},
    {{"Conv", "strides=[0,1]", {"1x3x8x8", "*4x3x3x3"}}, NN_ERROR_MALFORMED},
    /* element by element */
    {{"Add", "", {"2x5", "2x4"}}, NN_ERROR_SHAPE},
    {{"Add", "", {"2x5", "i2x5"}}, NN_ERROR_MALFORMED},
    {{"Add", "", {"2x5", "-"}}, NN_ERROR_MALFORMED},
    {{"Mul", "", {LARGE_DIM "x1", "1x" LARGE_DIM}}, NN_ERROR_SHAPE},
    {{"Relu", "", {"i2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Relu", "", {HUGE_DIM "x4"}}, NN_ERROR_SHAPE},
    {{"LeakyRelu", "alpha=1", {"2x5"}}, NN_ERROR_MALFORMED},
    {{"BatchNormalization", "", {"2x5x7", "*4", "*4", "*4", "*4"}}, NN_ERROR_SHAPE},
    {{"BatchNormalization", "", {"2x5x7", "*5", "*5", "*5", "*5x1"}}, NN_ERROR_SHAPE},
    {{"BatchNormalization", "", {"5", "*5", "*5", "*5", "*5"}}, NN_ERROR_SHAPE},
    {{"BatchNormalization", "", {"2x5", "*5", "*5", "*5"}}, NN_ERROR_MALFORMED},
    {{"BatchNormalization", "training_mode=1", {"2x5", "*5", "*5", "*5", "*5"}},
     NN_ERROR_UNSUPPORTED},
    {{"Cast", "to=8", {"2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Cast", "to=99", {"2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Cast", "", {"2x5"}}, NN_ERROR_UNSUPPORTED},
    {{"Dropout", "", {"2x5", "-", "i:1"}}, NN_ERROR_UNSUPPORTED},
    /* shapes */
    {{"Concat", "", {"2x5", "2x5"}}, NN_ERROR_MALFORMED},
    {{"Concat", "axis=2", {"2x5", "2x5"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=-3", {"2x5", "2x5"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=" HUGE_DIM, {"2x5", "2x5"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=0", {"2x5", "2x4"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=0", {"2x5", "2x5x1"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=0", {"2x5", "i2x5"}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=0", {LARGE_DIM, LARGE_DIM}}, NN_ERROR_SHAPE},
    {{"Concat", "axis=0", {HUGE_DIM, HUGE_DIM}}, NN_ERROR_SHAPE},
    {{"Flatten", "axis=4", {"2x5x3"}}, NN_ERROR_SHAPE},
    {{"Flatten", "axis=-4", {"2x5x3"}}, NN_ERROR_SHAPE},
    {{"Flatten", "", {HUGE_DIM "x4x3"}}, NN_ERROR_SHAPE},
    {{"Reshape", "", {"2x5", "i:3,4"}}, NN_ERROR_SHAPE},
    {{"Reshape", "", {"2x5", "i:-1,-1"}}, NN_ERROR_MALFORMED},
    {{"Reshape", "", {"2x5", "i:-2,5"}}, NN_ERROR_MALFORMED},
    {{"Reshape", "", {"2x5", "i:2,5,0"}}, NN_ERROR_MALFORMED},
    {{"Reshape", "", {"2x5", "i:4,-1"}}, NN_ERROR_SHAPE},
    {{"Reshape", "allowzero=1", {"2x5", "i:0,-1"}}, NN_ERROR_SHAPE},
    {{"Reshape", "", {"2x5", "i:" HUGE_DIM "," HUGE_DIM ",-1"}}, NN_ERROR_SHAPE},
    {{"Reshape", "", {"2x5", "i:1,1,1,1,1,1,1,2,5"}}, NN_ERROR_MALFORMED},
    {{"Reshape", "", {"2x5", "i2"}}, NN_ERROR_UNSUPPORTED},
    {{"GlobalAveragePool", "", {"2x5"}}, NN_ERROR_SHAPE},
    {{"GlobalAveragePool", "", {"2x5x0x4"}}, NN_ERROR_SHAPE},
    {{"Softmax", "axis=2", {"2x5"}}, NN_ERROR_SHAPE},
    {{"Softmax", "", {"scalar"}}, NN_ERROR_SHAPE},
    /* products */
    {{"Gemm", "", {"2x5", "4x5"}}, NN_ERROR_SHAPE},
    {{"Gemm", "transB=1", {"2x5", "5x4"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"2x5x1", "5x4"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"2x5", "5"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"2x5", "5x4", "3"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"2x5", "5x4", "3x2x4"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"1x5", "5x4", "2x4"}}, NN_ERROR_SHAPE},
    {{"Gemm", "", {"2x5", "i5x4"}}, NN_ERROR_UNSUPPORTED},
    {{"Gemm", "", {LARGE_DIM "x1", "1x" LARGE_DIM}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {"2x5", "4x5"}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {"3x2x5", "2x5x4"}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {"scalar", "2"}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {"2", "scalar"}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {"1000000000x1x1x4", "1x1000000000x4x1"}}, NN_ERROR_SHAPE},
    {{"MatMul", "", {HUGE_DIM "x" HUGE_DIM "x2x5", "5x4"}}, NN_ERROR_SHAPE},
};

static void
test_refusal(gconstpointer data)
{
  const Refusal *refusal = data;
  g_autoptr(GError) error = NULL;
  NnType out[2] = {0};
  g_assert_false(bench_infer(&refusal->test, out, &error));
  g_test_message("%s", error->message);
  g_assert_error(error, NN_ERROR, (int)refusal->code);
  g_assert_true(g_str_has_suffix(error->message, "."));
}

typedef struct {
  Case test;
  const char *shape;
} Shape;

static const Shape shapes[] = {
    {{"MaxPool", "kernel_shape=[1,1] strides=[2,2] ceil_mode=1", {"1x1x2x2"}}, "1 x 1 x 1 x 1"},
    {{"MaxPool", "kernel_shape=[3,3] strides=[2,2] ceil_mode=1", {"1x1x4x6"}}, "1 x 1 x 2 x 3"},
    {{"MaxPool", "kernel_shape=[2,2] strides=[3,3] ceil_mode=1 pads=[1,1,1,1]", {"1x1x3x4"}},
     "1 x 1 x 2 x 2"},
    {{"MaxPool", "kernel_shape=[3] strides=[2] auto_pad=SAME_UPPER", {"1x1x5"}}, "1 x 1 x 3"},
    {{"MaxPool", "kernel_shape=[3] strides=[2] auto_pad=VALID", {"1x1x6"}}, "1 x 1 x 2"},
    {{"MaxPool", "kernel_shape=[2,2]", {"0x3x8x8"}}, "0 x 3 x 7 x 7"},
    {{"Conv", "strides=[2,2] pads=[1,1,1,1]", {"1x3x8x7", "*4x3x3x3"}}, "1 x 4 x 4 x 4"},
    {{"Flatten", "axis=0", {"2x5x3"}}, "1 x 30"},
    {{"Flatten", "", {"scalar"}}, NULL},
    {{"Reshape", "", {"2x5x3", "i:0,-1"}}, "2 x 15"},
    {{"Reshape", "", {"2x5x3", "i:-1"}}, "30"},
    {{"Reshape", "", {"1", "i:"}}, "scalar"},
    {{"Reshape", "allowzero=1", {"0x3", "i:3,0"}}, "3 x 0"},
    {{"Reshape", "", {"i2x3", "i:3,2"}}, "3 x 2"},
    {{"MatMul", "", {"7", "7"}}, "scalar"},
    {{"MatMul", "", {"2x1x3x7", "4x7x5"}}, "2 x 4 x 3 x 5"},
    {{"MatMul", "", {"4x3x7", "7"}}, "4 x 3"},
    {{"Gemm", "transA=1", {"7x3", "7x5"}}, "3 x 5"},
    {{"Add", "", {"5x1x1", "2x1x4x3"}}, "2 x 5 x 4 x 3"},
    {{"Add", "", {"i2", "i2"}}, "2"},
    {{"Concat", "axis=-1", {"2x5", "2x0", "2x3"}}, "2 x 8"},
    {{"GlobalAveragePool", "", {"2x5x7x3"}}, "2 x 5 x 1 x 1"},
};

static void
test_shape(gconstpointer data)
{
  const Shape *shape = data;
  g_autoptr(GError) error = NULL;
  NnType out[2] = {0};
  bool ok = bench_infer(&shape->test, out, &error);
  if (shape->shape == NULL) {
    g_assert_false(ok);
    return;
  }
  g_assert_no_error(error);
  g_autofree char *text = nn_shape_to_string(&out[0].shape);
  g_assert_cmpstr(text, ==, shape->shape);
}

/* int64 values go through shape arithmetic and casts exactly */
static void
test_integers(void)
{
  static const Case add = {"Add", "", {"i:3,-5,9000000000000000000", "i:4"}};
  static const Case multiply = {"Mul", "", {"i:3,-5,7", "i:-2"}};
  static const Case concat = {"Concat", "axis=0", {"i:1,2", "i:3"}};
  static const struct {
    const Case *test;
    int64_t expected[3];
  } rows[] = {
      {&add, {7, -1, 9000000000000000004}}, {&multiply, {-6, 10, -14}}, {&concat, {1, 2, 3}}};
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(Bench) bench = bench_new(rows[i].test, NN_LAYOUT_PLAIN, 2, false);
    bench_forward(bench, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
    g_assert_cmpint(bench_count(bench, 0), ==, 3);
    for (int k = 0; k < 3; k++)
      g_assert_cmpint(bench->out[0].i[k], ==, rows[i].expected[k]);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
    g_autofree char *path = g_strdup_printf("/ops/refusals/%s/%d", refusals[i].test.op, (int)i);
    g_test_add_data_func(path, &refusals[i], test_refusal);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
    g_autofree char *path = g_strdup_printf("/ops/shapes/%s/%d", shapes[i].test.op, (int)i);
    g_test_add_data_func(path, &shapes[i], test_shape);
  }
  g_test_add_func("/ops/integers", test_integers);
  return g_test_run();
}
