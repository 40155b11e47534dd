/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Constant folding: nodes that depend on constants alone run once, here. */
#include "nncore/base/memory.h"
#include "nncore/graph/evaluate.h"
#include "nncore/graph/passes.h"

static bool
fold_node(NnGraph *graph, const NnNode *node, NnContext *context, GError **error)
{
  NnTensor **outputs = nn_alloc0((size_t)node->n_outputs, sizeof *outputs, error);
  bool ok = outputs != NULL && nn_node_infer(graph, node, error) &&
            nn_node_evaluate(graph, node, context, outputs, error);
  for (int o = 0; ok && o < node->n_outputs; o++) {
    if (node->outputs[o] == NN_NO_VALUE)
      continue;
    NnValue *value = &graph->values[node->outputs[o]];
    nn_tensor_unref(value->constant);
    value->constant = outputs[o];
    value->is_constant = true;
  }
  nn_free(outputs);
  return ok;
}

bool
nn_pass_fold_constants(NnGraph *graph, NnContext *context, GError **error)
{
  bool *removed = nn_alloc0(graph->n_nodes, sizeof *removed, error);
  bool ok = removed != NULL;
  for (size_t i = 0; ok && i < graph->n_nodes; i++) {
    removed[i] = nn_node_is_evaluable(graph, &graph->nodes[i], false);
    ok = !removed[i] || fold_node(graph, &graph->nodes[i], context, error);
  }
  if (ok)
    nn_graph_remove_nodes(graph, removed);
  nn_free(removed);
  return ok;
}
