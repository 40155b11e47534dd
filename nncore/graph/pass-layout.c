/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Choosing memory orders: a walk in running order that gives every value an order, puts an
 * nn_op_layout node where a reader wants the other one (once for each value), and permutes
 * constants on the spot. */
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/graph/passes.h"

typedef struct {
  NnGraph *graph;
  NnNode *old_nodes; /* moved one by one into graph->nodes */
  size_t n_old;
  NnValueId *twin; /* by value: the same in the other order, or NN_NO_VALUE */
  size_t n_twins;
} Pass;

static bool
has_pictures_rank(int rank)
{
  return rank >= 3 && rank <= 5;
}

static NnValueId
add_twin(Pass *pass, NnValueId of, const NnLayoutParams *params, GError **error)
{
  NnGraph *graph = pass->graph;
  NnValueId twin = nn_graph_add_value(graph, "", error);
  if (twin == NN_NO_VALUE)
    return twin;
  const NnValue *value = &graph->values[of];
  NnType type = value->type;
  type.shape = nn_layout_raise(&value->type.shape, params->rank);
  graph->values[twin].type = type;
  graph->values[twin].layout = params->layout;
  return twin;
}

static NnValueId
convert_constant(Pass *pass, NnValueId id, const NnLayoutParams *params, GError **error)
{
  NnValueId twin = add_twin(pass, id, params, error);
  if (twin == NN_NO_VALUE)
    return twin;
  NnValue *value = &pass->graph->values[twin];
  const NnTensor *from = pass->graph->values[id].constant;
  NnTensor *to = nn_tensor_new(from->dtype, &value->type.shape, error);
  if (to == NULL)
    return NN_NO_VALUE;
  to->layout = params->layout;
  NnTensor raised = *from;
  raised.shape = to->shape;
  nn_tensor_copy(&raised, to);
  value->is_constant = true;
  value->constant = to;
  return twin;
}

static NnValueId
convert_activation(Pass *pass, NnValueId id, const NnLayoutParams *params, GError **error)
{
  NnValueId twin = add_twin(pass, id, params, error);
  NnNode *node = twin != NN_NO_VALUE ? nn_graph_add_node(pass->graph, &nn_op_layout,
                                                         pass->graph->values[id].name, 1, 1, error)
                                     : NULL;
  if (node == NULL)
    return NN_NO_VALUE;
  memcpy(node->params, params, sizeof *params);
  node->inputs[0] = id;
  node->outputs[0] = twin;
  return twin;
}

/* makes *@id the same value in the order and rank asked for; only plain ones can be raised */
static bool
bring(Pass *pass, NnValueId *id, NnLayout layout, int rank, GError **error)
{
  int own_rank = pass->graph->values[*id].type.shape.rank;
  bool same_rank = own_rank == rank;
  if (pass->graph->values[*id].layout == layout && (same_rank || layout == NN_LAYOUT_PLAIN))
    return true;
  if (!same_rank && !bring(pass, id, NN_LAYOUT_PLAIN, own_rank, error))
    return false;
  const NnValue *value = &pass->graph->values[*id];
  bool cached = same_rank && (size_t)*id < pass->n_twins;
  if (cached && pass->twin[*id] != NN_NO_VALUE) {
    *id = pass->twin[*id];
    return true;
  }
  NnLayoutParams params = {layout, MAX(rank, own_rank)};
  NnValueId twin = value->constant != NULL ? convert_constant(pass, *id, &params, error)
                                           : convert_activation(pass, *id, &params, error);
  if (twin == NN_NO_VALUE)
    return false;
  if (cached)
    pass->twin[*id] = twin;
  *id = twin;
  return true;
}

static bool
is_weight(const NnNode *node, int input)
{
  return input < 32 && (node->op->constant_inputs >> input & 1) != 0;
}

/* an operator that takes any order goes channels-last as soon as one full-rank input is */
static NnLayout
choose_any(const Pass *pass, const NnNode *node, int rank)
{
  if (!has_pictures_rank(rank))
    return NN_LAYOUT_PLAIN;
  for (int i = 0; i < node->n_inputs; i++) {
    if (node->inputs[i] == NN_NO_VALUE)
      continue;
    const NnValue *value = &pass->graph->values[node->inputs[i]];
    if (value->layout == NN_LAYOUT_CHANNELS_LAST && value->type.shape.rank == rank)
      return NN_LAYOUT_CHANNELS_LAST;
  }
  return NN_LAYOUT_PLAIN;
}

static int
first_output_rank(const Pass *pass, const NnNode *node)
{
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE)
      return pass->graph->values[node->outputs[o]].type.shape.rank;
  return 0;
}

static NnLayout
choose_layout(const Pass *pass, const NnNode *node)
{
  int input_rank = node->n_inputs > 0 && node->inputs[0] != NN_NO_VALUE
                       ? pass->graph->values[node->inputs[0]].type.shape.rank
                       : 0;
  switch (node->op->layout) {
  case NN_TAKES_CHANNELS_LAST:
    return has_pictures_rank(input_rank) ? NN_LAYOUT_CHANNELS_LAST : NN_LAYOUT_PLAIN;
  case NN_TAKES_ANY:
    return choose_any(pass, node, first_output_rank(pass, node));
  default:
    return NN_LAYOUT_PLAIN;
  }
}

static bool
bring_inputs(Pass *pass, NnNode *node, NnLayout layout, GError **error)
{
  int rank = first_output_rank(pass, node);
  for (int i = 0; i < node->n_inputs && !node->op->reads_shapes_only; i++) {
    if (node->inputs[i] == NN_NO_VALUE || is_weight(node, i))
      continue;
    if (node->op->layout == NN_TAKES_CHANNELS_LAST && i > 0)
      continue;
    int input_rank = pass->graph->values[node->inputs[i]].type.shape.rank;
    bool raise = node->op->layout == NN_TAKES_ANY && layout == NN_LAYOUT_CHANNELS_LAST;
    if (!bring(pass, &node->inputs[i], layout, raise ? rank : input_rank, error))
      return false;
  }
  return true;
}

static bool
place_node(Pass *pass, NnNode *node, GError **error)
{
  NnGraph *graph = pass->graph;
  NnLayout layout = choose_layout(pass, node);
  if (!bring_inputs(pass, node, layout, error) ||
      !nn_grow(&graph->nodes, &graph->nodes_capacity, graph->n_nodes + 1, sizeof *node, error))
    return false;
  for (int o = 0; o < node->n_outputs; o++) {
    if (node->outputs[o] == NN_NO_VALUE)
      continue;
    NnValue *value = &graph->values[node->outputs[o]];
    value->layout = has_pictures_rank(value->type.shape.rank) ? layout : NN_LAYOUT_PLAIN;
  }
  graph->nodes[graph->n_nodes++] = *node;
  return true;
}

bool
nn_pass_layout(NnGraph *graph, GError **error)
{
  Pass pass = {
      .graph = graph,
      .old_nodes = graph->nodes,
      .n_old = graph->n_nodes,
      .twin = nn_alloc(graph->n_values, sizeof(NnValueId), error),
      .n_twins = graph->n_values,
  };
  if (pass.twin == NULL)
    return false;
  for (size_t v = 0; v < pass.n_twins; v++)
    pass.twin[v] = NN_NO_VALUE;
  graph->nodes = NULL;
  graph->n_nodes = graph->nodes_capacity = 0;
  for (size_t i = 0; i < graph->n_inputs; i++) {
    NnValue *input = &graph->values[graph->inputs[i]];
    bool pictures = input->type.shape.rank == 4 && input->type.dtype == NN_DTYPE_FLOAT;
    input->layout = pictures ? NN_LAYOUT_CHANNELS_LAST : NN_LAYOUT_PLAIN;
  }
  size_t moved = 0;
  while (moved < pass.n_old && place_node(&pass, &pass.old_nodes[moved], error))
    moved++;
  bool ok = moved == pass.n_old;
  while (moved < pass.n_old)
    nn_node_clear(&pass.old_nodes[moved++]);
  nn_free(pass.old_nodes);
  nn_free(pass.twin);
  nn_graph_set_producers(graph);
  return ok;
}
