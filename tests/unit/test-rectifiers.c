/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NnRectifierRule: what comes out at the input for a seed, element by element, for rectifiers that are
 * nodes and for those that are fused; and the gradient at an inner layer. */
#include "nncore/base/random.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"

enum { CHANNELS = 3, SIDE = 5, COUNT = CHANNELS * SIDE * SIDE };

static const float identity[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};

/* rectifier @op of the input, or of a convolution that does nothing */
static NnModel *
rectifier_model(const char *op, const char *attributes, bool fused)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, CHANNELS, 0, 0));
  onnx_add_raw(&builder, "w", 1, (const int64_t[]){3, 3, 1, 1}, 4, identity, sizeof identity);
  if (fused)
    onnx_add_node(&builder, "Conv", "x w", "same", NULL);
  onnx_add_node(&builder, op, fused ? "same" : "x", "y", attributes);
  onnx_add_output(&builder, "y");
  return onnx_builder_finish(&builder);
}

static float
noise(uint64_t seed, int64_t i)
{
  return (float)nn_random_normal_at(seed, (uint64_t)i);
}

static double
expected(NnRectifierRule rule, double slope, float x, float seed)
{
  double derivative = x > 0 ? 1 : slope;
  if (rule == NN_RECTIFIER_GRADIENT)
    return (double)seed * derivative;
  double positive = MAX((double)seed, 0);
  return rule == NN_RECTIFIER_GUIDED ? positive * derivative : positive;
}

static void
check_rule(NnModel *model, NnRectifierRule rule, double slope)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(2);
  const char *target = "y";
  NnProgramOptions options = {.gradient = true, .rectifiers = rule};
  g_autoptr(NnProgram) program = nn_program_new(model, context, &target, 1, options, &error);
  g_assert_no_error(error);
  g_autoptr(NnPlan) plan = nn_plan_new(program, &NN_SHAPE(1, CHANNELS, SIDE, SIDE), 1, &error);
  g_assert_no_error(error);
  g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, context, &error);
  g_assert_no_error(error);
  const NnTensor *x = nn_workspace_input(workspace, 0), *seed = nn_workspace_seed(workspace, 0);
  for (int i = 0; i < COUNT; i++)
    x->f[i] = noise(1, i);
  nn_workspace_forward(workspace);
  for (int i = 0; i < COUNT; i++)
    seed->f[i] = noise(2, i);
  nn_workspace_backward(workspace);
  const NnTensor *gradient = nn_workspace_input_gradient(workspace, 0);
  for (int i = 0; i < COUNT; i++)
    g_assert_cmpfloat_with_epsilon(gradient->f[i], expected(rule, slope, noise(1, i), noise(2, i)),
                                   1e-6);
}

static void
test_rules(void)
{
  for (int rule = NN_RECTIFIER_GRADIENT; rule <= NN_RECTIFIER_DECONVNET; rule++)
    for (int fused = 0; fused < 2; fused++) {
      g_autoptr(NnModel) relu = rectifier_model("Relu", NULL, fused == 1);
      g_autoptr(NnModel) leaky = rectifier_model("LeakyRelu", "alpha=0.25f", fused == 1);
      check_rule(relu, (NnRectifierRule)rule, 0);
      check_rule(leaky, (NnRectifierRule)rule, 0.25);
    }
}

/* y = relu (relu (x) w): the gradient at the first relu's result, for a seed at y alone */
static void
test_inner(void)
{
  g_autoptr(GError) error = NULL;
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, CHANNELS, 0, 0));
  onnx_add_raw(&builder, "w", 1, (const int64_t[]){3, 3, 1, 1}, 4, identity, sizeof identity);
  onnx_add_node(&builder, "Relu", "x", "inner", NULL);
  onnx_add_node(&builder, "Conv", "inner w", "same", NULL);
  onnx_add_node(&builder, "Add", "same inner", "y", NULL);
  onnx_add_output(&builder, "y");
  g_autoptr(NnModel) model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  onnx_builder_clear(&builder);
  g_autoptr(NnContext) context = nn_context_new(1);
  const char *targets[] = {"inner", "y"};
  g_autoptr(NnProgram) program =
      nn_program_new(model, context, targets, 2, (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  g_autoptr(NnPlan) plan = nn_plan_new(program, &NN_SHAPE(1, CHANNELS, SIDE, SIDE), 1, &error);
  g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, context, &error);
  g_assert_no_error(error);
  for (int i = 0; i < COUNT; i++)
    nn_workspace_input(workspace, 0)->f[i] = noise(1, i);
  nn_workspace_forward(workspace);
  for (int i = 0; i < COUNT; i++) {
    nn_workspace_seed(workspace, 0)->f[i] = 0;
    nn_workspace_seed(workspace, 1)->f[i] = noise(2, i);
  }
  const NnTensor *gradient = nn_workspace_backward_to(workspace, 0);
  for (int i = 0; i < COUNT; i++)
    g_assert_cmpfloat_with_epsilon(gradient->f[i], 2 * (double)noise(2, i), 1e-6);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/rectifiers/rules", test_rules);
  g_test_add_func("/rectifiers/inner", test_inner);
  return g_test_run();
}
