/* SPDX-License-Identifier: GPL-3.0-or-later */
/* onnx/: good files are read as they are meant; hostile ones end in a sentence. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/onnx/convert.h"
#include "nncore/plan/workspace.h"
#include "onnx-builder.h"

static GBytes *
good_file(void)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "w", &NN_SHAPE(8, 3, 3, 3));
  onnx_add_weights(&builder, "b", &NN_SHAPE(8));
  onnx_add_node(&builder, "Conv", "x w b", "conv", "pads=1,1,1,1 strides=2,2");
  onnx_add_node(&builder, "LeakyRelu", "conv", "relu", "alpha=0.25f");
  onnx_add_output(&builder, "relu");
  GBytes *bytes = onnx_builder_bytes(&builder);
  onnx_builder_clear(&builder);
  return bytes;
}

/* what a person would see: a sentence, with a full stop */
static void
assert_sentence(const GError *error)
{
  g_assert_nonnull(error);
  g_assert_true(error->domain == NN_ERROR);
  g_assert_cmpuint(strlen(error->message), >, 15);
  g_assert_true(g_str_has_suffix(error->message, "."));
}

static void
assert_opening_fails(OnnxBuilder *builder, NnError code, const char *part)
{
  g_autoptr(GError) error = NULL;
  NnModel *model = onnx_builder_open(builder, &error);
  g_assert_null(model);
  assert_sentence(error);
  g_assert_error(error, NN_ERROR, (int)code);
  if (strstr(error->message, part) == NULL)
    g_error("“%s” does not name “%s”", error->message, part);
  onnx_builder_clear(builder);
}

/* opens, but its layer y cannot be used */
static void
assert_program_fails(OnnxBuilder *builder, NnError code, const char *part)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = onnx_builder_open(builder, &error);
  g_assert_no_error(error);
  g_autoptr(NnContext) context = nn_context_new(1);
  const char *const targets[] = {"y"};
  g_assert_null(
      nn_program_new(model, context, targets, 1, (NnProgramOptions){.gradient = false}, &error));
  assert_sentence(error);
  g_assert_error(error, NN_ERROR, (int)code);
  if (strstr(error->message, part) == NULL)
    g_error("“%s” does not name “%s”", error->message, part);
  onnx_builder_clear(builder);
}

static void
begin(OnnxBuilder *builder)
{
  onnx_builder_init(builder);
  onnx_add_input(builder, "x", &NN_SHAPE(1, 3, 0, 0));
}

static void
test_good(void)
{
  g_autoptr(GBytes) bytes = good_file();
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = nn_model_open_bytes(bytes, &error);
  g_assert_no_error(error);
  const NnGraph *graph = nn_model_graph(model);
  g_assert_cmpuint(graph->n_nodes, ==, 2);
  g_assert_cmpuint(graph->n_inputs, ==, 1);
  g_assert_cmpuint(graph->n_outputs, ==, 1);
  g_assert_cmpint(nn_model_opset(model), ==, 13);
  g_assert_cmpstr(graph->nodes[0].op->onnx_name, ==, "Conv");
  g_autoptr(NnTensor) w = nn_model_load_constant(model, nn_graph_find(graph, "w"), &error);
  g_assert_no_error(error);
  g_assert_true(nn_shape_equal(&w->shape, &NN_SHAPE(8, 3, 3, 3)));
}

/* every prefix of a good file, and every file with one byte changed, opens or fails cleanly */
static void
test_truncated(void)
{
  g_autoptr(GBytes) bytes = good_file();
  for (gsize length = 0; length < g_bytes_get_size(bytes); length++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) part = g_bytes_new_from_bytes(bytes, 0, length);
    g_assert_null(nn_model_open_bytes(part, &error));
    assert_sentence(error);
  }
}

/* the whole way, as far as it goes; each step that fails must say so */
static bool
run_whole_way(GBytes *bytes, NnContext *context)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnProgram) program = NULL;
  g_autoptr(NnPlan) plan = NULL;
  g_autoptr(NnWorkspace) workspace = NULL;
  g_autoptr(NnModel) model = nn_model_open_bytes(bytes, &error);
  if (model != NULL)
    program = nn_program_new(model, context, (const char *const[]){"relu"}, 1,
                             (NnProgramOptions){.gradient = true}, &error);
  if (program != NULL)
    plan = nn_plan_new(program, &NN_SHAPE(1, 3, 9, 11), 1, &error);
  if (plan == NULL) {
    assert_sentence(error);
    return false;
  }
  if (nn_plan_bytes(plan) > 1 << 24) /* honest about what it needs, but nothing for a test */
    return true;
  workspace = nn_workspace_new(plan, context, &error);
  g_assert_no_error(error);
  const NnTensor *input = nn_workspace_input(workspace, 0);
  memset(input->data, 0, nn_tensor_bytes(input));
  nn_workspace_forward(workspace);
  const NnTensor *seed = nn_workspace_seed(workspace, 0);
  memset(seed->data, 0, nn_tensor_bytes(seed));
  nn_workspace_backward(workspace);
  return true;
}

static void
test_changed_bytes(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(GBytes) bytes = good_file();
  gsize length;
  const guint8 *data = g_bytes_get_data(bytes, &length);
  g_autofree guint8 *copy = g_memdup2(data, length);
  int run = 0, refused = 0;
  for (gsize at = 0; at < length; at++)
    for (int bit = 0; bit < 8; bit++) {
      copy[at] ^= (guint8)(1 << bit);
      g_autoptr(GBytes) changed = g_bytes_new_static(copy, length);
      if (run_whole_way(changed, context))
        run++;
      else
        refused++;
      copy[at] ^= (guint8)(1 << bit);
    }
  /* most bytes are weights, which may have any value; many of the others must not change */
  g_assert_cmpint(run, >, 1000);
  g_assert_cmpint(refused, >, 500);
}

static void
test_random(void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  for (int round = 0; round < 500; round++) {
    guint8 noise[300];
    for (size_t i = 0; i < sizeof noise; i++)
      noise[i] = (guint8)g_rand_int(random);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_static(noise, sizeof noise);
    g_assert_null(nn_model_open_bytes(bytes, &error));
    assert_sentence(error);
  }
}

static void
open_contents(const void *contents, gssize length, GError **error)
{
  g_autofree char *path = NULL;
  int file = g_file_open_tmp("somnium-XXXXXX.onnx", &path, NULL);
  g_assert_cmpint(file, >=, 0);
  close(file);
  g_assert_true(g_file_set_contents(path, contents, length, NULL));
  NnModel *model = nn_model_open(path, error);
  g_assert_null(model);
  g_unlink(path);
}

static void
test_empty(void)
{
  g_autoptr(GError) error = NULL;
  open_contents("", 0, &error);
  assert_sentence(error);
  g_assert_nonnull(strstr(error->message, "empty"));
}

static void
test_missing_and_folder(void)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(nn_model_open("/nonexistent/network.onnx", &error));
  assert_sentence(error);
  g_assert_error(error, NN_ERROR, NN_ERROR_READ);
  g_clear_error(&error);
  g_assert_null(nn_model_open(g_get_tmp_dir(), &error));
  assert_sentence(error);
}

/* a graph that claims 2 GB, in a file of a few bytes */
static void
test_claims_2gb(void)
{
  static const guint8 file[] = {0x08, 0x08, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x0a, 0x00};
  g_autoptr(GError) error = NULL;
  open_contents(file, sizeof file, &error);
  assert_sentence(error);
  g_clear_error(&error);
  static const guint8 longest[] = {0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
  open_contents(longest, sizeof longest, &error);
  assert_sentence(error);
}

/* weights whose shape asks for 2 GB, with four bytes of data: an error, not an allocation */
static void
test_weights_claim(void)
{
  OnnxBuilder builder;
  begin(&builder);
  const int64_t dims[] = {1 << 14, 1 << 14, 2, 1};
  onnx_add_raw(&builder, "w", NN_ONNX_FLOAT, dims, 4, "\0\0\0", 4);
  onnx_add_node(&builder, "Conv", "x w", "y", NULL);
  assert_program_fails(&builder, NN_ERROR_MALFORMED, "w");
}

static void
test_weights_length(void)
{
  OnnxBuilder builder;
  begin(&builder);
  const int64_t dims[] = {1, 3, 1, 1};
  onnx_add_raw(&builder, "w", NN_ONNX_FLOAT, dims, 4, "12345678901", 11);
  onnx_add_node(&builder, "Conv", "x w", "y", NULL);
  assert_program_fails(&builder, NN_ERROR_MALFORMED, "w");
}

static void
test_negative_dimension(void)
{
  OnnxBuilder builder;
  begin(&builder);
  const int64_t dims[] = {1, -3, 1, 1};
  onnx_add_raw(&builder, "w", NN_ONNX_FLOAT, dims, 4, "123456789012", 12);
  onnx_add_node(&builder, "Conv", "x w", "y", NULL);
  assert_opening_fails(&builder, NN_ERROR_SHAPE, "-3");
}

static void
test_cycle(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Add", "x b", "a", NULL);
  onnx_add_node(&builder, "Relu", "a", "b", NULL);
  assert_opening_fails(&builder, NN_ERROR_MALFORMED, "own result");
}

static void
test_duplicate(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  assert_opening_fails(&builder, NN_ERROR_MALFORMED, "y");
}

static void
test_missing_value(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "nowhere", "y", NULL);
  assert_opening_fails(&builder, NN_ERROR_MALFORMED, "nowhere");
}

static void
test_unsupported_operator(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "NoSuchOperator", "x", "y", NULL);
  assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, "NoSuchOperator");
}

static void
test_unsupported_attribute(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "x", "y", "no_such_attribute=1");
  assert_program_fails(&builder, NN_ERROR_UNSUPPORTED, "no_such_attribute");
}

/* what cannot be used does no harm to who does not need it */
static void
test_unsupported_elsewhere(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "x", "y", NULL);
  onnx_add_node(&builder, "NoSuchOperator", "y", "z", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  g_autoptr(NnContext) context = nn_context_new(1);
  const char *const targets[] = {"y"};
  g_autoptr(NnProgram) program =
      nn_program_new(model, context, targets, 1, (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  g_assert_nonnull(program);
  onnx_builder_clear(&builder);
}

/* nodes in any order, as some exporters write them; a chain long enough to overflow a stack */
static void
test_reversed_order(void)
{
  enum { COUNT = 20000 };
  OnnxBuilder builder;
  begin(&builder);
  for (int i = COUNT; i > 0; i--) {
    g_autofree char *from = i == 1 ? g_strdup("x") : g_strdup_printf("v%d", i - 1);
    g_autofree char *to = g_strdup_printf("v%d", i);
    onnx_add_node(&builder, "Relu", from, to, NULL);
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(NnModel) model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  const NnGraph *graph = nn_model_graph(model);
  g_assert_cmpuint(graph->n_nodes, ==, COUNT);
  g_assert_cmpstr(graph->values[graph->nodes[0].outputs[0]].name, ==, "v1");
  onnx_builder_clear(&builder);
}

static void
test_invalid_text(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_node(&builder, "Relu", "x", "\xff\xfe", NULL);
  assert_opening_fails(&builder, NN_ERROR_MALFORMED, "damaged");
}

static void
test_half(void)
{
  g_assert_cmpfloat(nn_half_to_float(0x3c00), ==, 1.0f);
  g_assert_cmpfloat(nn_half_to_float(0xc000), ==, -2.0f);
  g_assert_cmpfloat(nn_half_to_float(0x0001), ==, 0x1p-24f);
  g_assert_cmpfloat(nn_half_to_float(0x83ff), ==, -1023 * 0x1p-24f);
  g_assert_cmpfloat(nn_half_to_float(0x7bff), ==, 65504.0f);
  g_assert_cmpfloat(nn_half_to_float(0x7c00), ==, INFINITY);
  g_assert_true(isnan(nn_half_to_float(0x7e00)));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/onnx/good", test_good);
  g_test_add_func("/onnx/hostile/truncated", test_truncated);
  g_test_add_func("/onnx/hostile/changed-bytes", test_changed_bytes);
  g_test_add_func("/onnx/hostile/random", test_random);
  g_test_add_func("/onnx/hostile/empty", test_empty);
  g_test_add_func("/onnx/hostile/missing", test_missing_and_folder);
  g_test_add_func("/onnx/hostile/claims-2gb", test_claims_2gb);
  g_test_add_func("/onnx/hostile/weights-claim-2gb", test_weights_claim);
  g_test_add_func("/onnx/hostile/weights-length", test_weights_length);
  g_test_add_func("/onnx/hostile/negative-dimension", test_negative_dimension);
  g_test_add_func("/onnx/hostile/cycle", test_cycle);
  g_test_add_func("/onnx/hostile/duplicate-name", test_duplicate);
  g_test_add_func("/onnx/hostile/missing-value", test_missing_value);
  g_test_add_func("/onnx/hostile/invalid-text", test_invalid_text);
  g_test_add_func("/onnx/unsupported/operator", test_unsupported_operator);
  g_test_add_func("/onnx/unsupported/attribute", test_unsupported_attribute);
  g_test_add_func("/onnx/unsupported/elsewhere", test_unsupported_elsewhere);
  g_test_add_func("/onnx/reversed-order", test_reversed_order);
  g_test_add_func("/onnx/convert/half", test_half);
  return g_test_run();
}
