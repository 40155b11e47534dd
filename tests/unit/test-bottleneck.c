/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A 1x1, a depthwise and a 1x1 convolution run as one node give what they give one after the other, to
 * the bit: results, and the gradient to the input. Maps small (made as a whole) and large (made a few
 * rows at a time, in bands and strips), windows of many kinds, every instruction set. */
#include <string.h>

#include "nncore/base/random.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"

typedef struct {
  int64_t batch, height, width, in, between, out, kernel;
  const char *window; /* attributes of the depthwise one */
  const char *activations[3]; /* behind each: "" for none */
} Case;

#define WIDE {"Relu", "Clip", ""}

static const Case cases[] = {
    {1, 7, 5, 8, 16, 8, 3, "pads=1,1,1,1", {"Relu", "Relu", "Relu"}},
    {2, 20, 31, 16, 24, 8, 3, "pads=1,1,1,1 strides=2,2", {"LeakyRelu", "Clip", ""}},
    /* large */
    {1, 90, 100, 16, 96, 24, 3, "pads=1,1,1,1", WIDE},
    {1, 91, 99, 24, 144, 24, 3, "pads=1,1,1,1 strides=2,2", WIDE},
    {1, 90, 100, 16, 96, 24, 3, "pads=0,1,1,0 strides=2,2", {"LeakyRelu", "Relu", "Relu"}},
    {2, 60, 331, 24, 40, 16, 3, "pads=1,1,1,1", WIDE},
    {1, 61, 334, 24, 96, 40, 3, "pads=1,1,1,1 strides=2,2", {"", "", "Clip"}},
    {1, 70, 333, 32, 72, 8, 5, "pads=2,2,2,2", {"Relu", "", ""}},
    {1, 70, 333, 32, 72, 8, 5, "pads=2,2,2,2 strides=2,2", {"", "Relu", ""}},
    {1, 70, 334, 16, 72, 16, 3, "strides=1,2", WIDE},
    {1, 70, 333, 16, 72, 16, 2, "strides=2,2", WIDE},
    {1, 70, 333, 16, 72, 16, 3, "pads=4,3,2,5", WIDE},
    {1, 70, 333, 16, 72, 16, 3, "auto_pad=SAME_UPPER strides=2,1", WIDE},
    {1, 70, 333, 16, 72, 16, 3, "auto_pad=SAME_LOWER strides=2,2", WIDE},
    {1, 200, 60, 8, 384, 8, 3, "pads=1,1,1,1", WIDE},
    {1, 70, 60, 8, 392, 8, 3, "pads=1,1,1,1", WIDE}, /* too many channels */
    {1, 130, 200, 32, 48, 8, 1, "", WIDE},
};

static void
add_conv(OnnxBuilder *builder, const char *name, const char *from, const NnShape *w, bool bias,
         const char *attributes)
{
  g_autofree char *weights = g_strconcat(name, "_w", NULL), *b = g_strconcat(name, "_b", NULL);
  g_autofree char *inputs = g_strdup_printf("%s %s %s", from, weights, bias ? b : "");
  onnx_add_weights(builder, weights, w);
  if (bias)
    onnx_add_weights(builder, b, &NN_SHAPE(w->dim[0]));
  onnx_add_node(builder, "Conv", g_strstrip(inputs), name, attributes);
}

/* returns what comes out: @from itself where there is none */
static const char *
add_activation(OnnxBuilder *builder, const char *op, const char *from, const char *to)
{
  g_autofree char *bounded = g_strconcat(from, " low high", NULL);
  if (op[0] == '\0')
    return from;
  if (strcmp(op, "Clip") == 0)
    onnx_add_node(builder, op, bounded, to, NULL);
  else
    onnx_add_node(builder, op, from, to, op[0] == 'L' ? "alpha=0.2f" : NULL);
  return to;
}

static NnModel *
build(const Case *c, const char **last)
{
  const float low = -0.4f, high = 0.6f;
  g_autofree char *group = g_strdup_printf("group=%d %s", (int)c->between, c->window);
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(0, c->in, 0, 0));
  onnx_add_raw(&builder, "low", 1, NULL, 0, &low, sizeof low);
  onnx_add_raw(&builder, "high", 1, NULL, 0, &high, sizeof high);
  add_conv(&builder, "up", "x", &NN_SHAPE(c->between, c->in, 1, 1), true, NULL);
  const char *at = add_activation(&builder, c->activations[0], "up", "wide");
  add_conv(&builder, "deep", at, &NN_SHAPE(c->between, 1, c->kernel, c->kernel), c->in > 8,
           g_strchomp(group));
  at = add_activation(&builder, c->activations[1], "deep", "cut");
  add_conv(&builder, "down", at, &NN_SHAPE(c->out, c->between, 1, 1), true, NULL);
  *last = add_activation(&builder, c->activations[2], "down", "y");
  onnx_add_output(&builder, *last);
  return onnx_builder_finish(&builder);
}

/* one run: the result and the gradient */
typedef struct {
  float *result, *gradient;
  size_t result_bytes, gradient_bytes, plan_bytes;
} Given;

static void
clear(Given *given)
{
  g_free(given->result);
  g_free(given->gradient);
}

static Given
run(const Case *c, bool separate, int threads, NnIsa isa)
{
  g_autoptr(GError) error = NULL;
  const char *target;
  g_autoptr(NnModel) model = build(c, &target);
  g_autoptr(NnContext) context = nn_context_new(threads);
  nn_context_limit_isa(context, isa);
  NnProgramOptions options = {.gradient = true, .separate = separate};
  g_autoptr(NnProgram) program = nn_program_new(model, context, &target, 1, options, &error);
  g_assert_no_error(error);
  g_autoptr(NnPlan) plan =
      nn_plan_new(program, &NN_SHAPE(c->batch, c->in, c->height, c->width), 1, &error);
  g_assert_no_error(error);
  g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, context, &error);
  g_assert_no_error(error);
  const NnTensor *x = nn_workspace_input(workspace, 0), *seed = nn_workspace_seed(workspace, 0);
  for (int64_t i = 0; i < nn_shape_count(&x->shape); i++)
    x->f[i] = (float)nn_random_normal_at(1, (uint64_t)i);
  nn_workspace_forward(workspace);
  const NnTensor *y = nn_workspace_target(workspace, 0);
  Given given = {.result_bytes = nn_tensor_bytes(y),
                 .gradient_bytes = nn_tensor_bytes(x),
                 .plan_bytes = nn_plan_bytes(plan)};
  given.result = g_memdup2(y->data, given.result_bytes);
  for (int64_t i = 0; i < nn_shape_count(&seed->shape); i++)
    seed->f[i] = (float)nn_random_normal_at(2, (uint64_t)i);
  nn_workspace_backward(workspace);
  given.gradient = g_memdup2(nn_workspace_input_gradient(workspace, 0)->data, given.gradient_bytes);
  return given;
}

/* 0 and -0 count as equal: nothing is added where a tap is outside, or 0 */
static void
assert_same(const float *a, const float *b, size_t bytes)
{
  for (size_t i = 0; i < bytes / sizeof *a; i++)
    g_assert_true(a[i] == b[i]);
}

static void
check_case(const Case *c, NnIsa isa)
{
  Given apart = run(c, true, 2, isa);
  for (int threads = 1; threads <= 3; threads++) {
    Given fused = run(c, false, threads, isa);
    g_assert_cmpuint(fused.result_bytes, ==, apart.result_bytes);
    assert_same(fused.result, apart.result, apart.result_bytes);
    assert_same(fused.gradient, apart.gradient, apart.gradient_bytes);
    int64_t map = c->batch * c->height * c->width * c->between;
    if (map / c->batch > 1 << 19 &&
        c->between <= 384) /* it was one node: what else would save this? */
      g_assert_cmpuint(fused.plan_bytes + (size_t)map * sizeof(float) / 2, <, apart.plan_bytes);
    clear(&fused);
  }
  clear(&apart);
}

static void
test_same(gconstpointer data)
{
  NnIsa isa = (NnIsa)GPOINTER_TO_INT(data);
  if (isa > nn_isa_best()) {
    g_test_skip("this processor does not have it");
    return;
  }
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    check_case(&cases[i], isa);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (int isa = 0; isa < NN_N_ISAS; isa++) {
    g_autofree char *path = g_strdup_printf("/bottleneck/%s", nn_isa_name((NnIsa)isa));
    g_test_add_data_func(path, GINT_TO_POINTER(isa), test_same);
  }
  return g_test_run();
}
