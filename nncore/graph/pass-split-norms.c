/* SPDX-License-Identifier: GPL-3.0-or-later */
/* InstanceNormalization in terms of means over space and what is done place by place, so that the
 * parts of a picture can be worked on one after the other (plan/stages.h):
 *
 *   m = mean x,  d = x - m,  v = mean d^2,  y = d (scale / sqrt (v + epsilon)) + shift
 */
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/graph/passes.h"
#include "nncore/ops/grouped.h"

static bool
is_instance_norm(const NnGraph *graph, const NnNode *node)
{
  if (node->op != nn_op_find("InstanceNormalization") || node->inputs[NN_NORMED_X] == NN_NO_VALUE)
    return false;
  for (int i = NN_NORMED_SCALE; i <= NN_NORMED_SHIFT; i++)
    if (node->inputs[i] == NN_NO_VALUE || graph->values[node->inputs[i]].constant == NULL)
      return false;
  return graph->values[node->inputs[NN_NORMED_X]].type.shape.rank == 4;
}

/* (transfer full) @elements as 1 x C x 1 x 1 */
static NnValueId
add_constant(NnGraph *graph, const float *elements, int64_t count, GError **error)
{
  NnTensor *tensor = nn_tensor_new(NN_DTYPE_FLOAT, &NN_SHAPE(1, count, 1, 1), error);
  NnValueId id = tensor != NULL ? nn_graph_add_value(graph, "", error) : NN_NO_VALUE;
  if (id == NN_NO_VALUE) {
    nn_tensor_unref(tensor);
    return id;
  }
  memcpy(tensor->f, elements, (size_t)count * sizeof(float));
  tensor->layout = NN_LAYOUT_CHANNELS_LAST;
  NnValue *value = &graph->values[id];
  value->is_constant = true;
  value->constant = tensor;
  value->layout = tensor->layout;
  value->type = (NnType){tensor->shape, NN_DTYPE_FLOAT, true};
  return id;
}

/* appends @op of one or two inputs; @output: NN_NO_VALUE for a new value. Returns its output;
 * NN_NO_VALUE on error, also where an input already is. */
static NnValueId
append(NnGraph *graph, const char *op, const char *name, NnValueId a, NnValueId b, int n_inputs,
       NnValueId output, GError **error)
{
  if (a == NN_NO_VALUE || (n_inputs > 1 && b == NN_NO_VALUE))
    return NN_NO_VALUE;
  if (output == NN_NO_VALUE)
    output = nn_graph_add_value(graph, "", error);
  if (output == NN_NO_VALUE)
    return output;
  graph->values[output].layout = NN_LAYOUT_CHANNELS_LAST;
  NnNode *node = nn_graph_add_node(graph, nn_op_find(op), name, n_inputs, 1, error);
  NnAttributes none = {0};
  if (node == NULL || (node->op->parse != NULL && !node->op->parse(&none, node->params, error)))
    return NN_NO_VALUE;
  node->inputs[0] = a;
  if (n_inputs > 1)
    node->inputs[1] = b;
  node->outputs[0] = output;
  return output;
}

static bool
append_split(NnGraph *graph, const NnNode *norm, GError **error)
{
  const NnGrouped *params = norm->params;
  const NnTensor *scale = graph->values[norm->inputs[NN_NORMED_SCALE]].constant;
  const NnTensor *shift = graph->values[norm->inputs[NN_NORMED_SHIFT]].constant;
  NnValueId x = norm->inputs[NN_NORMED_X];
  NnValueId factor = add_constant(graph, scale->f, nn_shape_count(&scale->shape), error);
  NnValueId offset = factor == NN_NO_VALUE
                         ? factor
                         : add_constant(graph, shift->f, nn_shape_count(&shift->shape), error);
  NnValueId epsilon =
      offset == NN_NO_VALUE ? offset : add_constant(graph, &params->epsilon, 1, error);
  if (epsilon == NN_NO_VALUE)
    return false;
#define APPEND(op, a, b, n) append(graph, op, norm->name, a, b, n, NN_NO_VALUE, error)
  NnValueId mean = APPEND("GlobalAveragePool", x, NN_NO_VALUE, 1);
  NnValueId distance = APPEND("Sub", x, mean, 2);
  NnValueId square = APPEND("Mul", distance, distance, 2);
  NnValueId variance = APPEND("GlobalAveragePool", square, NN_NO_VALUE, 1);
  NnValueId sum = APPEND("Add", variance, epsilon, 2);
  NnValueId deviation = APPEND("Sqrt", sum, NN_NO_VALUE, 1);
  NnValueId quotient = APPEND("Div", factor, deviation, 2);
  NnValueId scaled = APPEND("Mul", distance, quotient, 2);
#undef APPEND
  return append(graph, "Add", norm->name, scaled, offset, 2, norm->outputs[0], error) !=
         NN_NO_VALUE;
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
