/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A copy of the graph, pruned to what the weights are made from, and folded. */
#include "nncore/analysis/filters.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/graph/passes.h"
#include "nncore/ops/conv-taps.h"

enum { DATA, WEIGHTS };

static bool
is_convolution(const NnNode *node)
{
  return strcmp(node->op->onnx_name, "Conv") == 0 && node->n_inputs > WEIGHTS &&
         node->inputs[WEIGHTS] != NN_NO_VALUE && node->outputs[0] != NN_NO_VALUE;
}

static const NnNode *
first_convolution(const NnGraph *graph)
{
  for (size_t i = 0; i < graph->n_nodes; i++)
    if (is_convolution(&graph->nodes[i]))
      return &graph->nodes[i];
  return NULL;
}

/* a graph has no cycles, so that the way ends */
static const NnNode *
convolution_before(const NnGraph *graph, NnValueId layer)
{
  while (layer != NN_NO_VALUE && graph->values[layer].producer >= 0) {
    const NnNode *node = &graph->nodes[graph->values[layer].producer];
    if (is_convolution(node))
      return node;
    layer = node->n_inputs > 0 ? node->inputs[0] : NN_NO_VALUE;
  }
  return NULL;
}

static const NnNode *
find_convolution(const NnGraph *graph, NnValueId layer, GError **error)
{
  const NnNode *first = first_convolution(graph);
  const NnNode *found = layer == NN_NO_VALUE ? first : convolution_before(graph, layer);
  if (found != NULL)
    return found;
  if (first == NULL)
    g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                        _("This network has no convolutions, and so no filters. Choose another "
                          "network."));
  else
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The layer %s is not made by a convolution. Choose one that is, %s for example."),
                graph->values[layer].name, graph->values[first->outputs[0]].name);
  return NULL;
}

/* (transfer full): @value's elements, computed where other constants make it */
static NnTensor *
read_constant(const NnModel *model, NnContext *context, NnValueId value, GError **error)
{
  const NnValue *stored = &nn_model_graph(model)->values[value];
  if (stored->is_constant)
    return nn_model_load_constant(model, value, error);
  g_autoptr(NnGraph) graph = nn_graph_copy(nn_model_graph(model), error);
  if (graph == NULL || !nn_pass_prune(graph, &value, 1, error) ||
      !nn_model_load_constants(model, graph, error) ||
      !nn_pass_fold_constants(graph, context, error))
    return NULL;
  if (graph->values[value].constant != NULL)
    return nn_tensor_ref(graph->values[value].constant);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The weights “%s” are made from the picture itself. Choose another layer."),
              stored->name);
  return NULL;
}

bool
nn_filters_read(const NnModel *model, NnContext *context, NnValueId layer, NnFilterBank *filters,
                GError **error)
{
  const NnGraph *graph = nn_model_graph(model);
  const NnNode *node = find_convolution(graph, layer, error);
  *filters = (NnFilterBank){0};
  if (node == NULL)
    return false;
  filters->layer = node->outputs[0];
  filters->groups = ((const NnConvParams *)node->params)->groups;
  filters->weights = read_constant(model, context, node->inputs[WEIGHTS], error);
  if (filters->weights == NULL)
    return false;
  const NnShape *shape = &filters->weights->shape;
  if (shape->rank == 4 && filters->weights->dtype == NN_DTYPE_FLOAT && nn_shape_count(shape) > 0)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The convolution %s does not look at pictures. Choose another one."),
              graph->values[filters->layer].name);
  nn_filters_clear(filters);
  return false;
}

void
nn_filters_clear(NnFilterBank *filters)
{
  g_clear_pointer(&filters->weights, nn_tensor_unref);
}
