/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pooling for heads of one size: an adaptive average pool between the map and the head's first
 * layer, or in place of an AveragePool over all of the map. */
#include "nncore/base/memory.h"
#include "nncore/graph/passes.h"
#include "nncore/ops/adaptive-average-pool.h"

static bool
replace_pool(NnNode *node, const NnAdaptivePoolParams *size, GError **error)
{
  NnAdaptivePoolParams *params = nn_alloc(1, sizeof *params, error);
  if (params == NULL)
    return false;
  *params = *size;
  nn_free(node->params);
  node->params = params;
  node->op = &nn_op_adaptive_average_pool;
  return true;
}

/* moves the node that was added last to @index */
static void
move_last_node(NnGraph *graph, size_t index)
{
  NnNode node = graph->nodes[graph->n_nodes - 1];
  for (size_t i = graph->n_nodes - 1; i > index; i--)
    graph->nodes[i] = graph->nodes[i - 1];
  graph->nodes[index] = node;
  nn_graph_set_producers(graph);
}

static bool
is_only_reader(const NnGraph *graph, NnValueId value, size_t reader)
{
  for (size_t i = 0; i < graph->n_nodes; i++)
    for (int k = 0; i != reader && k < graph->nodes[i].n_inputs; k++)
      if (graph->nodes[i].inputs[k] == value && !graph->nodes[i].op->reads_shapes_only)
        return false;
  return true;
}

/* Where nobody else reads the map, what is computed from its shape is about the head too: the
 * product to which it is flattened, say. */
static void
connect(NnGraph *graph, const NnHeadStart *start, NnValueId map, NnValueId pooled)
{
  bool alone = is_only_reader(graph, map, start->node);
  for (size_t i = 0; alone && i < graph->n_nodes; i++)
    for (int k = 0; graph->nodes[i].op->reads_shapes_only && k < graph->nodes[i].n_inputs; k++)
      if (graph->nodes[i].inputs[k] == map)
        graph->nodes[i].inputs[k] = pooled;
  graph->nodes[start->node].inputs[start->input] = pooled;
}

static bool
insert_pool(NnGraph *graph, NnHeads *heads, size_t index, const NnAdaptivePoolParams *size,
            GError **error)
{
  NnHeadStart *start = &heads->starts[index];
  NnValueId map = graph->nodes[start->node].inputs[start->input];
  NnValueId pooled = nn_graph_add_value(graph, "", error);
  if (pooled == NN_NO_VALUE)
    return false;
  connect(graph, start, map, pooled);
  NnNode *node =
      nn_graph_add_node(graph, &nn_op_adaptive_average_pool, graph->values[map].name, 1, 1, error);
  if (node == NULL)
    return false;
  node->inputs[0] = map;
  node->outputs[0] = pooled;
  *(NnAdaptivePoolParams *)node->params = *size;
  size_t place = (size_t)(graph->values[map].producer + 1);
  move_last_node(graph, place);
  for (size_t i = 0; i < heads->n_starts; i++)
    heads->starts[i].node += heads->starts[i].node >= place;
  return true;
}

bool
nn_pass_pool_heads(NnGraph *graph, NnHeads *heads, bool only_never_fitting, GError **error)
{
  bool ok = true;
  for (size_t i = 0; ok && i < heads->n_starts; i++) {
    const NnHeadStart *start = &heads->starts[i];
    NnAdaptivePoolParams size = {start->height, start->width};
    if (start->input < 0 || (only_never_fitting && !start->never_fits))
      continue;
    ok = start->is_mean ? replace_pool(&graph->nodes[start->node], &size, error)
                        : insert_pool(graph, heads, i, &size, error);
  }
  return ok;
}
