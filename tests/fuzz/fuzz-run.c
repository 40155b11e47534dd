/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an .onnx file, the whole way: programs for the last layer, for one in the middle and
 * for several at a time, plans at small sizes, forward and backward. What is well-formed but asks
 * for more memory or work than a test should spend is left alone. A run must not depend on what
 * was in its memory before: forward twice gives the same bits. */
#include <math.h>
#include <string.h>

#include "nncore/graph/node-types.h"
#include "nncore/plan/plan-private.h"
#include "nncore/plan/workspace.h"
#include "tests/fuzz/fuzz.h"

#define MAX_BYTES (8u << 20)
#define MAX_WORK 3e6 /* multiply-adds: up to two seconds in a fuzzer, mostly far less */
enum { MAX_TARGETS = 6 };

typedef struct {
  NnProgramOptions options;
  int64_t size_px; /* of free dimensions; a little more each */
  bool hostile; /* inputs with infinities, NaN, indices out of range */
} Variant;

/* ---- what it would cost ---- */

static double
elements(const NnShape *shape)
{
  return (double)nn_shape_count(shape);
}

static double
node_work(const NnPlan *plan, const NnNode *node)
{
  NnNodeTypes types;
  double work = 0;
  g_assert_true(nn_node_types_init(&types, plan->graph, node, NULL));
  for (int o = 0; o < node->n_outputs; o++)
    work += elements(&types.out[o].shape);
  for (int k = 0; k < node->n_inputs; k++)
    work += elements(&types.in[k].shape);
  if (node->op->operations != NULL)
    work += (double)node->op->operations(&types.infer);
  else
    work *= 8; /* it does not say: more than it would be in a network of people's */
  nn_node_types_clear(&types);
  return work;
}

static bool
is_cheap(const NnPlan *plan)
{
  double work = 0;
  for (size_t i = 0; i < plan->graph->n_nodes; i++)
    work += node_work(plan, &plan->graph->nodes[i]);
  return work < MAX_WORK && nn_plan_bytes(plan) < MAX_BYTES;
}

/* ---- one run ---- */

static void
fill(const NnTensor *tensor, bool hostile)
{
  static const float floats[] = {0.5f, -1, 2, 0.25f, -0.125f, 1, 0, -3};
  static const float hostile_floats[] = {1e30f, -INFINITY, NAN, 0, -1e-42f, INFINITY, 1, -1e30f};
  static const int64_t integers[] = {0, 1, 1, 2, 0, 3, 1, 0};
  static const int64_t hostile_integers[] = {0, -1, INT64_MAX, 7, INT64_MIN, 1, -3, 1 << 20};
  for (int64_t i = 0; i < nn_shape_count(&tensor->shape); i++)
    if (tensor->dtype == NN_DTYPE_FLOAT)
      tensor->f[i] = (hostile ? hostile_floats : floats)[(i * 5 + i / 8) % 8];
    else
      tensor->i[i] = (hostile ? hostile_integers : integers)[i % 8];
}

static guint
digest_targets(NnWorkspace *workspace, int n_targets)
{
  guint digest = 5381;
  for (int t = 0; t < n_targets; t++) {
    const NnTensor *target = nn_workspace_target(workspace, t);
    const uint8_t *bytes = target->data;
    for (size_t i = 0; i < nn_tensor_bytes(target); i++)
      digest = digest * 33 + bytes[i];
  }
  return digest;
}

static void
run_plan(NnPlan *plan, NnContext *context, const Variant *variant)
{
  int n_targets = plan->program->n_targets, n_inputs = (int)plan->graph->n_inputs;
  g_autoptr(GError) error = NULL;
  g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, context, &error);
  if (workspace == NULL) {
    fuzz_check_error(&error);
    return;
  }
  for (int i = 0; i < n_inputs; i++)
    fill(nn_workspace_input(workspace, i), variant->hostile);
  nn_workspace_forward(workspace);
  guint digest = digest_targets(workspace, n_targets);
  if (variant->options.gradient) {
    for (int t = 0; t < n_targets; t++)
      if (nn_workspace_seed(workspace, t)->dtype == NN_DTYPE_FLOAT)
        fill(nn_workspace_seed(workspace, t), variant->hostile);
    nn_workspace_backward(workspace);
    for (int i = 0; i < n_inputs; i++)
      g_assert_nonnull(nn_workspace_input_gradient(workspace, i)->data);
  }
  nn_workspace_forward(workspace);
  g_assert_cmpuint(digest_targets(workspace, n_targets), ==, digest);
}

/* shapes as the file declares them; what it leaves free is small */
static void
choose_shapes(const NnModel *model, const NnProgram *program, int64_t size_px, NnShape *shapes)
{
  const NnGraph *graph = program->graph, *declared = nn_model_graph(model);
  for (size_t i = 0; i < graph->n_inputs; i++) {
    NnValueId id = graph->inputs[i];
    shapes[i] = (size_t)id < declared->n_values ? declared->values[id].type.shape
                                                : graph->values[id].type.shape;
    for (int d = 0; d < shapes[i].rank; d++)
      if (shapes[i].dim[d] == 0)
        shapes[i].dim[d] = d == 0 ? 1 : d == 1 ? 3 : size_px + d;
  }
}

static void
run(NnModel *model, NnContext *context, const char *const *targets, int n_targets,
    const Variant *variant)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnProgram) program =
      nn_program_new(model, context, targets, n_targets, variant->options, &error);
  if (program == NULL) {
    fuzz_check_error(&error);
    return;
  }
  size_t n_inputs = program->graph->n_inputs;
  g_autofree NnShape *shapes = g_new0(NnShape, n_inputs + 1);
  choose_shapes(model, program, variant->size_px, shapes);
  g_autoptr(NnPlan) plan = nn_plan_new(program, shapes, (int)n_inputs, &error);
  if (plan == NULL)
    fuzz_check_error(&error);
  else if (is_cheap(plan))
    run_plan(plan, context, variant);
}

/* ---- which layers ---- */

/* (transfer container): names of what nodes make */
static GPtrArray *
find_layers(const NnGraph *graph)
{
  GPtrArray *names = g_ptr_array_new();
  for (size_t i = 0; i < graph->n_nodes; i++)
    for (int o = 0; o < graph->nodes[i].n_outputs; o++) {
      NnValueId id = graph->nodes[i].outputs[o];
      if (id != NN_NO_VALUE && *graph->values[id].name != '\0')
        g_ptr_array_add(names, graph->values[id].name);
    }
  return names;
}

static void
run_layers(NnModel *model, NnContext *context, GPtrArray *layers)
{
  static const Variant last = {{.gradient = true}, 9, false};
  static const Variant middle = {{.gradient = true, .head = NN_HEAD_RESIZED}, 6, true};
  static const Variant many = {{.gradient = false}, 4, false};
  const char *const *names = (const char *const *)layers->pdata;
  const char *targets[MAX_TARGETS];
  int n_targets = (int)MIN(layers->len, MAX_TARGETS);
  for (int t = 0; t < n_targets; t++)
    targets[t] = names[((guint)t + 1) * layers->len / (guint)n_targets - 1];
  run(model, context, &names[layers->len - 1], 1, &last);
  run(model, context, &names[layers->len / 2], 1, &middle);
  run(model, context, targets, n_targets, &many);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
  g_autoptr(NnModel) model = nn_model_open_bytes(bytes, &error);
  if (model == NULL) {
    fuzz_check_error(&error);
    return;
  }
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(GPtrArray) layers = find_layers(nn_model_graph(model));
  if (layers->len > 0)
    run_layers(model, context, layers);
}
