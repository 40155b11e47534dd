/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Constant folding: nodes that depend on constants alone run once, here. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/graph/evaluate.h"
#include "nncore/graph/passes.h"

#define MOST_ELEMENTS (INT64_C(1) << 29) /* together: a small file may ask for any number */

/* of what a node makes, whose shapes are known */
static int64_t
count_made(const NnGraph *graph, const NnNode *node)
{
  int64_t count = 0;
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE)
      count += nn_shape_count(&graph->values[node->outputs[o]].type.shape);
  return count;
}

/* @made: (inout): elements of all that was folded */
static bool
fold_node(NnGraph *graph, const NnNode *node, NnContext *context, int64_t *made, GError **error)
{
  if (!nn_node_infer(graph, node, error))
    return false;
  *made += MIN(count_made(graph, node), MOST_ELEMENTS + 1);
  if (*made > MOST_ELEMENTS) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("What this network makes of its constants is too large."));
    return false;
  }
  NnTensor **outputs = nn_alloc0((size_t)node->n_outputs, sizeof *outputs, error);
  bool ok = outputs != NULL && nn_node_evaluate(graph, node, context, outputs, error);
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
  int64_t made = 0;
  for (size_t i = 0; ok && i < graph->n_nodes; i++) {
    removed[i] = nn_node_is_evaluable(graph, &graph->nodes[i], false);
    ok = !removed[i] || fold_node(graph, &graph->nodes[i], context, &made, error);
  }
  if (ok)
    nn_graph_remove_nodes(graph, removed);
  nn_free(removed);
  return ok;
}
