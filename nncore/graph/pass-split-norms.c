/* SPDX-License-Identifier: GPL-3.0-or-later */
/* InstanceNormalization in terms of sums over space and what is done place by place, so that the
 * parts of a picture can be worked on one after the other (plan/stages.h):
 *
 *   m, r = moments x,  y = ((x - m) r) scale + shift
 */
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/graph/passes.h"
#include "nncore/ops/grouped.h"

/* of as many pictures as go in; what a network has stacked is no map anyway and stays in one piece */
static bool
is_instance_norm(const NnGraph *graph, const NnNode *node)
{
  if (node->op != nn_op_find("InstanceNormalization") || node->inputs[NN_NORMED_X] == NN_NO_VALUE)
    return false;
  for (int i = NN_NORMED_SCALE; i <= NN_NORMED_SHIFT; i++)
    if (node->inputs[i] == NN_NO_VALUE || graph->values[node->inputs[i]].constant == NULL)
      return false;
  const NnShape *shape = &graph->values[node->inputs[NN_NORMED_X]].type.shape;
  const NnShape *input = &graph->values[graph->inputs[0]].type.shape;
  return shape->rank == 4 && input->rank > 0 && shape->dim[0] == input->dim[0];
}

/* (transfer full) @elements as 1 x C x 1 x 1 */
static NnValueId
add_channels(NnGraph *graph, const float *elements, int64_t count, GError **error)
{
  NnTensor *tensor = nn_tensor_new(NN_DTYPE_FLOAT, &NN_SHAPE(1, count, 1, 1), error);
  if (tensor == NULL)
    return NN_NO_VALUE;
  memcpy(tensor->f, elements, (size_t)count * sizeof(float));
  tensor->layout = NN_LAYOUT_CHANNELS_LAST;
  return nn_graph_add_constant(graph, tensor, error);
}

/* appends a node; its outputs are channels-last */
static NnNode *
append(NnGraph *graph, const NnOp *op, const NnNode *norm, const NnValueId *inputs, int n_inputs,
       const NnValueId *outputs, int n_outputs, GError **error)
{
  NnAttributes none = {0};
  NnNode *node = nn_graph_add_node(graph, op, norm->name, n_inputs, n_outputs, error);
  if (node == NULL || (op->parse != NULL && !op->parse(&none, node->params, error)))
    return NULL;
  memcpy(node->inputs, inputs, (size_t)n_inputs * sizeof *inputs);
  memcpy(node->outputs, outputs, (size_t)n_outputs * sizeof *outputs);
  for (int o = 0; o < n_outputs; o++)
    graph->values[outputs[o]].layout = NN_LAYOUT_CHANNELS_LAST;
  return node;
}

/* values that the parts need: those of N_NEW without an element */
enum { MEAN, INVERSE, DISTANCE, NORMED, SCALED, N_NEW, SCALE = N_NEW, SHIFT, N_VALUES };

static bool
add_values(NnGraph *graph, const NnNode *norm, NnValueId *ids, GError **error)
{
  const NnTensor *scale = graph->values[norm->inputs[NN_NORMED_SCALE]].constant;
  const NnTensor *shift = graph->values[norm->inputs[NN_NORMED_SHIFT]].constant;
  for (int i = 0; i < N_NEW; i++) {
    ids[i] = nn_graph_add_value(graph, "", error);
    if (ids[i] == NN_NO_VALUE)
      return false;
  }
  ids[SCALE] = add_channels(graph, scale->f, nn_shape_count(&scale->shape), error);
  if (ids[SCALE] != NN_NO_VALUE)
    ids[SHIFT] = add_channels(graph, shift->f, nn_shape_count(&shift->shape), error);
  return ids[SCALE] != NN_NO_VALUE && ids[SHIFT] != NN_NO_VALUE;
}

static bool
append_split(NnGraph *graph, const NnNode *norm, GError **error)
{
  const NnOp *sub = nn_op_find("Sub"), *mul = nn_op_find("Mul"), *add = nn_op_find("Add");
  NnValueId x = norm->inputs[NN_NORMED_X], v[N_VALUES];
  if (!add_values(graph, norm, v, error))
    return false;
  NnNode *moments = append(graph, &nn_op_moments, norm, &x, 1, &v[MEAN], 2, error);
  if (moments == NULL)
    return false;
  ((NnMomentsParams *)moments->params)->epsilon = ((const NnGrouped *)norm->params)->epsilon;
  const struct {
    const NnOp *op;
    NnValueId inputs[2], output;
  } steps[] = {
      {sub, {x, v[MEAN]}, v[DISTANCE]},
      {mul, {v[DISTANCE], v[INVERSE]}, v[NORMED]},
      {mul, {v[NORMED], v[SCALE]}, v[SCALED]},
      {add, {v[SCALED], v[SHIFT]}, norm->outputs[0]},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
    if (append(graph, steps[i].op, norm, steps[i].inputs, 2, &steps[i].output, 1, error) == NULL)
      return false;
  return true;
}

bool
nn_pass_split_norms(NnGraph *graph, GError **error)
{
  NnNode *nodes = graph->nodes;
  size_t n_nodes = graph->n_nodes, i = 0;
  graph->nodes = NULL;
  graph->n_nodes = graph->nodes_capacity = 0;
  bool ok = true;
  for (; ok && i < n_nodes; i++) {
    if (is_instance_norm(graph, &nodes[i])) {
      ok = append_split(graph, &nodes[i], error);
      nn_node_clear(&nodes[i]);
    } else if (nn_grow(&graph->nodes, &graph->nodes_capacity, graph->n_nodes + 1, sizeof(NnNode),
                       error)) {
      graph->nodes[graph->n_nodes++] = nodes[i];
    } else {
      nn_node_clear(&nodes[i]);
      ok = false;
    }
  }
  for (; i < n_nodes; i++)
    nn_node_clear(&nodes[i]);
  nn_free(nodes);
  nn_graph_set_producers(graph);
  return ok;
}
