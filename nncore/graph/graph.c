/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graph's own housekeeping: making, copying, finding, removing. */
#include "nncore/graph/graph.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"

NnGraph *
nn_graph_new(GError **error)
{
  return nn_alloc0(1, sizeof(NnGraph), error);
}

void
nn_node_clear(NnNode *node)
{
  nn_free(node->name);
  nn_free(node->inputs);
  nn_free(node->outputs);
  nn_free(node->params);
}

void
nn_graph_free(NnGraph *graph)
{
  if (graph == NULL)
    return;
  for (size_t i = 0; i < graph->n_values; i++) {
    nn_free(graph->values[i].name);
    nn_tensor_unref(graph->values[i].constant);
    nn_tensor_unref(graph->values[i].known);
  }
  for (size_t i = 0; i < graph->n_nodes; i++)
    nn_node_clear(&graph->nodes[i]);
  nn_free(graph->values);
  nn_free(graph->nodes);
  nn_free(graph->inputs);
  nn_free(graph->outputs);
  nn_free(graph);
}

NnValueId
nn_graph_add_value(NnGraph *graph, const char *name, GError **error)
{
  if (graph->n_values >= G_MAXINT) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                        _("The network has too many tensors."));
    return NN_NO_VALUE;
  }
  char *copy = nn_strndup(name, strlen(name), error);
  if (copy == NULL)
    return NN_NO_VALUE;
  if (!nn_grow(&graph->values, &graph->values_capacity, graph->n_values + 1, sizeof(NnValue),
               error)) {
    nn_free(copy);
    return NN_NO_VALUE;
  }
  NnValueId id = (NnValueId)graph->n_values++;
  graph->values[id] = (NnValue){.name = copy, .producer = -1};
  return id;
}

static NnValueId *
new_ids(int count, GError **error)
{
  NnValueId *ids = nn_alloc((size_t)count, sizeof *ids, error);
  for (int i = 0; ids != NULL && i < count; i++)
    ids[i] = NN_NO_VALUE;
  return ids;
}

NnValueId
nn_graph_add_constant(NnGraph *graph, NnTensor *tensor, GError **error)
{
  NnValueId id = nn_graph_add_value(graph, "", error);
  if (id == NN_NO_VALUE) {
    nn_tensor_unref(tensor);
    return id;
  }
  NnValue *value = &graph->values[id];
  value->is_constant = true;
  value->constant = tensor;
  value->layout = tensor->layout;
  value->type = (NnType){tensor->shape, tensor->dtype, true};
  return id;
}

NnNode *
nn_graph_add_node(NnGraph *graph, const NnOp *op, const char *name, int n_inputs, int n_outputs,
                  GError **error)
{
  if (!nn_grow(&graph->nodes, &graph->nodes_capacity, graph->n_nodes + 1, sizeof(NnNode), error))
    return NULL;
  NnNode *node = &graph->nodes[graph->n_nodes];
  *node = (NnNode){.op = op, .n_inputs = n_inputs, .n_outputs = n_outputs};
  node->name = nn_strndup(name, strlen(name), error);
  node->inputs = node->name != NULL ? new_ids(n_inputs, error) : NULL;
  node->outputs = node->inputs != NULL ? new_ids(n_outputs, error) : NULL;
  node->params = node->outputs != NULL ? nn_alloc0(1, op->params_bytes, error) : NULL;
  if (node->params == NULL) {
    nn_node_clear(node);
    return NULL;
  }
  graph->n_nodes++;
  return node;
}

static bool
copy_values(const NnGraph *graph, NnGraph *copy, GError **error)
{
  for (size_t i = 0; i < graph->n_values; i++) {
    const NnValue *value = &graph->values[i];
    NnValueId id = nn_graph_add_value(copy, value->name, error);
    if (id == NN_NO_VALUE)
      return false;
    char *name = copy->values[id].name;
    copy->values[id] = *value;
    copy->values[id].name = name;
    copy->values[id].known = NULL;
    if (value->constant != NULL)
      nn_tensor_ref(value->constant);
  }
  return true;
}

static bool
copy_nodes(const NnGraph *graph, NnGraph *copy, GError **error)
{
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    NnNode *twin =
        nn_graph_add_node(copy, node->op, node->name, node->n_inputs, node->n_outputs, error);
    if (twin == NULL)
      return false;
    memcpy(twin->inputs, node->inputs, (size_t)node->n_inputs * sizeof *node->inputs);
    memcpy(twin->outputs, node->outputs, (size_t)node->n_outputs * sizeof *node->outputs);
    memcpy(twin->params, node->params, node->op->params_bytes);
    twin->activation = node->activation;
  }
  return true;
}

static bool
copy_ids(const NnValueId *ids, size_t count, NnValueId **copy, size_t *n_copy, size_t *capacity,
         GError **error)
{
  if (!nn_grow(copy, capacity, count, sizeof **copy, error))
    return false;
  if (count > 0)
    memcpy(*copy, ids, count * sizeof *ids);
  *n_copy = count;
  return true;
}

NnGraph *
nn_graph_copy(const NnGraph *graph, GError **error)
{
  g_autoptr(NnGraph) copy = nn_graph_new(error);
  if (copy == NULL || !copy_values(graph, copy, error) || !copy_nodes(graph, copy, error) ||
      !copy_ids(graph->inputs, graph->n_inputs, &copy->inputs, &copy->n_inputs,
                &copy->inputs_capacity, error) ||
      !copy_ids(graph->outputs, graph->n_outputs, &copy->outputs, &copy->n_outputs,
                &copy->outputs_capacity, error))
    return NULL;
  return g_steal_pointer(&copy);
}

NnValueId
nn_graph_find(const NnGraph *graph, const char *name)
{
  for (size_t i = 0; i < graph->n_values; i++)
    if (strcmp(graph->values[i].name, name) == 0)
      return (NnValueId)i;
  return NN_NO_VALUE;
}

void
nn_graph_forget_known(NnGraph *graph)
{
  for (size_t i = 0; i < graph->n_values; i++)
    g_clear_pointer(&graph->values[i].known, nn_tensor_unref);
}

void
nn_graph_set_producers(NnGraph *graph)
{
  for (size_t i = 0; i < graph->n_values; i++)
    graph->values[i].producer = -1;
  for (size_t i = 0; i < graph->n_nodes; i++)
    for (int o = 0; o < graph->nodes[i].n_outputs; o++)
      if (graph->nodes[i].outputs[o] != NN_NO_VALUE)
        graph->values[graph->nodes[i].outputs[o]].producer = (int)i;
}

void
nn_graph_take_output(NnGraph *graph, NnNode *node, const NnNode *from)
{
  node->outputs[0] = from->outputs[0];
  graph->values[node->outputs[0]].producer = (int)(node - graph->nodes);
}

void
nn_graph_remove_nodes(NnGraph *graph, const bool *removed)
{
  size_t kept = 0;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    if (removed[i])
      nn_node_clear(&graph->nodes[i]);
    else
      graph->nodes[kept++] = graph->nodes[i];
  }
  graph->n_nodes = kept;
  nn_graph_set_producers(graph);
}

bool
nn_node_prefix_error(const NnNode *node, GError **error)
{
  /* translators: a layer's name and its operator, before what is wrong with it */
  g_prefix_error(error, _("Layer “%s” (%s): "), node->name, node->op->onnx_name);
  return false;
}
