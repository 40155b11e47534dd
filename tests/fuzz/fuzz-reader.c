/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an .onnx file: opened, its graph walked, every weight read. Nothing is run. */
#include "nncore/onnx/model.h"
#include "tests/fuzz/fuzz.h"

static void
check_node(const NnGraph *graph, const NnNode *node)
{
  g_assert_nonnull(node->op);
  g_assert_nonnull(node->name);
  g_assert_cmpint(node->n_inputs, <=, NN_MAX_INPUTS);
  for (int k = 0; k < node->n_inputs; k++)
    g_assert_true(node->inputs[k] == NN_NO_VALUE ||
                  (node->inputs[k] >= 0 && (size_t)node->inputs[k] < graph->n_values));
  for (int o = 0; o < node->n_outputs; o++)
    g_assert_true(node->outputs[o] == NN_NO_VALUE ||
                  (node->outputs[o] >= 0 && (size_t)node->outputs[o] < graph->n_values));
}

static void
load_weights(const NnModel *model)
{
  const NnGraph *graph = nn_model_graph(model);
  for (size_t v = 0; v < graph->n_values; v++) {
    if (!graph->values[v].is_constant)
      continue;
    g_autoptr(GError) error = NULL;
    g_autoptr(NnTensor) tensor = nn_model_load_constant(model, (NnValueId)v, &error);
    if (tensor == NULL)
      fuzz_check_error(&error);
    else
      g_assert_true(nn_shape_check(&tensor->shape, NULL));
  }
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
  const NnGraph *graph = nn_model_graph(model);
  for (size_t i = 0; i < graph->n_nodes; i++)
    check_node(graph, &graph->nodes[i]);
  load_weights(model);
}
