/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NnOp.reach against the truth: every element of every varying input is changed, one at a time, and
 * the outputs that change must lie where reach says that they look (no pixel outside the window
 * matters), and at the ends of the window some must (it is no wider than needed). Also, what
 * NnOp.operations counts. */
#include <math.h>
#include <string.h>

#include "nncore/ops/traits.h"
#include "tests/ops/harness.h"

#define MAX_ELEMENTS 700 /* of one input that are changed */

/* rows without a case in cases.c, which has gradients in mind */
static const Case more_cases[] = {
    {"And", "", {"i2x3x4", "i2x3x1"}},
    {"ArgMax", "axis=1", {"2x5x3x4"}},
    {"ArgMax", "axis=2", {"2x5x3x4"}},
    {"ArgMin", "axis=1", {"2x5x3x4"}},
    {"ArgMin", "axis=1 keepdims=0", {"2x5x3x4"}},
    {"Ceil", "", {"2x5x3"}},
    {"Concat", "axis=2", {"1x2x1x3", "1x2x4x3"}},
    {"Conv", "strides=[3,2] pads=[1,0,2,1]", {"1x2x10x9", "*2x2x2x1"}},
    {"ConvTranspose", "strides=[4,3] dilations=[3,1]", {"1x2x4x5", "*2x2x2x2"}},
    {"ConvTranspose", "strides=[3,3] pads=[2,1,1,2]", {"1x2x5x4", "*2x2x5x4"}},
    {"Equal", "", {"i2x3x4", "i:0"}},
    {"Floor", "", {"2x5x3"}},
    {"Gather", "axis=2", {"1x2x4x3", "i:3,1"}},
    {"Gather", "axis=1", {"1x3x4x5", "i:2,1,0"}},
    {"Greater", "", {"2x3x4", "2x1x1"}},
    {"GreaterOrEqual", "", {"2x3x4", "2x3x4"}},
    {"Hardmax", "axis=1", {"2x5x3x4"}},
    {"Less", "", {"2x3x4", "2x3x4"}},
    {"LessOrEqual", "", {"2x3x4", "2x3x4"}},
    {"Mod", "fmod=1", {"2x3x4", "p2x3x4"}},
    {"Mul", "", {"1x2x5x4", "1x2x1x1"}},
    {"Mul", "", {"1x2x5x4", "1x1x5x1"}},
    {"Not", "", {"i2x3x4"}},
    {"Or", "", {"i2x3x4", "i:0"}},
    {"Pad", "mode=reflect", {"1x2x9x8", "i:0,0,2,1,0,0,1,3"}},
    {"Pad", "mode=edge", {"1x2x9x8", "i:0,0,2,0,0,0,0,3"}},
    {"Pad", "", {"1x2x9x8", "i:0,0,-2,1,0,0,3,-1"}},
    {"ReduceL2", "", {"2x5x3x4", "i:1"}},
    {"ReduceLogSum", "", {"p2x5x3x4", "i:1"}},
    {"ReduceLogSumExp", "", {"p2x5x3x4", "i:1"}},
    {"ReduceMean", "", {"2x5x3x4", "i:1"}},
    {"ReduceMin", "", {"2x5x3x4", "i:1"}},
    {"ReduceProd", "", {"p2x5x3x4", "i:1"}},
    {"ReduceSumSquare", "", {"2x5x3x4", "i:1"}},
    {"Reshape", "", {"1x4x3x3", "i:1,4,9"}},
    {"Resize",
     "mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor",
     {"1x2x5x4", "-", "f:1,1,2,3"}},
    {"Resize", "mode=linear", {"1x1x5x4", "-", "f:1,1,2,2"}},
    {"Resize", "mode=linear", {"1x1x7x9", "-", "-", "i:1,1,5,4"}},
    {"Resize",
     "mode=linear coordinate_transformation_mode=align_corners",
     {"1x1x5x4", "-", "-", "i:1,1,9,7"}},
    {"Resize", "nearest_mode=round_prefer_ceil", {"1x1x6x7", "-", "f:1,1,0.5,1.3"}},
    {"Resize",
     "coordinate_transformation_mode=tf_half_pixel_for_nn nearest_mode=floor",
     {"1x1x6x7", "-", "f:1,1,1.5,2"}},
    {"Resize",
     "mode=linear coordinate_transformation_mode=pytorch_half_pixel",
     {"1x1x6x7", "-", "-", "i:1,1,1,3"}},
    {"Resize",
     "mode=linear coordinate_transformation_mode=half_pixel_symmetric",
     {"1x1x6x7", "-", "f:1,1,1.3,0.7"}},
    {"Resize",
     "mode=linear coordinate_transformation_mode=tf_crop_and_resize",
     {"1x1x6x7", "f:0,0,0.9,0.1,1,1,0.2,0.8", "-", "i:1,1,4,5"}},
    {"Round", "", {"2x5x3"}},
    {"Sign", "", {"2x5x3"}},
    {"Slice", "", {"1x2x9x8", "i:7,1", "i:0,8", "i:2,3", "i:-2,3"}},
    {"Softmax", "axis=2", {"1x2x3x4"}},
    {"Softmax", "coerce_2d=1 axis=1", {"2x5x3x1"}},
    {"Split", "axis=2", {"1x2x4x3"}, 2},
    {"Tile", "", {"1x2x1x3", "i:1,1,4,1"}},
    {"Transpose", "perm=[1,0,2,3]", {"2x3x4x3"}},
    {"Transpose", "perm=[0,1,3,2]", {"2x3x4x3"}},
    {"Xor", "", {"i2x3x4", "i2x3x4"}},
    {NULL},
};

/* of these a place of the result depends on the whole input, or they have no places */
static const char *const everywhere[] = {"ConstantOfShape",
                                         "Flatten",
                                         "Gemm",
                                         "GlobalAveragePool",
                                         "GlobalLpPool",
                                         "GlobalMaxPool",
                                         "GroupNormalization",
                                         "InstanceNormalization",
                                         "LayerNormalization",
                                         "MatMul",
                                         "Range",
                                         "Reshape",
                                         "Shape",
                                         "Size",
                                         "Squeeze",
                                         "Unsqueeze",
                                         NULL};

/* ---- places ---- */

/* where the element at @index in memory is, in ONNX's order */
static void
place_of(const NnTensor *tensor, int64_t index, int64_t place[NN_MAX_RANK])
{
  int64_t dims[NN_MAX_RANK], in_memory[NN_MAX_RANK];
  nn_tensor_memory_dims(tensor, dims);
  for (int i = tensor->shape.rank - 1; i >= 0; i--) {
    in_memory[i] = index % dims[i];
    index /= dims[i];
  }
  for (int i = 0; i < tensor->shape.rank; i++)
    place[i] = in_memory[nn_tensor_memory_axis(tensor, i)];
}

/* ---- what changes ---- */

typedef struct {
  Bench *bench;
  int input;
  NnReach reach;
  double least[NN_MAX_SPATIAL], most[NN_MAX_SPATIAL]; /* distances that were seen to matter */
} Trial;

static void
set_element(const NnTensor *tensor, int64_t i, double value)
{
  if (tensor->dtype == NN_DTYPE_FLOAT)
    tensor->f[i] = (float)value;
  else
    tensor->i[i] = (int64_t)value;
}

static double
element(const NnTensor *tensor, int64_t i)
{
  return tensor->dtype == NN_DTYPE_FLOAT ? (double)tensor->f[i] : (double)tensor->i[i];
}

/* the output's element @o changed with the input's element @i */
static void
note_change(Trial *trial, const NnTensor *out, int64_t o, int64_t i)
{
  int64_t from[NN_MAX_RANK], to[NN_MAX_RANK];
  place_of(&trial->bench->in[trial->input], i, from);
  place_of(out, o, to);
  for (int a = 0; a < out->shape.rank - 2; a++) {
    double distance = (double)from[a + 2] - (double)to[a + 2] * trial->reach.stride[a];
    if (distance < trial->reach.first[a] - NN_REACH_SLACK ||
        distance > trial->reach.last[a] + NN_REACH_SLACK)
      g_error(
          "input %d: along axis %d, place %d of the result sees place %d, outside of %g i%+g to "
          "%+g",
          trial->input, a, (int)to[a + 2], (int)from[a + 2], trial->reach.stride[a],
          trial->reach.first[a], trial->reach.last[a]);
    trial->least[a] = MIN(trial->least[a], distance);
    trial->most[a] = MAX(trial->most[a], distance);
  }
}

static void
change_element(Trial *trial, NnTensor *const before, int64_t i, double value)
{
  Bench *bench = trial->bench;
  const NnTensor *in = &bench->in[trial->input];
  double own = element(in, i);
  set_element(in, i, value);
  bench_forward(bench, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  for (int o = 0; o < bench->n_outputs; o++) {
    size_t size = nn_dtype_size(before[o].dtype);
    const char *a = before[o].data, *b = bench->out[o].data;
    for (int64_t k = 0; k < bench_count(bench, o); k++)
      if (memcmp(a + (size_t)k * size, b + (size_t)k * size, size) != 0)
        note_change(trial, &before[o], k, i);
  }
  set_element(in, i, own);
}

static void
try_input(Trial *trial)
{
  static const double factors[] = {-1, 0, 40, 1e9}; /* past kinks, bounds and other elements */
  Bench *bench = trial->bench;
  NnTensor before[2];
  bench_forward(bench, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  for (int o = 0; o < bench->n_outputs; o++) {
    before[o] = bench->out[o];
    before[o].data = g_memdup2(bench->out[o].data, nn_tensor_bytes(&bench->out[o]));
  }
  const NnTensor *in = &bench->in[trial->input];
  int64_t count = nn_shape_count(&in->shape);
  for (int64_t i = 0; i < count; i += 1 + count / MAX_ELEMENTS) {
    for (size_t f = 0; f < G_N_ELEMENTS(factors); f++)
      change_element(trial, before, i, element(in, i) * factors[f]);
    change_element(trial, before, i, element(in, i) + 0.25);
  }
  for (int o = 0; o < bench->n_outputs; o++)
    g_free(before[o].data);
}

/* the distances that places inside the input and inside the window have, where any have */
static void
check_tight(const Trial *trial)
{
  const NnShape *in = &trial->bench->in[trial->input].shape, *out = &trial->bench->out[0].shape;
  for (int a = 0; a < out->rank - 2; a++) {
    double least = INFINITY, most = -INFINITY;
    for (int64_t o = 0; o < out->dim[a + 2]; o++)
      for (int64_t i = 0; i < in->dim[a + 2]; i++) {
        double distance = (double)i - (double)o * trial->reach.stride[a];
        bool inside = distance >= trial->reach.first[a] - NN_REACH_SLACK &&
                      distance <= trial->reach.last[a] + NN_REACH_SLACK;
        least = inside ? MIN(least, distance) : least;
        most = inside ? MAX(most, distance) : most;
      }
    if (fabs(least - trial->least[a]) > NN_REACH_SLACK ||
        fabs(most - trial->most[a]) > NN_REACH_SLACK)
      g_error("input %d: along axis %d the window is %g to %g, but %g to %g matters", trial->input,
              a, least, most, trial->least[a], trial->most[a]);
  }
}

static Trial
new_trial(Bench *bench, int input)
{
  Trial trial = {.bench = bench, .input = input, .reach = {.everywhere = true}};
  NnInfer infer = {bench->params,    bench->n_inputs,  bench->types_in,
                   bench->constants, bench->n_outputs, bench->types_out};
  if (bench->op->reach != NULL)
    bench->op->reach(&infer, input, &trial.reach);
  for (int a = 0; a < NN_MAX_SPATIAL; a++) {
    trial.least[a] = INFINITY;
    trial.most[a] = -INFINITY;
  }
  return trial;
}

static bool
has_places(const Bench *bench)
{
  for (int o = 0; o < bench->n_outputs; o++)
    if (bench->types_out[o].shape.rank < 3)
      return false;
  return true;
}

static void
test_case(gconstpointer data)
{
  const Case *test = data;
  for (NnLayout layout = NN_LAYOUT_PLAIN; layout <= NN_LAYOUT_CHANNELS_LAST; layout++) {
    if (!bench_has_layout(test, layout))
      continue;
    g_autoptr(Bench) bench = bench_new(test, layout, 1, false);
    for (int i = 0; i < bench->n_inputs; i++) {
      Trial trial = new_trial(bench, i);
      if (!bench->varies[i] || trial.reach.everywhere || !has_places(bench))
        continue;
      try_input(&trial);
      check_tight(&trial);
    }
  }
}

/* ---- the table ---- */

static bool
has_window(const Case *test)
{
  if (!bench_has_layout(test, NN_LAYOUT_PLAIN))
    return bench_has_layout(test, NN_LAYOUT_CHANNELS_LAST);
  g_autoptr(Bench) bench = bench_new(test, NN_LAYOUT_PLAIN, 1, false);
  for (int i = 0; i < bench->n_inputs; i++)
    if (bench->varies[i] && has_places(bench) && !new_trial(bench, i).reach.everywhere)
      return true;
  return false;
}

static bool
has_case(const char *name, const Case *list)
{
  for (int i = 0; list[i].op != NULL; i++)
    if (strcmp(list[i].op, name) == 0 && has_window(&list[i]))
      return true;
  return false;
}

/* a row says where it looks, and is held against the truth, or is known to look everywhere */
static void
test_every_row(void)
{
  for (int i = 0; nn_op_at(i) != NULL; i++) {
    const NnOp *op = nn_op_at(i);
    bool looks_everywhere = g_strv_contains(everywhere, op->onnx_name);
    if (looks_everywhere != (op->reach == NULL))
      g_error("%s: where does it look?", op->onnx_name);
    if (!looks_everywhere && !has_case(op->onnx_name, cases) &&
        !has_case(op->onnx_name, more_cases))
      g_error("%s has no case that tries where it looks", op->onnx_name);
  }
}

/* ---- operations ---- */

static const struct {
  Case test;
  int64_t operations;
} counts[] = {
    /* 224 x 224 x 64 results of 27 products: VGG's first layer */
    {{"Conv", "pads=[1,1,1,1]", {"1x3x224x224", "*64x3x3x3"}}, INT64_C(224) * 224 * 64 * 27},
    {{"Conv", "group=6 strides=[2,2]", {"1x6x9x9", "*6x1x3x3"}}, 4 * 4 * 6 * 9},
    {{"ConvTranspose", "strides=[2,2]", {"1x4x5x3", "*4x6x2x2"}}, 5 * 3 * 4 * 6 * 4},
    {{"Gemm", "transA=1 transB=1", {"7x2", "5x7"}}, 2 * 5 * 7},
    {{"MatMul", "", {"2x1x3x7", "4x7x5"}}, 2 * 4 * 3 * 7 * 5},
    {{"MaxPool", "kernel_shape=[3,2] strides=[3,2]", {"1x2x9x8"}}, 2 * 3 * 4 * 6},
    {{"GlobalAveragePool", "", {"2x5x7x3"}}, 2 * 5 * 7 * 3},
    {{"ReduceMean", "", {"2x5x7x3", "i:2,3"}}, 2 * 5 * 7 * 3},
    {{"InstanceNormalization", "", {"2x5x7x3", "*5", "*5"}}, 3 * 2 * 5 * 7 * 3},
    {{"Resize", "mode=linear", {"1x2x3x4", "-", "f:1,1,2,2"}}, 2 * 6 * 8 * 4},
    {{"Flatten", "", {"2x5x3"}}, 0},
};

static void
test_operations(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
    g_autoptr(Bench) bench = bench_new(&counts[i].test, NN_LAYOUT_PLAIN, 1, false);
    NnInfer infer = {bench->params,    bench->n_inputs,  bench->types_in,
                     bench->constants, bench->n_outputs, bench->types_out};
    g_assert_cmpint(bench->op->operations(&infer), ==, counts[i].operations);
  }
  /* 2^45 times 2^45: as many as can be said */
  g_assert_cmpint(nn_operations_each(&NN_SHAPE(INT64_C(1) << 45), INT64_C(1) << 45), ==,
                  G_MAXINT64);
}

static void
add_tests(const Case *list, const char *list_name)
{
  for (int i = 0; list[i].op != NULL; i++) {
    g_autofree char *path = g_strdup_printf("/ops/reach/%s/%s/%d", list[i].op, list_name, i);
    g_test_add_data_func(path, &list[i], test_case);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  add_tests(cases, "gradients");
  add_tests(more_cases, "reach");
  g_test_add_func("/ops/reach/every-row", test_every_row);
  g_test_add_func("/ops/operations", test_operations);
  return g_test_run();
}
