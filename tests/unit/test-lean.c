/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights in memory: a program that must make do with little makes its filters ready in each run, to
 * the same bits, whatever the number of threads; what is held of the context's budget is what there is, and is given back. */
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/plan/evaluator.h"
#include "nncore/plan/program-private.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"

#define PLENTY (INT64_C(1) << 40)

/* 3x3 convolutions with filters that are small and large, with a pool and a transposed one; the last two
 * have the same weights */
static NnModel *
model_new(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(32, 3, 3, 3));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(32, 32, 3, 3));
  onnx_add_weights(&builder, "w3", &NN_SHAPE(304, 32, 3, 3));
  onnx_add_weights(&builder, "w4", &NN_SHAPE(304, 304, 3, 3));
  onnx_add_weights(&builder, "w5", &NN_SHAPE(304, 16, 3, 3));
  onnx_add_weights(&builder, "w6", &NN_SHAPE(16, 16, 3, 3));
  onnx_add_node(&builder, "Conv", "x w1", "c1", "pads=1,1,1,1");
  onnx_add_node(&builder, "Relu", "c1", "r1", NULL);
  onnx_add_node(&builder, "Conv", "r1 w2", "c2", "pads=1,1,1,1");
  onnx_add_node(&builder, "Relu", "c2", "r2", NULL);
  onnx_add_node(&builder, "MaxPool", "r2", "p2", "kernel_shape=2,2 strides=2,2");
  onnx_add_node(&builder, "Conv", "p2 w3", "c3", "pads=1,1,1,1");
  onnx_add_node(&builder, "Conv", "c3 w4", "c4", "pads=1,1,1,1");
  onnx_add_node(&builder, "ConvTranspose", "c4 w5", "c5", "pads=1,1,1,1");
  onnx_add_node(&builder, "Conv", "c5 w6", "c6", "pads=1,1,1,1");
  onnx_add_node(&builder, "Conv", "c6 w6", "y", "pads=1,1,1,1");
  onnx_add_output(&builder, "y");
  return onnx_builder_finish(&builder);
}

typedef struct {
  NnContext *context;
  NnProgram *program;
  float *results; /* then the gradient */
  size_t n_results, plan_bytes;
} Outcome;

static void
fill(const NnTensor *tensor, float step)
{
  for (int64_t i = 0; i < nn_shape_count(&tensor->shape); i++)
    tensor->f[i] = (float)((i * 7919) % 1000) * 1e-3f * step - 0.3f;
}

static Outcome
run(NnModel *model, int threads, int64_t budget, int size)
{
  g_autoptr(GError) error = NULL;
  const char *target = "y";
  Outcome outcome = {.context = nn_context_new(threads)};
  nn_context_set_memory_budget(outcome.context, budget);
  outcome.program = nn_program_new(model, outcome.context, &target, 1,
                                   (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  g_autoptr(NnPlan) plan = nn_plan_new(outcome.program, &NN_SHAPE(1, 3, size, size + 5), 1, &error);
  g_assert_no_error(error);
  g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, outcome.context, &error);
  g_assert_no_error(error);
  fill(nn_workspace_input(workspace, 0), 1);
  nn_workspace_forward(workspace);
  const NnTensor *y = nn_workspace_target(workspace, 0);
  const NnTensor *gradient = nn_workspace_input_gradient(workspace, 0);
  size_t n = (size_t)nn_shape_count(&y->shape), m = (size_t)nn_shape_count(&gradient->shape);
  outcome.results = g_new(float, n + m);
  outcome.n_results = n + m;
  memcpy(outcome.results, y->f, n * sizeof(float));
  fill(nn_workspace_seed(workspace, 0), 2);
  nn_workspace_backward(workspace);
  memcpy(outcome.results + n, gradient->f, m * sizeof(float));
  outcome.plan_bytes = nn_plan_bytes(plan);
  return outcome;
}

static void
outcome_clear(Outcome *outcome)
{
  g_free(outcome->results);
  g_assert_cmpint(nn_context_memory_held(outcome->context), ==,
                  (int64_t)nn_program_bytes(outcome->program));
  nn_program_unref(outcome->program);
  g_assert_cmpint(nn_context_memory_held(outcome->context), ==, 0);
  nn_context_free(outcome->context);
}

static void
assert_same(const Outcome *a, const Outcome *b)
{
  g_assert_cmpmem(a->results, a->n_results * sizeof(float), b->results,
                  b->n_results * sizeof(float));
}

static void
test_same_bits(void)
{
  g_autoptr(NnModel) model = model_new();
  for (int size = 9; size < 40; size += 13) {
    Outcome first = run(model, 1, PLENTY, size);
    for (int threads = 1; threads <= 3; threads++) {
      Outcome rich = run(model, threads, PLENTY, size);
      int64_t little = (int64_t)nn_program_bytes(rich.program) / 2;
      Outcome lean = run(model, threads, little, size);
      g_test_message("%d px: weights %zu, lean %zu bytes; plans %zu, %zu", size,
                     nn_program_bytes(rich.program), nn_program_bytes(lean.program),
                     rich.plan_bytes, lean.plan_bytes);
      g_assert_cmpuint(nn_program_bytes(lean.program), <, nn_program_bytes(rich.program) / 3);
      g_assert_cmpuint(lean.plan_bytes, >, rich.plan_bytes);
      assert_same(&rich, &first);
      assert_same(&lean, &first);
      outcome_clear(&rich);
      outcome_clear(&lean);
    }
    outcome_clear(&first);
  }
}

/* bytes of elements that a program still has in its constants */
static size_t
constants_bytes(const NnProgram *program)
{
  size_t bytes = 0;
  for (size_t v = 0; v < program->graph->n_values; v++) {
    const NnTensor *constant = program->graph->values[v].constant;
    bytes += constant != NULL && constant->data != NULL ? nn_tensor_bytes(constant) : 0;
  }
  return bytes;
}

/* what kernels have in their own order is not kept in the file's as well */
static void
test_given_up(void)
{
  g_autoptr(NnModel) model = model_new();
  Outcome rich = run(model, 1, PLENTY, 16), lean = run(model, 1, 4096, 16);
  size_t first = 32 * 3 * 9 * sizeof(float);
  g_assert_cmpuint(constants_bytes(rich.program), <, 4096);
  g_assert_cmpuint(constants_bytes(lean.program), >, 304 * 304 * 9 * sizeof(float));
  g_assert_cmpuint(nn_program_bytes(lean.program), <,
                   constants_bytes(lean.program) + 4 * first + 4096);
  outcome_clear(&rich);
  outcome_clear(&lean);
}

/* what evaluators hold, less the weights, is what they say that they take */
static int64_t
held_by_evaluator(NnModel *model, int threads, size_t budget)
{
  g_autoptr(GError) error = NULL;
  const char *target = "y";
  g_autoptr(NnContext) context = nn_context_new(threads);
  nn_context_set_memory_budget(context, PLENTY);
  g_autoptr(NnProgram) program =
      nn_program_new(model, context, &target, 1, (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  int64_t weights = (int64_t)nn_program_bytes(program);
  NnEvaluator *evaluator =
      nn_evaluator_new(program, context, &NN_SHAPE(1, 3, 96, 200), budget, &error);
  g_assert_no_error(error);
  int64_t held = nn_context_memory_held(context) - weights;
  g_assert_cmpint(held, ==, (int64_t)nn_evaluator_bytes(evaluator));
  g_assert_cmpint(nn_context_memory_left(context), ==, PLENTY - weights - held);
  nn_evaluator_free(evaluator);
  g_assert_cmpint(nn_context_memory_held(context), ==, weights);
  return held;
}

/* whatever the number of threads, whole and in tiles */
static void
test_held(void)
{
  g_autoptr(NnModel) model = model_new();
  int64_t whole = held_by_evaluator(model, 1, 0);
  size_t little = (size_t)whole * 3 / 4;
  int64_t tiled = held_by_evaluator(model, 1, little);
  g_assert_cmpint(tiled, <=, (int64_t)little);
  for (int threads = 2; threads <= 3; threads++) {
    g_assert_cmpint(held_by_evaluator(model, threads, 0), ==, whole);
    g_assert_cmpint(held_by_evaluator(model, threads, little), ==, tiled);
  }
}

/* a budget that was set is kept to; an automatic one gives way while there is memory */
static void
test_left(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  nn_context_set_memory_budget(context, 1000);
  nn_context_hold_memory(context, 400);
  g_assert_cmpint(nn_context_memory_left(context), ==, 600);
  nn_context_hold_memory(context, 900);
  g_assert_cmpint(nn_context_memory_left(context), ==, 1);
  nn_context_hold_memory(context, -1300);
  nn_context_set_memory_budget(context, 0);
  int64_t half = nn_context_memory_budget(context);
  g_assert_cmpint(nn_context_memory_left(context), ==, half);
  nn_context_hold_memory(context, half);
  g_assert_cmpint(nn_context_memory_budget(context), ==, half);
  g_assert_cmpint(nn_context_memory_left(context), >=, half / 4);
  nn_context_hold_memory(context, half);
  g_assert_cmpint(nn_context_memory_left(context), ==, 1);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/lean/same-bits", test_same_bits);
  g_test_add_func("/lean/given-up", test_given_up);
  g_test_add_func("/lean/held", test_held);
  g_test_add_func("/lean/left", test_left);
  return g_test_run();
}
