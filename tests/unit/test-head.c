/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Classifiers whose head was made for one size, at others: heads as exporters write them give what
 * is computed here by hand from the map that they see; gradients agree with differences; at the
 * size that the file names no bit is other than the layers' own; what cannot be is refused in a
 * sentence. */
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"

enum { CHANNELS = 6, SIDE = 4, CLASSES = 5, PICTURE = 16 };

/* ---- networks: a convolution and a pool, which make SIDE of PICTURE, and then a head ---- */

typedef enum {
  FLATTEN_GEMM,
  RESHAPE_MATMUL,     /* to (1, K), with a bias added */
  RESHAPE_OPEN_BATCH, /* to (-1, K) */
  RESHAPE_MAP,        /* to (1, 6, 4, 4) */
  SHAPE_MINUS_ONE,    /* to (Shape[0], -1), computed */
  SHAPE_PRODUCT,      /* to (Shape[0], Shape[1] * Shape[2] * Shape[3]), computed */
  CHANNELS_LAST,      /* flattened in TensorFlow's order */
  MEAN_RESHAPE,       /* AveragePool over all of the map, as in GoogLeNet */
  MEAN_OPEN_BATCH,
  MEAN_SQUEEZE,
  MEAN_CONV,  /* the pool, a 1x1 convolution, Flatten, as in MobileNet */
  MAX_GEMM,   /* MaxPool over all of the map */
  CONV_GEMM,  /* a convolution over all of the map, without padding, then as FLATTEN_GEMM */
  N_HEADS,
  GLOBAL,     /* no fixed head */
  ATTENTION,  /* tokens with a learnt place each */
} Head;

static const char *const head_names[] = {
    "flatten-gemm",  "reshape-matmul", "reshape-open-batch", "reshape-map",     "shape-minus-one",
    "shape-product", "channels-last",  "mean-reshape",       "mean-open-batch", "mean-squeeze",
    "mean-conv",     "max-gemm",       "conv-gemm",
};

static bool
sees_mean(Head head)
{
  return head >= MEAN_RESHAPE && head <= MEAN_CONV;
}

static void
add_gemm(OnnxBuilder *builder, const char *from, int64_t length)
{
  g_autofree char *inputs = g_strdup_printf("%s w b", from);
  onnx_add_weights(builder, "w", &NN_SHAPE(CLASSES, length));
  onnx_add_weights(builder, "b", &NN_SHAPE(CLASSES));
  onnx_add_node(builder, "Gemm", inputs, "logits", "transB=1");
}

static void
add_reshape(OnnxBuilder *builder, const char *from, const int64_t *shape, int rank)
{
  g_autofree char *inputs = g_strdup_printf("%s to", from);
  onnx_add_ints(builder, "to", shape, rank);
  onnx_add_node(builder, "Reshape", inputs, "flat", NULL);
}

/* the map's shape in pieces, and (shape[0], @second) put together */
static void
add_computed_reshape(OnnxBuilder *builder, bool product)
{
  for (int i = 0; i < 4; i++) {
    char name[2] = {(char)('0' + i), '\0'};
    onnx_add_ints(builder, name, (int64_t[]){i}, 1);
  }
  onnx_add_ints(builder, "rest", (int64_t[]){-1}, 1);
  onnx_add_node(builder, "Shape", "map", "shape", NULL);
  onnx_add_node(builder, "Gather", "shape 0", "batch", NULL);
  onnx_add_node(builder, "Gather", "shape 1", "c", NULL);
  onnx_add_node(builder, "Gather", "shape 2", "height", NULL);
  onnx_add_node(builder, "Gather", "shape 3", "width", NULL);
  onnx_add_node(builder, "Mul", "c height", "ch", NULL);
  onnx_add_node(builder, "Mul", "ch width", "chw", NULL);
  onnx_add_node(builder, "Concat", product ? "batch chw" : "batch rest", "to", "axis=0");
  onnx_add_node(builder, "Reshape", "map to", "flat", NULL);
}

static void
add_flattened_head(OnnxBuilder *builder, Head head, int64_t side)
{
  int64_t length = CHANNELS * side * side;
  switch (head) {
  case RESHAPE_MATMUL:
    add_reshape(builder, "map", (int64_t[]){1, length}, 2);
    onnx_add_weights(builder, "w", &NN_SHAPE(length, CLASSES));
    onnx_add_weights(builder, "b", &NN_SHAPE(CLASSES));
    onnx_add_node(builder, "MatMul", "flat w", "product", NULL);
    onnx_add_node(builder, "Add", "product b", "logits", NULL);
    return;
  case RESHAPE_OPEN_BATCH:
    add_reshape(builder, "map", (int64_t[]){-1, length}, 2);
    break;
  case RESHAPE_MAP:
    add_reshape(builder, "map", (int64_t[]){1, CHANNELS, side, side}, 4);
    onnx_add_node(builder, "Flatten", "flat", "flatter", NULL);
    add_gemm(builder, "flatter", length);
    return;
  case SHAPE_MINUS_ONE:
  case SHAPE_PRODUCT:
    add_computed_reshape(builder, head == SHAPE_PRODUCT);
    break;
  case CHANNELS_LAST:
    onnx_add_node(builder, "Transpose", "map", "last", "perm=0,2,3,1");
    add_reshape(builder, "last", (int64_t[]){-1, length}, 2);
    break;
  default:
    onnx_add_node(builder, "Flatten", "map", "flat", NULL);
    break;
  }
  add_gemm(builder, "flat", length);
}

static void
add_pooled_head(OnnxBuilder *builder, Head head)
{
  onnx_add_node(builder, head == MAX_GEMM ? "MaxPool" : "AveragePool", "map", "mean",
                "kernel_shape=4,4 strides=1,1");
  if (head == MEAN_CONV) {
    onnx_add_weights(builder, "w", &NN_SHAPE(CLASSES, CHANNELS, 1, 1));
    onnx_add_weights(builder, "b", &NN_SHAPE(CLASSES));
    onnx_add_node(builder, "Conv", "mean w b", "conv", NULL);
    onnx_add_node(builder, "Flatten", "conv", "logits", NULL);
    return;
  }
  onnx_add_ints(builder, "axes", (int64_t[]){2, 3}, 2);
  if (head == MEAN_SQUEEZE)
    onnx_add_node(builder, "Squeeze", "mean axes", "flat", NULL);
  else
    add_reshape(builder, "mean", (int64_t[]){head == MEAN_OPEN_BATCH ? -1 : 1, CHANNELS}, 2);
  add_gemm(builder, "flat", CHANNELS);
}

static void
add_tokens(OnnxBuilder *builder)
{
  add_reshape(builder, "map", (int64_t[]){1, CHANNELS, SIDE * SIDE}, 3);
  onnx_add_weights(builder, "places", &NN_SHAPE(1, CHANNELS, SIDE * SIDE));
  onnx_add_node(builder, "Add", "flat places", "tokens", NULL);
  onnx_add_node(builder, "ReduceMean", "tokens", "vector", "axes=2 keepdims=0");
  add_gemm(builder, "vector", CHANNELS);
}

static void
add_head(OnnxBuilder *builder, Head head, int64_t side)
{
  if (head == ATTENTION) {
    add_tokens(builder);
  } else if (head == GLOBAL) {
    onnx_add_node(builder, "GlobalAveragePool", "map", "mean", NULL);
    add_reshape(builder, "mean", (int64_t[]){1, CHANNELS}, 2);
    add_gemm(builder, "flat", CHANNELS);
  } else if (sees_mean(head) || head == MAX_GEMM) {
    add_pooled_head(builder, head);
  } else if (head == CONV_GEMM) {
    onnx_add_weights(builder, "w2", &NN_SHAPE(CHANNELS, CHANNELS, SIDE, SIDE));
    onnx_add_node(builder, "Conv", "map w2", "wide", NULL);
    onnx_add_node(builder, "Relu", "wide", "relu2", NULL);
    onnx_add_node(builder, "Flatten", "relu2", "flat", NULL);
    add_gemm(builder, "flat", CHANNELS);
  } else {
    add_flattened_head(builder, head, side);
  }
  onnx_add_output(builder, "logits");
}

static NnModel *
finish_model(OnnxBuilder *builder)
{
  g_autoptr(GError) error = NULL;
  NnModel *model = onnx_builder_open(builder, &error);
  g_assert_no_error(error);
  onnx_builder_clear(builder);
  return model;
}

/* @declared: side of the picture that the file names, or 0 */
static NnModel *
model_new(Head head, int64_t declared, int64_t side)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, declared, declared));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(CHANNELS, 3, 3, 3));
  onnx_add_node(&builder, "Conv", "x w1", "conv1", "pads=1,1,1,1 strides=2,2");
  onnx_add_node(&builder, "Relu", "conv1", "relu1", NULL);
  onnx_add_node(&builder, "MaxPool", "relu1", "map", "kernel_shape=2,2 strides=2,2");
  add_head(&builder, head, side);
  return finish_model(&builder);
}

/* the head alone, on a map for input: too small a picture for anything to be done about it */
static NnModel *
head_model_new(Head head)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "map", &NN_SHAPE(1, CHANNELS, SIDE, SIDE));
  add_head(&builder, head, SIDE);
  return finish_model(&builder);
}

/* ---- running ---- */

typedef struct {
  NnContext *context;
  NnProgram *program;
  NnPlan *plan;
  NnWorkspace *workspace;
} Run;

static NnProgram *
program_new(NnModel *model, NnContext *context, const char *const *targets, int n_targets,
            NnHead head)
{
  g_autoptr(GError) error = NULL;
  NnProgram *program = nn_program_new(model, context, targets, n_targets,
                                      (NnProgramOptions){.gradient = true, .head = head}, &error);
  g_assert_no_error(error);
  return program;
}

static Run
start(NnModel *model, const char *const *targets, int n_targets, NnHead head, int threads,
      const NnShape *shape)
{
  g_autoptr(GError) error = NULL;
  Run run = {.context = nn_context_new(threads)};
  run.program = program_new(model, run.context, targets, n_targets, head);
  run.plan = nn_plan_new(run.program, shape, 1, &error);
  g_assert_no_error(error);
  run.workspace = nn_workspace_new(run.plan, run.context, &error);
  g_assert_no_error(error);
  return run;
}

static void
finish(Run *run)
{
  nn_workspace_free(run->workspace);
  nn_plan_unref(run->plan);
  nn_program_unref(run->program);
  nn_context_free(run->context);
}

static void
fill(const NnTensor *tensor, guint32 seed)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(seed);
  for (int64_t i = 0; i < nn_shape_count(&tensor->shape); i++)
    tensor->f[i] = (float)g_rand_double_range(random, -1, 1);
}

/* a copy in ONNX's order; nn_tensor_unref() */
static NnTensor *
plain_copy(const NnTensor *tensor)
{
  NnTensor *copy = nn_tensor_new(NN_DTYPE_FLOAT, &tensor->shape, NULL);
  nn_tensor_copy(tensor, copy);
  return copy;
}

/* what one target is at a size, on noise (or on @picture); plain */
static NnTensor *
value_of(NnModel *model, const char *target, NnHead head, const NnShape *shape,
         const NnTensor *picture)
{
  Run run = start(model, &target, 1, head, 2, shape);
  NnTensor input = *nn_workspace_input(run.workspace, 0);
  if (picture != NULL)
    nn_tensor_copy(picture, &input);
  else
    fill(&input, 1);
  nn_workspace_forward(run.workspace);
  NnTensor *value = plain_copy(nn_workspace_target(run.workspace, 0));
  finish(&run);
  return value;
}

/* ---- by hand ---- */

static double
mean_of_bin(const NnTensor *map, int64_t c, int64_t y, int64_t x, int64_t side)
{
  int64_t height = map->shape.dim[2], width = map->shape.dim[3];
  int64_t y0 = y * height / side, y1 = ((y + 1) * height + side - 1) / side;
  int64_t x0 = x * width / side, x1 = ((x + 1) * width + side - 1) / side;
  double sum = 0;
  for (int64_t i = y0; i < y1; i++)
    for (int64_t k = x0; k < x1; k++)
      sum += (double)map->f[(c * height + i) * width + k];
  return sum / (double)((y1 - y0) * (x1 - x0));
}

/* the weights that onnx_add_weights() drew; g_free() */
static double *
weights_of(const char *name, int64_t count)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(g_str_hash(name));
  double *values = g_new(double, count);
  for (int64_t i = 0; i < count; i++)
    values[i] = (double)(float)g_rand_double_range(random, -1, 1);
  return values;
}

/* of a channel, over all bins of the size that a MaxPool before the head was made for */
static double
largest_bin(const NnTensor *map, int64_t c)
{
  double largest = -INFINITY;
  for (int64_t y = 0; y < SIDE; y++)
    for (int64_t x = 0; x < SIDE; x++)
      largest = fmax(largest, mean_of_bin(map, c, y, x, SIDE));
  return largest;
}

/* the map brought to @side x @side and flattened in the head's order; g_free() */
static double *
pool_by_hand(Head head, const NnTensor *map, int64_t side)
{
  double *vector = g_new(double, CHANNELS *side *side);
  for (int64_t c = 0; c < CHANNELS; c++)
    for (int64_t y = 0; y < side; y++)
      for (int64_t x = 0; x < side; x++) {
        int64_t place =
            head == CHANNELS_LAST ? (y * side + x) * CHANNELS + c : (c * side + y) * side + x;
        vector[place] = head == MAX_GEMM ? largest_bin(map, c) : mean_of_bin(map, c, y, x, side);
      }
  return vector;
}

static void
check_by_hand(Head head, NnModel *model, int64_t side, int height, int width)
{
  NnShape shape = NN_SHAPE(1, 3, height, width);
  const char *last_map = head == CONV_GEMM ? "relu2" : "map";
  g_autoptr(NnTensor) map = value_of(model, last_map, NN_HEAD_POOLED, &shape, NULL);
  g_autoptr(NnTensor) logits = value_of(model, "logits", NN_HEAD_POOLED, &shape, NULL);
  int64_t length = CHANNELS * side * side;
  g_autofree double *vector = pool_by_hand(head, map, side);
  g_autofree double *w = weights_of("w", CLASSES * length), *b = weights_of("b", CLASSES);
  g_assert_true(nn_shape_equal(&logits->shape, &NN_SHAPE(1, CLASSES)));
  for (int64_t o = 0; o < CLASSES; o++) {
    double sum = b[o], scale = fabs(b[o]);
    for (int64_t i = 0; i < length; i++) {
      double term = vector[i] * w[head == RESHAPE_MATMUL ? i * CLASSES + o : o * length + i];
      sum += term;
      scale += fabs(term);
    }
    g_assert_cmpfloat_with_epsilon((double)logits->f[o], sum, 1e-6 * scale);
  }
}

static const int sizes[][2] = {{16, 16}, {17, 16}, {32, 32}, {64, 48}, {23, 41},
                               {57, 16}, {9, 70},  {7, 5},   {4, 4},   {100, 131}};

static void
test_pooled(gconstpointer data)
{
  Head head = (Head)GPOINTER_TO_INT(data);
  g_autoptr(NnModel) model = model_new(head, PICTURE, SIDE);
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
    if (head != CONV_GEMM || MIN(sizes[i][0], sizes[i][1]) >= PICTURE)
      check_by_hand(head, model, head >= MEAN_RESHAPE ? 1 : SIDE, sizes[i][0], sizes[i][1]);
}

/* files that name no size: the head itself tells what map it was made for */
static void
test_undeclared(void)
{
  for (Head head = FLATTEN_GEMM; head <= CHANNELS_LAST; head++)
    for (int64_t side = 3; side <= 7; side += 2) {
      g_autoptr(NnModel) model = model_new(head, 0, side);
      check_by_hand(head, model, side, 24, 31);
      check_by_hand(head, model, side, 224, 224);
    }
  g_autoptr(NnModel) fitting = model_new(FLATTEN_GEMM, 0, 56); /* as 224 px make it */
  check_by_hand(FLATTEN_GEMM, fitting, 56, 40, 31);
  g_autoptr(NnModel) splitting = model_new(RESHAPE_OPEN_BATCH, 0, 28); /* 224 px make four */
  check_by_hand(RESHAPE_OPEN_BATCH, splitting, 28, 224, 224);
}

/* at the size that the file names: the very bits of the layers by themselves, both ways */
static void
test_same_bits(void)
{
  NnShape shape = NN_SHAPE(1, 3, PICTURE, PICTURE);
  for (Head head = FLATTEN_GEMM; head < N_HEADS; head++) {
    g_autoptr(NnModel) model = model_new(head, PICTURE, SIDE), alone = head_model_new(head);
    g_autoptr(NnTensor) map = value_of(model, "map", NN_HEAD_POOLED, &shape, NULL);
    g_autoptr(NnTensor) expected = value_of(alone, "logits", NN_HEAD_POOLED, &map->shape, map);
    g_autoptr(NnTensor) pooled = value_of(model, "logits", NN_HEAD_POOLED, &shape, NULL);
    g_autoptr(NnTensor) resized = value_of(model, "logits", NN_HEAD_RESIZED, &shape, NULL);
    g_assert_cmpmem(pooled->f, nn_tensor_bytes(pooled), expected->f, nn_tensor_bytes(expected));
    g_assert_cmpmem(resized->f, nn_tensor_bytes(resized), expected->f, nn_tensor_bytes(expected));
  }
}

/* ---- resized ---- */

/* the picture as the head is to see it, by a Resize in a network of its own */
static NnTensor *
resize_noise(const NnShape *shape)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_ints(&builder, "sizes", (int64_t[]){1, 3, PICTURE, PICTURE}, 4);
  onnx_add_node(&builder, "Resize", "x   sizes", "y", "mode=linear antialias=1 exclude_outside=1");
  g_autoptr(NnModel) model = finish_model(&builder);
  return value_of(model, "y", NN_HEAD_POOLED, shape, NULL);
}

static void
test_resized(void)
{
  for (Head head = FLATTEN_GEMM; head < N_HEADS; head++) {
    g_autoptr(NnModel) model = model_new(head, PICTURE, SIDE);
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
      NnShape shape = NN_SHAPE(1, 3, sizes[i][0], sizes[i][1]);
      g_autoptr(NnTensor) picture = resize_noise(&shape);
      g_autoptr(NnTensor) expected =
          value_of(model, "logits", NN_HEAD_POOLED, &picture->shape, picture);
      g_autoptr(NnTensor) logits = value_of(model, "logits", NN_HEAD_RESIZED, &shape, NULL);
      g_assert_cmpmem(logits->f, nn_tensor_bytes(logits), expected->f, nn_tensor_bytes(expected));
    }
  }
}

/* halving by hand: 1 3 3 1 over 8, and at the edges, where nothing comes in, 3 3 1 over 7 */
static void
test_antialiased(void)
{
  NnShape shape = NN_SHAPE(1, 3, 2 * PICTURE, PICTURE);
  g_autoptr(NnTensor) picture = resize_noise(&shape), noise = nn_tensor_new(0, &shape, NULL);
  NnTensor last = *noise;
  last.layout = NN_LAYOUT_CHANNELS_LAST;
  last.f = g_new(float, nn_shape_count(&shape));
  fill(&last, 1);
  nn_tensor_copy(&last, noise);
  g_free(last.f);
  for (int y = 0; y < PICTURE; y++)
    for (int x = 0; x < PICTURE; x++) {
      double sum = 0, weights = 0;
      for (int t = -1; t <= 2; t++) {
        int row = 2 * y + t, weight = t == -1 || t == 2 ? 1 : 3;
        if (row < 0 || row >= 2 * PICTURE)
          continue;
        sum += weight * (double)noise->f[row * PICTURE + x];
        weights += weight;
      }
      g_assert_cmpfloat_with_epsilon((double)picture->f[y * PICTURE + x], sum / weights, 1e-6);
    }
}

/* layers before the head see the picture at full size, whatever is asked for beside them */
static void
test_both_targets(void)
{
  static const char *const both[] = {"logits", "map"};
  NnShape shape = NN_SHAPE(1, 3, 37, 50);
  g_autoptr(NnModel) model = model_new(FLATTEN_GEMM, PICTURE, SIDE);
  for (NnHead head = NN_HEAD_POOLED; head <= NN_HEAD_RESIZED; head++) {
    g_autoptr(NnTensor) logits = value_of(model, "logits", head, &shape, NULL);
    g_autoptr(NnTensor) map = value_of(model, "map", head, &shape, NULL);
    g_assert_true(nn_shape_equal(&map->shape, &NN_SHAPE(1, CHANNELS, 9, 12)));
    Run run = start(model, both, 2, head, 2, &shape);
    fill(nn_workspace_input(run.workspace, 0), 1);
    nn_workspace_forward(run.workspace);
    const NnTensor *target = nn_workspace_target(run.workspace, 0);
    g_assert_cmpmem(target->f, nn_tensor_bytes(target), logits->f, nn_tensor_bytes(logits));
    g_autoptr(NnTensor) other = plain_copy(nn_workspace_target(run.workspace, 1));
    g_assert_cmpmem(other->f, nn_tensor_bytes(other), map->f, nn_tensor_bytes(map));
    finish(&run);
  }
}

/* ---- gradients ---- */

static double
dot(const NnTensor *a, const NnTensor *b)
{
  double sum = 0;
  for (int64_t i = 0; i < nn_shape_count(&a->shape); i++)
    sum += (double)a->f[i] * (double)b->f[i];
  return sum;
}

static double
objective(Run *run, int n_targets)
{
  double sum = 0;
  nn_workspace_forward(run->workspace);
  for (int t = 0; t < n_targets; t++) {
    const NnTensor *seed = nn_workspace_seed(run->workspace, t);
    fill(seed, 100 + (guint32)t);
    sum += dot(seed, nn_workspace_target(run->workspace, t));
  }
  return sum;
}

static double
shifted(Run *run, int n_targets, const float *origin, const float *direction, double step)
{
  const NnTensor *x = nn_workspace_input(run->workspace, 0);
  for (int64_t i = 0; i < nn_shape_count(&x->shape); i++)
    x->f[i] = (float)((double)origin[i] + step * (double)direction[i]);
  return objective(run, n_targets);
}

static void
check_gradient(NnModel *model, const char *const *targets, int n_targets, NnHead head,
               const NnShape *shape)
{
  Run run = start(model, targets, n_targets, head, 2, shape);
  const NnTensor *x = nn_workspace_input(run.workspace, 0);
  fill(x, 1);
  g_autofree float *origin = g_memdup2(x->f, nn_tensor_bytes(x));
  objective(&run, n_targets);
  nn_workspace_backward(run.workspace);
  const NnTensor *gradient = nn_workspace_input_gradient(run.workspace, 0);
  g_autofree float *direction = g_memdup2(gradient->f, nn_tensor_bytes(gradient));
  double slope = dot(gradient, gradient), step = 3e-4 / sqrt(slope);
  double above = shifted(&run, n_targets, origin, direction, step);
  double below = shifted(&run, n_targets, origin, direction, -step);
  g_assert_cmpfloat(slope, >, 1e-3);
  g_assert_cmpfloat(fabs((above - below) / (2 * step) - slope) / slope, <, 1e-2);
  finish(&run);
}

static void
test_gradients(void)
{
  static const char *const both[] = {"logits", "map"};
  static const int some[][2] = {{16, 16}, {23, 41}, {32, 48}, {9, 7}};
  for (Head head = FLATTEN_GEMM; head < N_HEADS; head++) {
    g_autoptr(NnModel) model = model_new(head, PICTURE, SIDE);
    for (size_t i = 0; i < G_N_ELEMENTS(some); i++) {
      NnShape shape = NN_SHAPE(1, 3, some[i][0], some[i][1]);
      bool fits = head != CONV_GEMM || some[i][0] >= PICTURE;
      if (fits)
        check_gradient(model, both, 1, NN_HEAD_POOLED, &shape);
      check_gradient(model, both, 1, NN_HEAD_RESIZED, &shape);
      check_gradient(model, both, 2, NN_HEAD_RESIZED, &shape);
    }
  }
}

/* Of a map that is the picture itself every single element is checked: a head is linear. */
static void
test_every_element(void)
{
  static const int some[][2] = {{8, 9}, {16, 9}, {13, 17}, {5, 31}, {3, 4}, {1, 1}};
  static const char *const targets[] = {"logits"};
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 5, 8, 9));
  onnx_add_weights(&builder, "w", &NN_SHAPE(CLASSES, 5 * 8 * 9));
  onnx_add_node(&builder, "Flatten", "x", "flat", NULL);
  onnx_add_node(&builder, "Gemm", "flat w", "logits", "transB=1");
  g_autoptr(NnModel) model = finish_model(&builder);
  for (size_t i = 0; i < G_N_ELEMENTS(some); i++) {
    Run run = start(model, targets, 1, NN_HEAD_POOLED, 2, &NN_SHAPE(1, 5, some[i][0], some[i][1]));
    const NnTensor *x = nn_workspace_input(run.workspace, 0);
    memset(x->f, 0, nn_tensor_bytes(x));
    objective(&run, 1);
    nn_workspace_backward(run.workspace);
    g_autoptr(NnTensor) gradient = nn_tensor_new(0, &x->shape, NULL);
    memcpy(gradient->f, nn_workspace_input_gradient(run.workspace, 0)->f, nn_tensor_bytes(x));
    for (int64_t k = 0; k < nn_shape_count(&x->shape); k++) {
      x->f[k] = 1;
      g_assert_cmpfloat_with_epsilon(objective(&run, 1), (double)gradient->f[k], 1e-5);
      x->f[k] = 0;
    }
    finish(&run);
  }
}

static void
test_threads(void)
{
  static const char *const targets[] = {"logits"};
  g_autoptr(NnModel) model = model_new(RESHAPE_MATMUL, PICTURE, SIDE);
  NnShape shape = NN_SHAPE(1, 3, 301, 203);
  for (NnHead head = NN_HEAD_POOLED; head <= NN_HEAD_RESIZED; head++) {
    g_autofree float *first = NULL;
    for (int threads = 1; threads <= 5; threads += 2) {
      Run run = start(model, targets, 1, head, threads, &shape);
      fill(nn_workspace_input(run.workspace, 0), 3);
      objective(&run, 1);
      nn_workspace_backward(run.workspace);
      const NnTensor *gradient = nn_workspace_input_gradient(run.workspace, 0);
      size_t bytes = nn_tensor_bytes(gradient);
      if (first == NULL)
        first = g_memdup2(gradient->f, bytes);
      g_assert_cmpmem(first, bytes, gradient->f, bytes);
      finish(&run);
    }
  }
}

/* ---- sizes, sentences ---- */

/* a VGG's depth: five pools from 224 to 7 */
static NnModel *
deep_model_new(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 224, 224));
  g_autofree char *from = g_strdup("x");
  for (int i = 0; i < 5; i++) {
    g_autofree char *w = g_strdup_printf("w%d", i), *pool = g_strdup_printf("pool%d", i);
    g_autofree char *conv = g_strdup_printf("conv%d", i);
    g_autofree char *inputs = g_strdup_printf("%s %s", from, w);
    onnx_add_weights(&builder, w, &NN_SHAPE(4, i == 0 ? 3 : 4, 3, 3));
    onnx_add_node(&builder, "Conv", inputs, conv, "pads=1,1,1,1");
    onnx_add_node(&builder, "MaxPool", conv, pool, "kernel_shape=2,2 strides=2,2");
    g_set_str(&from, pool);
  }
  onnx_add_weights(&builder, "w", &NN_SHAPE(CLASSES, 4 * 7 * 7));
  onnx_add_node(&builder, "Flatten", "pool4", "flat", NULL);
  onnx_add_node(&builder, "Gemm", "flat w", "logits", "transB=1");
  onnx_add_output(&builder, "logits");
  return finish_model(&builder);
}

static void
test_sizes(void)
{
  static const char *const targets[] = {"logits"};
  g_autoptr(NnModel) model = deep_model_new();
  g_autoptr(NnContext) context = nn_context_new(2);
  for (NnHead head = NN_HEAD_POOLED; head <= NN_HEAD_RESIZED; head++) {
    g_autoptr(NnProgram) program = program_new(model, context, targets, 1, head);
    for (int i = 0; i < 16; i++) {
      g_autoptr(GError) error = NULL;
      NnShape shape = NN_SHAPE(1, 3, 32 + i * 468 / 15, 500 - i * 29);
      g_autoptr(NnPlan) plan = nn_plan_new(program, &shape, 1, &error);
      g_assert_no_error(error);
      g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, context, &error);
      g_assert_no_error(error);
      fill(nn_workspace_input(workspace, 0), 1);
      nn_workspace_forward(workspace);
      for (int o = 0; o < CLASSES; o++)
        g_assert_true(isfinite(nn_workspace_target(workspace, 0)->f[o]));
    }
  }
}

static void
assert_refused(NnModel *model, NnHead head, const NnShape *shape, int code)
{
  static const char *const targets[] = {"logits"};
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnProgram) program = program_new(model, context, targets, 1, head);
  g_autoptr(GError) error = NULL;
  g_assert_null(nn_plan_new(program, shape, 1, &error));
  g_assert_error(error, NN_ERROR, code);
  g_test_message("%s", error->message);
}

static void
test_too_small(void)
{
  g_autoptr(NnModel) deep = deep_model_new(), conv = model_new(CONV_GEMM, PICTURE, SIDE);
  assert_refused(deep, NN_HEAD_POOLED, &NN_SHAPE(1, 3, 31, 224), NN_ERROR_SHAPE);
  assert_refused(deep, NN_HEAD_POOLED, &NN_SHAPE(1, 3, 1, 1), NN_ERROR_SHAPE);
  assert_refused(conv, NN_HEAD_POOLED, &NN_SHAPE(1, 3, 8, 16), NN_ERROR_SHAPE);
  assert_refused(deep, NN_HEAD_RESIZED, &NN_SHAPE(1, 3, 224 * 1001, 8), NN_ERROR_UNSUPPORTED);
  g_autoptr(NnTensor) logits =
      value_of(deep, "logits", NN_HEAD_RESIZED, &NN_SHAPE(1, 3, 1, 1), NULL);
  g_assert_true(isfinite(logits->f[0]));
}

/* what cannot be pooled says so; resized it runs */
static void
test_attention(void)
{
  g_autoptr(NnModel) model = model_new(ATTENTION, PICTURE, SIDE);
  NnShape shape = NN_SHAPE(1, 3, 37, 50), declared = NN_SHAPE(1, 3, PICTURE, PICTURE);
  assert_refused(model, NN_HEAD_POOLED, &shape, NN_ERROR_SHAPE);
  g_autoptr(NnTensor) logits = value_of(model, "logits", NN_HEAD_RESIZED, &shape, NULL);
  g_autoptr(NnTensor) pooled = value_of(model, "logits", NN_HEAD_POOLED, &declared, NULL);
  g_autoptr(NnTensor) resized = value_of(model, "logits", NN_HEAD_RESIZED, &declared, NULL);
  g_assert_cmpmem(pooled->f, nn_tensor_bytes(pooled), resized->f, nn_tensor_bytes(resized));
  g_assert_true(isfinite(logits->f[0]));
}

static void
assert_note(Head head, int64_t declared, int64_t side, const char *target, NnHead choice,
            const char *note)
{
  g_autoptr(NnModel) model = model_new(head, declared, side);
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnProgram) program = program_new(model, context, &target, 1, choice);
  const char *told = nn_program_head_note(program);
  if (note == NULL)
    g_assert_null(told);
  else
    g_assert_nonnull(strstr(told, note));
}

static void
test_notes(void)
{
  for (NnHead choice = NN_HEAD_POOLED; choice <= NN_HEAD_RESIZED; choice++) {
    assert_note(FLATTEN_GEMM, PICTURE, SIDE, "map", choice, NULL);
    assert_note(GLOBAL, PICTURE, SIDE, "logits", choice, NULL);
    assert_note(GLOBAL, 0, SIDE, "logits", choice, NULL);
  }
  assert_note(FLATTEN_GEMM, PICTURE, SIDE, "logits", NN_HEAD_POOLED,
              "for 16 x 16 px: its last map is averaged to 4 x 4");
  assert_note(MEAN_CONV, PICTURE, SIDE, "logits", NN_HEAD_POOLED, "averaged to 1 x 1");
  assert_note(MAX_GEMM, PICTURE, SIDE, "logits", NN_HEAD_POOLED, "averaged to 4 x 4");
  assert_note(CONV_GEMM, PICTURE, SIDE, "logits", NN_HEAD_POOLED, "averaged to 1 x 1");
  assert_note(FLATTEN_GEMM, 0, 5, "logits", NN_HEAD_POOLED, "made for a map of 5 x 5");
  assert_note(ATTENTION, PICTURE, SIDE, "logits", NN_HEAD_POOLED, "choose “resized”");
  assert_note(ATTENTION, PICTURE, SIDE, "logits", NN_HEAD_RESIZED, "made for 16 x 16 px: it sees");
  assert_note(FLATTEN_GEMM, 0, 5, "logits", NN_HEAD_RESIZED, "resized to 224 x 224 px");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (int head = FLATTEN_GEMM; head < N_HEADS; head++) {
    g_autofree char *path = g_strdup_printf("/head/pooled/%s", head_names[head]);
    g_test_add_data_func(path, GINT_TO_POINTER(head), test_pooled);
  }
  g_test_add_func("/head/undeclared", test_undeclared);
  g_test_add_func("/head/same-bits", test_same_bits);
  g_test_add_func("/head/resized", test_resized);
  g_test_add_func("/head/antialiased", test_antialiased);
  g_test_add_func("/head/both-targets", test_both_targets);
  g_test_add_func("/head/gradients", test_gradients);
  g_test_add_func("/head/every-element", test_every_element);
  g_test_add_func("/head/threads", test_threads);
  g_test_add_func("/head/sizes", test_sizes);
  g_test_add_func("/head/too-small", test_too_small);
  g_test_add_func("/head/attention", test_attention);
  g_test_add_func("/head/notes", test_notes);
  return g_test_run();
}
