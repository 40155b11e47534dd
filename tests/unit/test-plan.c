/* SPDX-License-Identifier: GPL-3.0-or-later */
/* graph/ and plan/: the passes keep the meaning, gradients are right where paths fork and meet,
 * buffers that live together never share bytes, and threads change nothing. */
#include <math.h>
#include <string.h>

#include "nncore/analysis/footprint.h"
#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/ops/op.h"
#include "nncore/plan/arena.h"
#include "nncore/plan/evaluator.h"
#include "nncore/plan/plan-private.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"

/* conv, batch-norm, leaky relu; then two paths that meet in Add and in Concat */
static NnModel *
forked_model(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(12, 3, 3, 3));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(12, 12, 3, 3));
  onnx_add_weights(&builder, "b2", &NN_SHAPE(12));
  onnx_add_weights(&builder, "scale", &NN_SHAPE(12));
  onnx_add_weights(&builder, "bias", &NN_SHAPE(12));
  onnx_add_weights(&builder, "mean", &NN_SHAPE(12));
  const float variance[12] = {1, 2, 3, 4, 0.5f, 0.25f, 1, 2, 3, 4, 5, 6};
  onnx_add_raw(&builder, "variance", 1, (int64_t[]){12}, 1, variance, sizeof variance);
  onnx_add_node(&builder, "Conv", "x w1", "conv1", "pads=1,1,1,1 strides=2,2");
  onnx_add_node(&builder, "BatchNormalization", "conv1 scale bias mean variance", "bn1", NULL);
  onnx_add_node(&builder, "LeakyRelu", "bn1", "relu1", "alpha=0.1f");
  onnx_add_node(&builder, "Conv", "relu1 w2 b2", "conv2", "pads=1,1,1,1");
  onnx_add_node(&builder, "LeakyRelu", "conv2", "relu2", "alpha=0.3f");
  onnx_add_node(&builder, "Add", "relu1 relu2", "sum", NULL);
  onnx_add_node(&builder, "AveragePool", "relu1", "pool", "kernel_shape=3,3 pads=1,1,1,1");
  onnx_add_node(&builder, "Identity", "pool", "same", NULL);
  onnx_add_node(&builder, "Concat", "sum same relu1", "joined", "axis=1");
  onnx_add_node(&builder, "Mul", "joined joined", "square", NULL);
  onnx_add_output(&builder, "square");
  return onnx_builder_finish(&builder);
}

typedef struct {
  NnContext *context;
  NnProgram *program;
  NnPlan *plan;
  NnWorkspace *workspace;
} Run;

static Run
start_on(NnIsa isa, NnRectifierRule rule, NnModel *model, const char *const *targets, int n_targets,
         int threads, const NnShape *shape)
{
  g_autoptr(GError) error = NULL;
  Run run = {.context = nn_context_new(threads)};
  nn_context_limit_isa(run.context, isa);
  run.program = nn_program_new(model, run.context, targets, n_targets,
                               (NnProgramOptions){.gradient = true, .rectifiers = rule}, &error);
  g_assert_no_error(error);
  run.plan = nn_plan_new(run.program, shape, 1, &error);
  g_assert_no_error(error);
  run.workspace = nn_workspace_new(run.plan, run.context, &error);
  g_assert_no_error(error);
  return run;
}

static Run
start_by(NnRectifierRule rule, NnModel *model, const char *const *targets, int n_targets,
         int threads, const NnShape *shape)
{
  return start_on(nn_isa_best(), rule, model, targets, n_targets, threads, shape);
}

static Run
start(NnModel *model, const char *const *targets, int n_targets, int threads, const NnShape *shape)
{
  return start_by(NN_RECTIFIER_GRADIENT, model, targets, n_targets, threads, shape);
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

static double
dot(const NnTensor *a, const NnTensor *b)
{
  double sum = 0;
  for (int64_t i = 0; i < nn_shape_count(&a->shape); i++)
    sum += (double)a->f[i] * (double)b->f[i];
  return sum;
}

/* sum over the targets of <seed, target>; the seeds are drawn anew */
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

static void
move(const NnTensor *x, const float *from, const float *direction, double step)
{
  for (int64_t i = 0; i < nn_shape_count(&x->shape); i++)
    x->f[i] = (float)((double)from[i] + step * (double)direction[i]);
}

static void
check_gradient(NnModel *model, const char *const *targets, int n_targets)
{
  Run run = start(model, targets, n_targets, 2, &NN_SHAPE(1, 3, 13, 10));
  const NnTensor *x = nn_workspace_input(run.workspace, 0);
  fill(x, 1);
  g_autofree float *origin = g_memdup2(x->f, nn_tensor_bytes(x));
  objective(&run, n_targets);
  nn_workspace_backward(run.workspace);
  const NnTensor *gradient = nn_workspace_input_gradient(run.workspace, 0);
  g_autofree float *direction = g_memdup2(gradient->f, nn_tensor_bytes(gradient));
  double slope = dot(gradient, gradient), step = 1e-3 / sqrt(slope);
  move(x, origin, direction, step);
  double above = objective(&run, n_targets);
  move(x, origin, direction, -step);
  double below = objective(&run, n_targets);
  double measured = (above - below) / (2 * step);
  g_test_message("slope %g, differences %g", slope, measured);
  g_assert_cmpfloat(slope, >, 1e-3);
  g_assert_cmpfloat(fabs(measured - slope) / slope, <, 5e-3);
  finish(&run);
}

static void
test_gradient(void)
{
  g_autoptr(NnModel) model = forked_model();
  check_gradient(model, (const char *[]){"square"}, 1);
  check_gradient(model, (const char *[]){"relu1"}, 1);
  check_gradient(model, (const char *[]){"conv1", "sum", "relu1", "square", "same"}, 5);
  check_gradient(model, (const char *[]){"conv2", "relu2", "bn1"}, 3);
  check_gradient(model, (const char *[]){"x", "sum"}, 2);
}

/* what a residual network is made of, in which gradients are handed on by sums, whose terms are in
 * @order, and added to by convolutions, of which some reach a part of the places */
static NnModel *
residual_model(const char *order)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(16, 3, 3, 3));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(20, 16, 1, 1));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(16, 20, 1, 1));
  onnx_add_weights(&builder, "w3", &NN_SHAPE(24, 16, 1, 1));
  onnx_add_weights(&builder, "w4", &NN_SHAPE(24, 16, 3, 3));
  onnx_add_node(&builder, "Conv", "x w0", "conv0", "pads=1,1,1,1");
  onnx_add_node(&builder, "LeakyRelu", "conv0", "relu0", "alpha=0.6f");
  onnx_add_node(&builder, "Conv", "relu0 w1", "conv1", NULL);
  onnx_add_node(&builder, "LeakyRelu", "conv1", "relu1", "alpha=0.3f");
  onnx_add_node(&builder, "Conv", "relu1 w2", "conv2", NULL);
  onnx_add_node(&builder, "LeakyRelu", "conv2", "relu2", "alpha=0.4f");
  onnx_add_node(&builder, "Conv", "relu0 w3", "side", NULL);
  onnx_add_node(&builder, "Mul", "side side", "loud", NULL);
  onnx_add_node(&builder, "Add", order, "sum", NULL);
  onnx_add_node(&builder, "LeakyRelu", "sum", "relu", "alpha=0.1f");
  onnx_add_node(&builder, "Conv", "relu w3", "strided", "strides=2,2");
  onnx_add_node(&builder, "Conv", "relu w4", "wide", "strides=2,2 pads=1,1,1,1");
  onnx_add_node(&builder, "Add", "strided wide", "joined", NULL);
  onnx_add_node(&builder, "Mul", "joined joined", "square", NULL);
  onnx_add_output(&builder, "square");
  return onnx_builder_finish(&builder);
}

static void
test_residuals(void)
{
  static const char *const orders[] = {"relu0 relu2", "relu2 relu0", "relu0 conv2"};
  for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
    g_autoptr(NnModel) model = residual_model(orders[i]);
    check_gradient(model, (const char *[]){"square"}, 1);
    check_gradient(model, (const char *[]){"sum", "square"}, 2);
    check_gradient(model, (const char *[]){"loud", "sum"}, 2);
    check_gradient(model, (const char *[]){"relu", "strided", "relu0"}, 3);
    check_gradient(model, (const char *[]){"joined", "conv2", "x"}, 3);
  }
}

static void
assert_near(const NnTensor *a, const NnTensor *b)
{
  float largest = 0;
  for (int64_t i = 0; i < nn_shape_count(&a->shape); i++)
    largest = MAX(largest, fabsf(b->f[i]));
  g_assert_cmpfloat(largest, >, 0);
  for (int64_t i = 0; i < nn_shape_count(&a->shape); i++)
    g_assert_cmpfloat(fabsf(a->f[i] - b->f[i]), <=, 1e-5f * largest);
}

static void
check_same_by(NnRectifierRule rule, NnModel *model, const char *const *all, int n_all,
              const NnShape *shape)
{
  Run folded = start_by(rule, model, all, 1, 2, shape);
  Run bare = start_by(rule, model, all, n_all, 2, shape);
  const Run *runs[] = {&folded, &bare};
  for (int i = 0; i < 2; i++) {
    NnWorkspace *workspace = runs[i]->workspace;
    fill(nn_workspace_input(workspace, 0), 3);
    nn_workspace_forward(workspace);
    for (int t = 1; t < (i == 0 ? 1 : n_all); t++)
      memset(nn_workspace_seed(workspace, t)->data, 0,
             nn_tensor_bytes(nn_workspace_seed(workspace, t)));
    fill(nn_workspace_seed(workspace, 0), 4);
  }
  assert_near(nn_workspace_target(folded.workspace, 0), nn_workspace_target(bare.workspace, 0));
  for (int i = 0; i < 2; i++)
    nn_workspace_backward(runs[i]->workspace);
  assert_near(nn_workspace_input_gradient(folded.workspace, 0),
              nn_workspace_input_gradient(bare.workspace, 0));
  finish(&folded);
  finish(&bare);
}

/* the first of some layers, asked for alone and with the others: itself, and what goes back */
static void
check_same_meaning(NnModel *model, const char *const *all, int n_all, const NnShape *shape)
{
  for (int rule = NN_RECTIFIER_GRADIENT; rule <= NN_RECTIFIER_DECONVNET; rule++)
    check_same_by((NnRectifierRule)rule, model, all, n_all, shape);
}

/* asking for a layer in the middle forbids folding and fusing around it, and changes nothing */
static void
test_same_meaning(void)
{
  g_autoptr(NnModel) model = forked_model();
  const char *const all[] = {"square", "conv1", "bn1", "conv2", "joined"};
  check_same_meaning(model, all, G_N_ELEMENTS(all), &NN_SHAPE(1, 3, 17, 9));
}

/* @terms of a sum, one of which a convolution of "map" makes; "all" reads "bent" and "map" again */
static NnModel *
sum_model(const char *terms, const char *activation, const char *attributes)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(12, 3, 3, 3));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(12, 3, 1, 1));
  onnx_add_weights(&builder, "w", &NN_SHAPE(12, 12, 1, 1));
  onnx_add_weights(&builder, "b", &NN_SHAPE(12));
  onnx_add_node(&builder, "Conv", "x w1", "side", NULL);
  onnx_add_node(&builder, "Sigmoid", "side", "bent", NULL);
  onnx_add_node(&builder, "Conv", "x w0", "bare", "pads=1,1,1,1");
  onnx_add_node(&builder, "LeakyRelu", "bare", "map", "alpha=0.4f");
  onnx_add_node(&builder, "Conv", "map w b", "conv", NULL);
  onnx_add_node(&builder, "Add", terms, "sum", NULL);
  onnx_add_node(&builder, activation, "sum", "end", attributes);
  onnx_add_node(&builder, "Add", "end bent", "both", NULL);
  onnx_add_node(&builder, "Add", "both map", "all", NULL);
  onnx_add_output(&builder, "all");
  return onnx_builder_finish(&builder);
}

static void
test_sums(void)
{
  static const char *const terms[] = {"conv bent", "bent conv", "conv map"};
  static const char *const activations[][2] = {
      {"Relu", NULL}, {"LeakyRelu", "alpha=0.2f"}, {"Sigmoid", NULL}};
  for (size_t i = 0; i < G_N_ELEMENTS(terms); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(activations); k++) {
      g_autoptr(NnModel) model = sum_model(terms[i], activations[k][0], activations[k][1]);
      check_same_meaning(model, (const char *[]){"end", "conv"}, 2, &NN_SHAPE(1, 3, 9, 7));
      check_same_meaning(model, (const char *[]){"all", "conv"}, 2, &NN_SHAPE(2, 3, 6, 5));
      check_gradient(model, (const char *[]){"all"}, 1);
      check_gradient(model, (const char *[]){"end", "bent"}, 2);
    }
}

/* a sum is made where the other term lies: of these maps there are never more than two at a time */
static void
test_sum_in_place(void)
{
  g_autoptr(NnModel) model = sum_model("conv bent", "Relu", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(2);
  NnShape shape = NN_SHAPE(1, 3, 512, 512);
  size_t picture = (size_t)nn_shape_count(&shape) * sizeof(float), map = 4 * picture;
  g_autoptr(NnProgram) program = nn_program_new(model, context, (const char *[]){"end"}, 1,
                                                (NnProgramOptions){.gradient = false}, &error);
  g_assert_no_error(error);
  g_autoptr(NnPlan) plan = nn_plan_new(program, &shape, 1, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(nn_plan_bytes(plan), >=, picture + 2 * map);
  g_assert_cmpuint(nn_plan_bytes(plan), <, picture + 5 * map / 2);
  g_autoptr(NnInventory) inventory = nn_inventory_of_picture(model, &shape, &error);
  NnFootprint footprint;
  g_assert_true(
      nn_footprint(inventory, nn_graph_find(inventory->graph, "end"), false, &footprint, &error));
  g_assert_cmpfloat_with_epsilon(footprint.forward / (double)nn_plan_bytes(plan), 1, 0.25);
}

/* a convolution with a maximum behind it, of sizes that do not divide by the windows' or the tiles' */
static NnModel *
pooled_model(int channels, const char *activation, const char *attributes, const char *pads,
             const char *pool)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(channels, 3, 3, 3));
  onnx_add_weights(&builder, "w", &NN_SHAPE(24, channels, 3, 3));
  onnx_add_weights(&builder, "b", &NN_SHAPE(24));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(16, 24, 3, 3));
  onnx_add_node(&builder, "Conv", "x w0", "conv0", "pads=1,1,1,1");
  onnx_add_node(&builder, "Relu", "conv0", "relu0", NULL);
  onnx_add_node(&builder, "Conv", "relu0 w b", "conv", pads);
  onnx_add_node(&builder, activation, "conv", "bent", attributes);
  onnx_add_node(&builder, "MaxPool", "bent", "pool", pool);
  onnx_add_node(&builder, "Conv", "pool w1", "end", "pads=1,1,1,1");
  onnx_add_output(&builder, "end");
  return onnx_builder_finish(&builder);
}

static void
test_pools(void)
{
  static const char *const activations[][2] = {{"Relu", NULL},
                                               {"LeakyRelu", "alpha=0.2f"},
                                               {"LeakyRelu", "alpha=-0.3f"},
                                               {"Identity", NULL}};
  static const char *const pads[] = {"pads=1,1,1,1", "pads=0,2,1,0", NULL};
  static const char *const pools[] = {"kernel_shape=2,2 strides=2,2",
                                      "kernel_shape=2,2 strides=2,2 ceil_mode=1",
                                      "kernel_shape=2,2 strides=1,1"};
  for (size_t i = 0; i < G_N_ELEMENTS(activations); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(pads); k++)
      for (size_t l = 0; l < (k == 0 ? G_N_ELEMENTS(pools) : 1); l++) {
        g_autoptr(NnModel) model = pooled_model(i % 2 == 0 ? 24 : 20, activations[i][0],
                                                activations[i][1], pads[k], pools[l]);
        check_same_meaning(model, (const char *[]){"pool", "conv"}, 2, &NN_SHAPE(1, 3, 17, 14));
        check_same_meaning(model, (const char *[]){"end", "conv"}, 2, &NN_SHAPE(2, 3, 10, 23));
        check_same_meaning(model, (const char *[]){"end", "conv", "pool"}, 3,
                           &NN_SHAPE(1, 3, 4, 5));
      }
}

/* at the size that shapes are found at, both terms are one pixel; at others, one is still */
static void
test_sum_of_a_spread_pixel(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(8, 3, 7, 7));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(8, 8, 32, 32));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(8, 8, 1, 1));
  onnx_add_node(&builder, "Conv", "x w0", "conv0", "strides=7,7");
  onnx_add_node(&builder, "Conv", "conv0 w1", "conv1", "strides=32,32");
  onnx_add_node(&builder, "GlobalAveragePool", "conv0", "mean", NULL);
  onnx_add_node(&builder, "Conv", "mean w2", "pixel", NULL);
  onnx_add_node(&builder, "Add", "conv1 pixel", "sum", NULL);
  onnx_add_output(&builder, "sum");
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  check_same_meaning(model, (const char *[]){"sum", "pixel"}, 2, &NN_SHAPE(1, 3, 448, 224));
}

/* ---- what differs from one size to another ---- */

/* a layer that wants as many channels as the reference size has rows, in what is fused into one node */
static void
test_channels_from_rows(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(8, 224, 1, 1));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(8, 1, 3, 3));
  onnx_add_weights(&builder, "w3", &NN_SHAPE(8, 8, 1, 1));
  onnx_add_node(&builder, "Transpose", "x", "rows", "perm=0,2,3,1");
  onnx_add_node(&builder, "Conv", "rows w1", "up", NULL);
  onnx_add_node(&builder, "Conv", "up w2", "deep", "group=8 pads=1,1,1,1");
  onnx_add_node(&builder, "Conv", "deep w3", "y", NULL);
  onnx_add_output(&builder, "y");
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  g_autoptr(GError) error = NULL;
  Run run = start(model, (const char *[]){"y"}, 1, 1, &NN_SHAPE(1, 3, 224, 20));
  g_assert_null(nn_plan_new(run.program, &NN_SHAPE(1, 3, 100, 100), 1, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
  finish(&run);
}

/* convolutions of no pictures at all, behind a Slice that leaves none */
static NnModel *
empty_model(const NnShape *w, const char *attributes)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(16, 3, 3, 3));
  onnx_add_weights(&builder, "w", w);
  onnx_add_weights(&builder, "w1", &NN_SHAPE(8, 16, 1, 1));
  onnx_add_ints(&builder, "1", (int64_t[]){1}, 1);
  onnx_add_ints(&builder, "0", (int64_t[]){0}, 1);
  onnx_add_node(&builder, "Conv", "x w0", "conv0", "pads=1,1,1,1");
  onnx_add_node(&builder, "Slice", "conv0 1 1 0", "none", NULL);
  onnx_add_node(&builder, "Conv", "none w", "conv", attributes);
  onnx_add_node(&builder, "Conv", "conv w1", "y", NULL);
  onnx_add_output(&builder, "y");
  return onnx_builder_finish(&builder);
}

static void
check_empty(NnModel *model, int64_t size)
{
  Run run = start(model, (const char *[]){"y"}, 1, 2, &NN_SHAPE(1, 3, size, size));
  fill(nn_workspace_input(run.workspace, 0), 1);
  nn_workspace_forward(run.workspace);
  g_assert_cmpint(nn_shape_count(&nn_workspace_target(run.workspace, 0)->shape), ==, 0);
  nn_workspace_backward(run.workspace);
  const NnTensor *gradient = nn_workspace_input_gradient(run.workspace, 0);
  for (int64_t i = 0; i < nn_shape_count(&gradient->shape); i++)
    g_assert_cmpfloat(gradient->f[i], ==, 0);
  finish(&run);
}

static void
test_no_pictures(void)
{
  const struct {
    NnShape w;
    const char *attributes;
  } convs[] = {{NN_SHAPE(16, 16, 5, 5), "pads=2,2,2,2"}, {NN_SHAPE(16, 16, 3, 3), NULL},
               {NN_SHAPE(16, 8, 3, 3), "group=2"},       {NN_SHAPE(16, 4, 3, 3), "group=4"},
               {NN_SHAPE(16, 1, 3, 3), "group=16"},      {NN_SHAPE(16, 16, 1, 1), NULL}};
  for (size_t i = 0; i < G_N_ELEMENTS(convs); i++) {
    g_autoptr(NnModel) model = empty_model(&convs[i].w, convs[i].attributes);
    check_empty(model, 11);
  }
}

/* the same as one node: a bottleneck, of maps that are small and of such as are cut */
static void
test_no_pictures_fused(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(8, 3, 3, 3));
  onnx_add_weights(&builder, "up_w", &NN_SHAPE(24, 8, 1, 1));
  onnx_add_weights(&builder, "deep_w", &NN_SHAPE(24, 1, 3, 3));
  onnx_add_weights(&builder, "down_w", &NN_SHAPE(8, 24, 1, 1));
  onnx_add_ints(&builder, "1", (int64_t[]){1}, 1);
  onnx_add_ints(&builder, "0", (int64_t[]){0}, 1);
  onnx_add_node(&builder, "Conv", "x w0", "conv0", "pads=1,1,1,1");
  onnx_add_node(&builder, "Slice", "conv0 1 1 0", "none", NULL);
  onnx_add_node(&builder, "Conv", "none up_w", "up", NULL);
  onnx_add_node(&builder, "Relu", "up", "wide", NULL);
  onnx_add_node(&builder, "Conv", "wide deep_w", "deep", "group=24 pads=1,1,1,1");
  onnx_add_node(&builder, "Conv", "deep down_w", "y", NULL);
  onnx_add_output(&builder, "y");
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  check_empty(model, 11);
  check_empty(model, 160);
}

/* ---- orders and gradients of single operators ---- */

/* an input of which the type alone matters has a gradient of zero, whatever is in memory */
static void
test_cast_like(void)
{
  const float half = 0.5f;
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_raw(&builder, "half", 1, NULL, 0, &half, sizeof half);
  onnx_add_node(&builder, "CastLike", "half x", "factor", NULL);
  onnx_add_node(&builder, "Mul", "x factor", "y", NULL);
  onnx_add_output(&builder, "y");
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  Run run = start(model, (const char *[]){"y"}, 1, 1, &NN_SHAPE(1, 3, 5, 7));
  size_t bytes = nn_plan_bytes(run.plan);
  void *memory = nn_alloc(1, bytes, NULL);
  memset(memory, 0xff, bytes); /* not a number */
  NnWorkspace *workspace = nn_workspace_new_in(run.plan, run.context, memory, NULL);
  const NnTensor *seed = nn_workspace_seed(workspace, 0);
  fill(nn_workspace_input(workspace, 0), 1);
  nn_workspace_forward(workspace);
  fill(seed, 2);
  g_autofree float *wanted = g_memdup2(seed->f, nn_tensor_bytes(seed));
  nn_workspace_backward(workspace);
  const NnTensor *gradient = nn_workspace_input_gradient(workspace, 0);
  for (int64_t i = 0; i < nn_shape_count(&gradient->shape); i++)
    g_assert_cmpfloat(gradient->f[i], ==, half * wanted[i]);
  nn_workspace_free(workspace);
  nn_free(memory);
  finish(&run);
}

/* layers of a constant map, which run while the network is read, or (@elements NULL) of an input */
static NnModel *
constant_model(const NnShape *map, const float *elements)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 16, 16));
  if (elements != NULL)
    onnx_add_raw(&builder, "map", 1, map->dim, map->rank, elements,
                 (size_t)nn_shape_count(map) * sizeof *elements);
  else
    onnx_add_input(&builder, "map", map);
  onnx_add_weights(&builder, "w0", &NN_SHAPE(8, 3, 3, 3));
  onnx_add_weights(&builder, "w", &NN_SHAPE(8, 8, 3, 3));
  onnx_add_node(&builder, "Conv", "x w0", "conv0", "pads=1,1,1,1");
  onnx_add_node(&builder, "MaxPool", "map", "pool", "kernel_shape=3,3 pads=1,1,1,1");
  onnx_add_node(&builder, "Conv", "pool w", "conv", "pads=1,1,1,1");
  onnx_add_node(&builder, "Add", "conv0 conv", "y", NULL);
  onnx_add_output(&builder, "y");
  return onnx_builder_finish(&builder);
}

/* (transfer full): "y"; @map: (nullable): of the second input */
static NnTensor *
run_constant_model(NnModel *model, const NnTensor *map)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnProgram) program = nn_program_new(model, context, (const char *[]){"y"}, 1,
                                                (NnProgramOptions){.gradient = false}, &error);
  g_assert_no_error(error);
  NnShape shapes[] = {NN_SHAPE(1, 3, 16, 16), map != NULL ? map->shape : (NnShape){0}};
  g_autoptr(NnPlan) plan = nn_plan_new(program, shapes, map != NULL ? 2 : 1, &error);
  g_assert_no_error(error);
  g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, context, &error);
  g_assert_no_error(error);
  fill(nn_workspace_input(workspace, 0), 1);
  if (map != NULL) {
    NnTensor to = *nn_workspace_input(workspace, 1);
    nn_tensor_copy(map, &to);
  }
  nn_workspace_forward(workspace);
  const NnTensor *y = nn_workspace_target(workspace, 0);
  NnTensor *copy = nn_tensor_new(NN_DTYPE_FLOAT, &y->shape, NULL);
  memcpy(copy->data, y->data, nn_tensor_bytes(y));
  return copy;
}

static void
test_constant_maps(void)
{
  g_autoptr(NnTensor) map = nn_tensor_new(NN_DTYPE_FLOAT, &NN_SHAPE(1, 8, 16, 16), NULL);
  fill(map, 2);
  g_autoptr(NnModel) folded = constant_model(&map->shape, map->f);
  g_autoptr(NnModel) run = constant_model(&map->shape, NULL);
  g_autoptr(NnTensor) a = run_constant_model(folded, NULL);
  g_autoptr(NnTensor) b = run_constant_model(run, map);
  assert_near(a, b);
}

/* what lies channels-last in three dimensions, added to what lies so in four: "y"; "z" is the same by
 * way of a Reshape */
static NnModel *
raised_model(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 8, 16));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(5, 3, 3, 3));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(8, 24, 3));
  onnx_add_ints(&builder, "flat", (int64_t[]){1, 24, 16}, 3);
  onnx_add_ints(&builder, "deep", (int64_t[]){1, 1, 8, 16}, 4);
  onnx_add_node(&builder, "Conv", "x w0", "map", "pads=1,1,1,1");
  onnx_add_node(&builder, "Reshape", "x flat", "rows", NULL);
  onnx_add_node(&builder, "Conv", "rows w1", "line", "pads=1,1");
  onnx_add_node(&builder, "Add", "map line", "y", NULL);
  onnx_add_node(&builder, "Reshape", "line deep", "lines", NULL);
  onnx_add_node(&builder, "Add", "map lines", "z", NULL);
  onnx_add_output(&builder, "y");
  onnx_add_output(&builder, "z");
  return onnx_builder_finish(&builder);
}

static void
test_raised_rank(void)
{
  g_autoptr(NnModel) model = raised_model();
  NnTensor *gradients[2];
  Run run = start(model, (const char *[]){"y", "z"}, 2, 2, &NN_SHAPE(1, 3, 8, 16));
  const NnTensor *x = nn_workspace_input(run.workspace, 0);
  for (int t = 0; t < 2; t++) {
    const NnTensor *other = nn_workspace_seed(run.workspace, 1 - t);
    fill(x, 1);
    nn_workspace_forward(run.workspace);
    assert_near(nn_workspace_target(run.workspace, 0), nn_workspace_target(run.workspace, 1));
    fill(nn_workspace_seed(run.workspace, t), 2);
    memset(other->data, 0, nn_tensor_bytes(other));
    nn_workspace_backward(run.workspace);
    gradients[t] = nn_tensor_new(NN_DTYPE_FLOAT, &x->shape, NULL);
    memcpy(gradients[t]->data, nn_workspace_input_gradient(run.workspace, 0)->data,
           nn_tensor_bytes(x));
  }
  assert_near(gradients[0], gradients[1]);
  for (int t = 0; t < 2; t++)
    nn_tensor_unref(gradients[t]);
  finish(&run);
}

/* a value that has more dimensions than it is to be raised to is refused, not cut */
static void
test_raised_too_far(void)
{
  NnLayoutParams params = {NN_LAYOUT_CHANNELS_LAST, 3};
  NnType in = {NN_SHAPE(2, 3, 4, 5), NN_DTYPE_FLOAT, true}, out = {0};
  NnInfer infer = {.params = &params, .n_inputs = 1, .in = &in, .n_outputs = 1, .out = &out};
  g_autoptr(GError) error = NULL;
  g_assert_false(nn_op_layout.infer(&infer, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
}

/* ---- evaluators in little memory; tests/unit/test-tiles.c has most of them ---- */

/* what an evaluation gave, in the order that it lies in memory */
typedef struct {
  NnTensor *targets[2];
  NnTensor *gradient;
} Given;

static void
give_pixels(gpointer data, int64_t y0, int64_t x0, const NnTensor *pixels)
{
  int64_t width = pixels->shape.dim[3];
  for (int64_t i = 0; i < nn_shape_count(&pixels->shape); i++) {
    int64_t y = y0 + i / 3 / width, x = x0 + i / 3 % width;
    pixels->f[i] = (float)sin((double)(y * 7 + x * 13 + i % 3 * 5));
  }
}

static void
put_box(const NnTensor *from, int64_t y, int64_t x, const NnTensor *to, bool add)
{
  NnBox box = {{0, 0}, {from->shape.dim[2], from->shape.dim[3]}};
  nn_box_copy(NULL, from, &box, to, y, x, add);
}

static void
take_piece(gpointer data, int target, const NnPiece *piece)
{
  const NnTensor *from = piece->activation, *to = ((Given *)data)->targets[target];
  if (nn_shape_equal(&from->shape, &to->shape))
    memcpy(to->data, from->data, nn_tensor_bytes(to));
  else
    put_box(from, piece->first[0], piece->first[1], to, false);
}

static void
give_seed(gpointer data, int target, const NnPiece *piece, const NnTensor *seed)
{
  for (int64_t i = 0; i < nn_shape_count(&seed->shape); i++)
    seed->f[i] = powf(piece->activation->f[i], 3);
}

static void
take_gradient(gpointer data, int64_t y, int64_t x, const NnTensor *gradient)
{
  put_box(gradient, y, x, ((Given *)data)->gradient, true);
}

static NnTensor *
zeros_new(const NnShape *shape, NnLayout layout)
{
  NnTensor *tensor = nn_tensor_new(NN_DTYPE_FLOAT, shape, NULL);
  tensor->layout = layout;
  memset(tensor->data, 0, nn_tensor_bytes(tensor));
  return tensor;
}

static void
clear_given(Given *given)
{
  for (int t = 0; t < 2; t++)
    nn_tensor_unref(given->targets[t]);
  nn_tensor_unref(given->gradient);
}

static Given
evaluate(NnEvaluator *evaluator, int n_targets, const NnShape *picture)
{
  NnEvaluation evaluation = {
      .input = give_pixels, .observe = take_piece, .seed = give_seed, .gradient = take_gradient};
  g_autoptr(GError) error = NULL;
  Given given = {.gradient = zeros_new(picture, NN_LAYOUT_CHANNELS_LAST)};
  for (int t = 0; t < n_targets; t++) {
    NnShape shape = nn_evaluator_target_shape(evaluator, t);
    NnLayout layout;
    nn_evaluator_target_type(evaluator, t, &layout);
    given.targets[t] = zeros_new(&shape, layout);
  }
  nn_evaluator_run(evaluator, &evaluation, &given, &error);
  g_assert_no_error(error);
  return given;
}

/* @n_targets at @shape within @share of the memory of all at once, and so; returns the number of
 * tiles, or 0 where that does not do */
static int
check_within(NnModel *model, const char *const *targets, int n_targets, const NnShape *shape,
             double share)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnProgram) program = nn_program_new(model, context, targets, n_targets,
                                                (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  g_autoptr(NnEvaluator) whole = nn_evaluator_new(program, context, shape, 0, &error);
  g_assert_no_error(error);
  size_t budget = (size_t)(share * (double)nn_evaluator_bytes(whole));
  g_autoptr(NnEvaluator) cut = nn_evaluator_new(program, context, shape, budget, NULL);
  int rows, columns;
  if (cut == NULL)
    return 0;
  Given one = evaluate(whole, n_targets, shape), other = evaluate(cut, n_targets, shape);
  for (int t = 0; t < n_targets; t++)
    assert_near(other.targets[t], one.targets[t]);
  assert_near(other.gradient, one.gradient);
  clear_given(&one);
  clear_given(&other);
  nn_evaluator_grid(cut, &rows, &columns);
  return rows * columns;
}

/* two maps become two pictures, each of which is normalised by itself */
static void
test_stacked_norms(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(32, 3, 3, 3));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(4, 32, 4, 4));
  onnx_add_weights(&builder, "scale", &NN_SHAPE(4));
  onnx_add_weights(&builder, "shift", &NN_SHAPE(4));
  onnx_add_node(&builder, "Conv", "x w0", "wide", "pads=1,1,1,1");
  onnx_add_node(&builder, "Sigmoid", "wide", "bent", NULL);
  onnx_add_node(&builder, "Conv", "bent w1", "map", "strides=4,4");
  onnx_add_node(&builder, "Mul", "map map", "square", NULL);
  onnx_add_node(&builder, "Concat", "map square", "both", "axis=0");
  onnx_add_node(&builder, "InstanceNormalization", "both scale shift", "y", NULL);
  onnx_add_output(&builder, "y");
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  NnShape shape = NN_SHAPE(1, 3, 192, 256);
  g_assert_cmpint(check_within(model, (const char *[]){"y"}, 1, &shape, 0.5), >, 1);
}

/* branches of every kind of convolution that can write between others' pixels */
static NnModel *
branches_model(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(16, 3, 3, 3));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(16, 16, 1, 1));
  onnx_add_weights(&builder, "w3", &NN_SHAPE(32, 16, 3, 3));
  onnx_add_weights(&builder, "w5", &NN_SHAPE(48, 16, 5, 5));
  onnx_add_weights(&builder, "w6", &NN_SHAPE(8, 96, 1, 1));
  onnx_add_node(&builder, "Conv", "x w0", "c0", "pads=1,1,1,1");
  onnx_add_node(&builder, "Relu", "c0", "r0", NULL);
  onnx_add_node(&builder, "Conv", "r0 w1", "c1", NULL);
  onnx_add_node(&builder, "Relu", "c1", "a", NULL);
  onnx_add_node(&builder, "Conv", "r0 w3", "c3", "pads=1,1,1,1");
  onnx_add_node(&builder, "LeakyRelu", "c3", "b", "alpha=0.3f");
  onnx_add_node(&builder, "Conv", "r0 w5", "c", "pads=2,2,2,2");
  onnx_add_node(&builder, "Concat", "b a c", "joined", "axis=1");
  onnx_add_node(&builder, "Conv", "joined w6", "y", NULL);
  onnx_add_output(&builder, "y");
  return onnx_builder_finish(&builder);
}

/* there and back from y; the branches' seeds are 0. @y: (out): g_free() */
static Run
run_branches(NnModel *model, int n_targets, int threads, NnIsa isa, const NnShape *shape, float **y)
{
  static const char *const targets[] = {"y", "a", "b", "c"};
  Run run = start_on(isa, NN_RECTIFIER_GRADIENT, model, targets, n_targets, threads, shape);
  fill(nn_workspace_input(run.workspace, 0), 1);
  nn_workspace_forward(run.workspace);
  const NnTensor *target = nn_workspace_target(run.workspace, 0);
  *y = g_memdup2(target->f, nn_tensor_bytes(target));
  for (int t = 0; t < n_targets; t++) {
    const NnTensor *seed = nn_workspace_seed(run.workspace, t);
    memset(seed->data, 0, nn_tensor_bytes(seed));
    if (t == 0)
      fill(seed, 2);
  }
  nn_workspace_backward(run.workspace);
  return run;
}

static int
count_joined(const NnPlan *plan)
{
  int count = 0;
  for (size_t i = 0; i < plan->graph->n_nodes; i++)
    count += plan->nodes[i].out_pixel > 0;
  return count;
}

/* what is joined is written where it belongs, unless somebody looks at it alone: to the same bits */
static void
test_joined_branches(void)
{
  static const NnShape sizes[] = {NN_SHAPE(1, 3, 37, 29), NN_SHAPE(1, 3, 4, 5),
                                  NN_SHAPE(1, 3, 367, 363)};
  g_autoptr(NnModel) model = branches_model();
  for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++)
    for (NnIsa isa = NN_ISA_BASELINE; isa <= nn_isa_best(); isa++) {
      g_autofree float *y = NULL, *joined_y = NULL;
      Run apart = run_branches(model, 4, 1, isa, &sizes[s], &y);
      Run joined = run_branches(model, 1, 1 + (int)s, isa, &sizes[s], &joined_y);
      size_t bytes = nn_tensor_bytes(nn_workspace_target(apart.workspace, 0));
      const NnTensor *x = nn_workspace_input_gradient(apart.workspace, 0);
      g_assert_cmpint(count_joined(apart.plan), ==, 0);
      g_assert_cmpint(count_joined(joined.plan), ==, 3);
      g_assert_cmpmem(y, bytes, joined_y, bytes);
      g_assert_cmpmem(x->data, nn_tensor_bytes(x),
                      nn_workspace_input_gradient(joined.workspace, 0)->data, nn_tensor_bytes(x));
      finish(&apart);
      finish(&joined);
    }
}

/* the mean, and 1 / sqrt (variance + epsilon) */
static void
find_moments(const double *x, int count, double epsilon, double moments[2])
{
  double sum = 0, squares = 0;
  for (int i = 0; i < count; i++) {
    sum += x[i];
    squares += x[i] * x[i];
  }
  moments[0] = sum / count;
  moments[1] = 1 / sqrt(squares / count - moments[0] * moments[0] + epsilon);
}

/* what instance normalisation is taken apart into, of several pictures; its gradient against
 * differences */
static void
test_moments(void)
{
  enum { BATCH = 2, CHANNELS = 3, PLACES = 4, COUNT = BATCH * CHANNELS };
  NnMomentsParams params = {.epsilon = 0.1f};
  float mean[COUNT], inverse[COUNT], to_mean[COUNT], to_inverse[COUNT], slopes[COUNT * PLACES];
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnTensor) x = nn_tensor_new(NN_DTYPE_FLOAT, &NN_SHAPE(BATCH, CHANNELS, 2, 2), NULL);
  x->layout = NN_LAYOUT_CHANNELS_LAST;
  fill(x, 1);
  NnType in = {x->shape, NN_DTYPE_FLOAT, true}, types[2] = {{.present = false}};
  NnInfer infer = {.params = &params, .n_inputs = 1, .in = &in, .n_outputs = 2, .out = types};
  g_assert_true(nn_op_moments.infer(&infer, NULL));
  g_assert_true(nn_shape_equal(&types[0].shape, &NN_SHAPE(BATCH, CHANNELS, 1, 1)));
  NnTensor out[2] = {{.shape = types[0].shape, .f = mean}, {.shape = types[1].shape, .f = inverse}};
  NnTensor grad_out[2] = {{.shape = types[0].shape, .f = to_mean},
                          {.shape = types[1].shape, .f = to_inverse}};
  NnTensor grad_in = *x;
  grad_in.f = slopes;
  NnOpRun run = {.context = context,
                 .params = &params,
                 .n_inputs = 1,
                 .n_outputs = 2,
                 .in = x,
                 .out = out,
                 .grad_out = grad_out,
                 .grad_in = &grad_in,
                 .scratch = nn_alloc(1, nn_op_moments.scratch_bytes(&infer, 2, true), NULL)};
  for (int i = 0; i < COUNT; i++) {
    to_mean[i] = 0.3f * (float)(i - 2);
    to_inverse[i] = 1 - 0.4f * (float)i;
  }
  nn_op_moments.backward(&run);
  nn_op_moments.forward(&run);
  for (int n = 0; n < BATCH; n++)
    for (int c = 0; c < CHANNELS; c++) {
      double own[PLACES], moments[2], up, down;
      int at = n * CHANNELS + c;
      for (int p = 0; p < PLACES; p++)
        own[p] = (double)x->f[(n * PLACES + p) * CHANNELS + c];
      find_moments(own, PLACES, 0.1, moments);
      g_assert_cmpfloat_with_epsilon((double)mean[at], moments[0], 1e-6);
      g_assert_cmpfloat_with_epsilon((double)inverse[at], moments[1], 1e-6);
      for (int p = 0; p < PLACES; p++) {
        own[p] += 1e-5;
        find_moments(own, PLACES, 0.1, moments);
        up = (double)to_mean[at] * moments[0] + (double)to_inverse[at] * moments[1];
        own[p] -= 2e-5;
        find_moments(own, PLACES, 0.1, moments);
        down = (double)to_mean[at] * moments[0] + (double)to_inverse[at] * moments[1];
        own[p] += 1e-5;
        g_assert_cmpfloat_with_epsilon((double)slopes[(n * PLACES + p) * CHANNELS + c],
                                       (up - down) / 2e-5, 1e-5);
      }
    }
  nn_free(run.scratch);
}

/* what no tile can do, and the picture itself as a target beside it */
static void
test_input_beside_segments(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w0", &NN_SHAPE(8, 3, 3, 3));
  onnx_add_weights(&builder, "w", &NN_SHAPE(8, 8, 3, 3));
  onnx_add_node(&builder, "LpNormalization", "x", "n0", "axis=2");
  for (int i = 0; i < 8; i++) {
    g_autofree char *from = g_strdup_printf("n%d %s", i, i == 0 ? "w0" : "w");
    g_autofree char *conv = g_strdup_printf("c%d", i), *bent = g_strdup_printf("b%d", i);
    g_autofree char *to = g_strdup_printf("n%d", i + 1);
    onnx_add_node(&builder, "Conv", from, conv, "pads=1,1,1,1");
    onnx_add_node(&builder, "Sigmoid", conv, bent, NULL);
    onnx_add_node(&builder, "LpNormalization", bent, to, "axis=3");
  }
  onnx_add_output(&builder, "n8");
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  NnShape shape = NN_SHAPE(1, 3, 96, 128);
  int done = 0;
  for (double share = 0.98; share > 0.5; share -= 0.06)
    done += check_within(model, (const char *[]){"n8", "x"}, 2, &shape, share);
  g_assert_cmpint(done, >, 0);
}

/* no memory for any tile, and a picture of which there could be millions: refused before they are all
 * laid out, which nobody would wait for */
static void
test_too_many_tiles(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w", &NN_SHAPE(1, 3, 3, 3));
  onnx_add_node(&builder, "Conv", "x w", "y", "pads=1,1,1,1");
  onnx_add_output(&builder, "y");
  g_autoptr(NnModel) model = onnx_builder_finish(&builder);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnProgram) program = nn_program_new(model, context, (const char *[]){"y"}, 1,
                                                (NnProgramOptions){.gradient = false}, &error);
  g_assert_no_error(error);
  g_assert_null(nn_evaluator_new(program, context, &NN_SHAPE(1, 3, 16000, 16000), 1000, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
}

static void
test_threads(void)
{
  g_autoptr(NnModel) model = forked_model();
  NnShape shape = NN_SHAPE(1, 3, 61, 47);
  const char *const targets[] = {"square"};
  Run one = start(model, targets, 1, 1, &shape);
  for (int threads = 2; threads <= 5; threads++) {
    Run many = start(model, targets, 1, threads, &shape);
    Run *runs[] = {&one, &many};
    for (int i = 0; i < 2; i++) {
      fill(nn_workspace_input(runs[i]->workspace, 0), 3);
      objective(runs[i], 1);
      nn_workspace_backward(runs[i]->workspace);
    }
    const NnTensor *a = nn_workspace_input_gradient(one.workspace, 0);
    const NnTensor *b = nn_workspace_input_gradient(many.workspace, 0);
    g_assert_cmpmem(a->f, nn_tensor_bytes(a), b->f, nn_tensor_bytes(b));
    finish(&many);
  }
  finish(&one);
}

/* one program, two sizes at a time, each run twice */
static void
test_two_sizes(void)
{
  g_autoptr(NnModel) model = forked_model();
  const char *const targets[] = {"sum"};
  Run large = start(model, targets, 1, 2, &NN_SHAPE(1, 3, 33, 40));
  NnPlan *plan = nn_plan_new(large.program, &NN_SHAPE(2, 3, 8, 8), 1, NULL);
  NnWorkspace *small = nn_workspace_new(plan, large.context, NULL);
  g_assert_cmpuint(nn_plan_bytes(plan), <, nn_plan_bytes(large.plan));
  NnShape shape = nn_plan_target_shape(plan, 0);
  g_assert_true(nn_shape_equal(&shape, &NN_SHAPE(2, 12, 4, 4)));
  fill(nn_workspace_input(large.workspace, 0), 3);
  fill(nn_workspace_input(small, 0), 4);
  double first = objective(&large, 1);
  nn_workspace_forward(small);
  g_assert_cmpfloat(objective(&large, 1), ==, first);
  nn_workspace_free(small);
  nn_plan_unref(plan);
  finish(&large);
}

static void
assert_program_error(NnModel *model, const char *const *targets, int n_targets, const char *part)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(GError) error = NULL;
  g_assert_null(nn_program_new(model, context, targets, n_targets,
                               (NnProgramOptions){.gradient = true}, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, part));
}

/* As exporters write "resize to twice the size": arithmetic on the shape, in integers and floats.
 * The network is the one with a constant scale, at every size. */
static NnModel *
resizing_model(bool dynamic)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w", &NN_SHAPE(12, 3, 3, 3));
  onnx_add_ints(&builder, "0", (int64_t[]){0}, 1);
  onnx_add_ints(&builder, "2", (int64_t[]){2}, 1);
  const float two = 2, scales[] = {1, 1, 2, 2};
  const int64_t three = 3;
  onnx_add_raw(&builder, "factor", 1, NULL, 0, &two, sizeof two);
  onnx_add_raw(&builder, "3", 7, NULL, 0, &three, sizeof three);
  onnx_add_raw(&builder, "scales", 1, (int64_t[]){4}, 1, scales, sizeof scales);
  onnx_add_node(&builder, "Conv", "x w", "conv", "pads=1,1,1,1 strides=2,2");
  onnx_add_node(&builder, "Relu", "conv", "relu", NULL);
  onnx_add_node(&builder, "Shape", "relu", "shape", NULL);
  onnx_add_node(&builder, "Slice", "shape 0 2 0", "front", NULL);
  onnx_add_node(&builder, "Gather", "shape 2", "height", NULL);
  onnx_add_node(&builder, "Gather", "shape 3", "width1", NULL);
  onnx_add_node(&builder, "Unsqueeze", "width1 0", "width", NULL);
  onnx_add_node(&builder, "Concat", "height width", "size", "axis=0");
  onnx_add_node(&builder, "Cast", "size", "real", "to=1");
  onnx_add_node(&builder, "Mul", "real factor", "twice", NULL);
  onnx_add_node(&builder, "Floor", "twice", "floor", NULL);
  onnx_add_node(&builder, "Cast", "floor", "whole", "to=7");
  onnx_add_node(&builder, "Concat", "front whole", "sizes", "axis=0");
  onnx_add_node(&builder, "Resize", dynamic ? "relu   sizes" : "relu  scales", "y", "mode=linear");
  onnx_add_output(&builder, "y");
  return onnx_builder_finish(&builder);
}

static void
test_dynamic_shapes(void)
{
  static const char *const targets[] = {"y"};
  g_autoptr(NnModel) dynamic = resizing_model(true), fixed = resizing_model(false);
  for (int size = 9; size < 40; size += 14) {
    NnShape shape = NN_SHAPE(1, 3, size, size + 5);
    Run a = start(dynamic, targets, 1, 2, &shape), b = start(fixed, targets, 1, 2, &shape);
    fill(nn_workspace_input(a.workspace, 0), 7);
    fill(nn_workspace_input(b.workspace, 0), 7);
    nn_workspace_forward(a.workspace);
    nn_workspace_forward(b.workspace);
    const NnTensor *y = nn_workspace_target(a.workspace, 0),
                   *z = nn_workspace_target(b.workspace, 0);
    g_assert_true(nn_shape_equal(&y->shape, &z->shape));
    g_assert_cmpint(y->shape.dim[2], ==, (size + 1) / 2 * 2);
    g_assert_cmpmem(y->data, nn_tensor_bytes(y), z->data, nn_tensor_bytes(z));
    fill(nn_workspace_seed(a.workspace, 0), 8);
    fill(nn_workspace_seed(b.workspace, 0), 8);
    nn_workspace_backward(a.workspace);
    nn_workspace_backward(b.workspace);
    const NnTensor *g = nn_workspace_input_gradient(a.workspace, 0);
    g_assert_cmpmem(g->data, nn_tensor_bytes(g), nn_workspace_input_gradient(b.workspace, 0)->data,
                    nn_tensor_bytes(g));
    finish(&a);
    finish(&b);
  }
}

/* A part that nobody wants leaves the others where they are, and has a gradient of zero. */
static void
test_unwanted_part(void)
{
  static const char *const targets[] = {"c"};
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 7, 0, 0));
  onnx_add_ints(&builder, "lengths", (int64_t[]){2, 1, 4}, 3);
  onnx_add_node(&builder, "Split", "x lengths", "a b c", "axis=1");
  onnx_add_output(&builder, "c");
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  onnx_builder_clear(&builder);
  Run run = start(model, targets, 1, 2, &NN_SHAPE(1, 7, 5, 3));
  const NnTensor *x = nn_workspace_input(run.workspace, 0);
  fill(x, 3);
  nn_workspace_forward(run.workspace);
  const NnTensor *c = nn_workspace_target(run.workspace, 0);
  const NnTensor *seed = nn_workspace_seed(run.workspace, 0);
  for (int p = 0; p < 15; p++) /* channels-last */
    g_assert_cmpmem(c->f + 4 * p, 4 * sizeof(float), x->f + 7 * p + 3, 4 * sizeof(float));
  fill(seed, 4);
  nn_workspace_backward(run.workspace);
  const NnTensor *gradient = nn_workspace_input_gradient(run.workspace, 0);
  for (int p = 0; p < 15; p++) {
    for (int k = 0; k < 3; k++)
      g_assert_cmpfloat(gradient->f[7 * p + k], ==, 0);
    g_assert_cmpmem(gradient->f + 7 * p + 3, 4 * sizeof(float), seed->f + 4 * p, 4 * sizeof(float));
  }
  finish(&run);
}

static void
test_bad_targets(void)
{
  g_autoptr(NnModel) model = forked_model();
  assert_program_error(model, (const char *[]){"relu9"}, 1, "relu9");
  assert_program_error(model, (const char *[]){"sum", "sum"}, 2, "twice");
  assert_program_error(model, (const char *[]){"pool", "same"}, 2, "twice");
  assert_program_error(model, (const char *[]){"w1"}, 1, "w1");
}

static void
test_bad_shapes(void)
{
  g_autoptr(NnModel) model = forked_model();
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnProgram) program = nn_program_new(model, context, (const char *[]){"sum"}, 1,
                                                (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  g_assert_null(nn_plan_new(program, &NN_SHAPE(1, 4, 16, 16), 1, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
  g_clear_error(&error);
  g_assert_null(nn_plan_new(program, &NN_SHAPE(1, 3, 16), 1, &error));
  g_assert_nonnull(error);
  g_clear_error(&error);
  g_assert_null(nn_plan_new(program, &NN_SHAPE(1, 3, INT64_MAX, 2), 1, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
}

/* what backward does not read does not outlive its reader */
static void
test_memory(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 16, 0, 0));
  onnx_add_weights(&builder, "w", &NN_SHAPE(16, 16, 1, 1));
  g_autofree char *from = g_strdup("x");
  for (int i = 0; i < 20; i++) {
    g_autofree char *conv = g_strdup_printf("conv%d", i), *relu = g_strdup_printf("relu%d", i);
    g_autofree char *inputs = g_strdup_printf("%s w", from);
    onnx_add_node(&builder, "Conv", inputs, conv, NULL);
    onnx_add_node(&builder, "Relu", conv, relu, NULL);
    g_set_str(&from, relu);
  }
  g_autoptr(NnModel) model = onnx_builder_open(&builder, NULL);
  Run run = start(model, (const char *[]){"relu19"}, 1, 1, &NN_SHAPE(1, 16, 128, 128));
  double activation = 16.0 * 128 * 128 * 4;
  /* input, two alternating, signs of twenty at 1/32, scratch of the kernel: far from twenty */
  g_assert_cmpfloat((double)nn_plan_bytes(run.plan), <, 5.5 * activation);
  finish(&run);
  onnx_builder_clear(&builder);
}

static void
test_arena(void)
{
  enum { COUNT = 300, STEPS = 100 };
  g_autoptr(GRand) random = g_rand_new_with_seed(7);
  NnBuffer buffers[COUNT];
  size_t live[STEPS] = {0}, total, peak = 0;
  for (int i = 0; i < COUNT; i++) {
    int first = g_rand_int_range(random, 0, STEPS), last = g_rand_int_range(random, first, STEPS);
    size_t bytes = (size_t)g_rand_int_range(random, 0, 10000);
    buffers[i] = (NnBuffer){.bytes = bytes, .first = first, .last = MIN(last, first + 10)};
    for (int t = first; t <= buffers[i].last; t++)
      live[t] += bytes;
  }
  g_assert_true(nn_arena_place(buffers, COUNT, &total, NULL));
  for (int t = 0; t < STEPS; t++)
    peak = MAX(peak, live[t]);
  g_assert_cmpuint(total, >=, peak);
  g_assert_cmpuint(total, <, peak * 3 / 2);
  for (int i = 0; i < COUNT; i++) {
    const NnBuffer *a = &buffers[i];
    g_assert_cmpuint(a->offset % 64, ==, 0);
    g_assert_cmpuint(a->offset + a->bytes, <=, total);
    for (int k = 0; k < i; k++) {
      const NnBuffer *b = &buffers[k];
      bool together = a->first <= b->last && b->first <= a->last;
      bool apart = a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
      g_assert_true(!together || apart || a->bytes == 0 || b->bytes == 0);
    }
  }
}

/* buffers whose sizes no number holds together are refused, however they add up on the way */
static void
test_arena_overflow(void)
{
  enum { COUNT = 3 };
  for (size_t slack = 0; slack < 400; slack += 4) {
    NnBuffer buffers[COUNT] = {{.bytes = G_MAXSSIZE - slack}, {.bytes = 4}, {.bytes = G_MAXSSIZE}};
    g_autoptr(GError) error = NULL;
    size_t total;
    g_assert_false(nn_arena_place(buffers, COUNT, &total, &error));
    g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/plan/gradient", test_gradient);
  g_test_add_func("/plan/residuals", test_residuals);
  g_test_add_func("/plan/same-meaning", test_same_meaning);
  g_test_add_func("/plan/sums", test_sums);
  g_test_add_func("/plan/sum-in-place", test_sum_in_place);
  g_test_add_func("/plan/pools", test_pools);
  g_test_add_func("/plan/sum-of-a-spread-pixel", test_sum_of_a_spread_pixel);
  g_test_add_func("/plan/channels-from-rows", test_channels_from_rows);
  g_test_add_func("/plan/no-pictures", test_no_pictures);
  g_test_add_func("/plan/no-pictures-fused", test_no_pictures_fused);
  g_test_add_func("/plan/cast-like", test_cast_like);
  g_test_add_func("/plan/constant-maps", test_constant_maps);
  g_test_add_func("/plan/raised-rank", test_raised_rank);
  g_test_add_func("/plan/raised-too-far", test_raised_too_far);
  g_test_add_func("/plan/stacked-norms", test_stacked_norms);
  g_test_add_func("/plan/joined-branches", test_joined_branches);
  g_test_add_func("/plan/moments", test_moments);
  g_test_add_func("/plan/input-beside-segments", test_input_beside_segments);
  g_test_add_func("/plan/too-many-tiles", test_too_many_tiles);
  g_test_add_func("/plan/threads", test_threads);
  g_test_add_func("/plan/two-sizes", test_two_sizes);
  g_test_add_func("/plan/dynamic-shapes", test_dynamic_shapes);
  g_test_add_func("/plan/unwanted-part", test_unwanted_part);
  g_test_add_func("/plan/bad-targets", test_bad_targets);
  g_test_add_func("/plan/bad-shapes", test_bad_shapes);
  g_test_add_func("/plan/memory", test_memory);
  g_test_add_func("/plan/arena", test_arena);
  g_test_add_func("/plan/arena-overflow", test_arena_overflow);
  return g_test_run();
}
