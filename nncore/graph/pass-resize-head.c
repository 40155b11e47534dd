/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resizing for heads of one size: a Resize of the picture, and behind it a copy of every node that
 * the targets in heads need. What of the original they alone needed is pruned; where other targets
 * need it, the convolutions run twice, at both sizes. */
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/graph/passes.h"

enum { X, ROI, SCALES, SIZES, N_INPUTS };

/* linear, with a wider filter when it shrinks; axes H and W; nothing comes in from outside */
static bool
set_resize_params(const NnOp *resize, void *params, GError **error)
{
  int64_t axes[] = {2, 3};
  NnAttribute items[] = {
      {.name = (char *)"mode", .kind = NN_ATTRIBUTE_STRING, .s = (char *)"linear"},
      {.name = (char *)"antialias", .kind = NN_ATTRIBUTE_INT, .i = 1},
      {.name = (char *)"exclude_outside", .kind = NN_ATTRIBUTE_INT, .i = 1},
      {.name = (char *)"axes", .kind = NN_ATTRIBUTE_INTS, .ints = axes, .count = 2},
  };
  NnAttributes attributes = {items, G_N_ELEMENTS(items)};
  return resize->parse(&attributes, params, error);
}

static NnValueId
add_sizes(NnGraph *graph, int64_t height, int64_t width, GError **error)
{
  NnTensor *sizes = nn_tensor_new(NN_DTYPE_INT64, &NN_SHAPE(2), error);
  NnValueId id = sizes != NULL ? nn_graph_add_value(graph, "", error) : NN_NO_VALUE;
  if (id == NN_NO_VALUE) {
    nn_tensor_unref(sizes);
    return id;
  }
  sizes->i[0] = height;
  sizes->i[1] = width;
  NnValue *value = &graph->values[id];
  value->is_constant = true;
  value->constant = sizes;
  value->type = (NnType){sizes->shape, sizes->dtype, true};
  return id;
}

/* the picture resized, or NN_NO_VALUE */
static NnValueId
add_resize(NnGraph *graph, int64_t height, int64_t width, GError **error)
{
  const NnOp *resize = nn_op_find("Resize");
  NnValueId picture = graph->inputs[0], sizes = add_sizes(graph, height, width, error);
  NnValueId resized = sizes != NN_NO_VALUE ? nn_graph_add_value(graph, "", error) : NN_NO_VALUE;
  NnNode *node = NULL;
  if (resized != NN_NO_VALUE)
    node = nn_graph_add_node(graph, resize, graph->values[picture].name, N_INPUTS, 1, error);
  if (node == NULL || !set_resize_params(resize, node->params, error))
    return NN_NO_VALUE;
  node->inputs[X] = picture;
  node->inputs[SIZES] = sizes;
  node->outputs[0] = resized;
  return resized;
}

/* @twin: by value: what stands for it behind the resized picture, or NN_NO_VALUE where it does not
 * depend on the picture */
static bool
copy_node(NnGraph *graph, size_t index, NnValueId *twin, GError **error)
{
  const NnNode *node = &graph->nodes[index];
  NnNode *copy =
      nn_graph_add_node(graph, node->op, node->name, node->n_inputs, node->n_outputs, error);
  if (copy == NULL)
    return false;
  node = &graph->nodes[index]; /* the array may have moved */
  memcpy(copy->params, node->params, node->op->params_bytes);
  copy->activation = node->activation;
  for (int k = 0; k < node->n_inputs; k++) {
    NnValueId id = node->inputs[k];
    copy->inputs[k] = id != NN_NO_VALUE && twin[id] != NN_NO_VALUE ? twin[id] : id;
  }
  for (int o = 0; o < node->n_outputs; o++) {
    NnValueId id = node->outputs[o];
    if (id == NN_NO_VALUE)
      continue;
    copy->outputs[o] = twin[id] = nn_graph_add_value(graph, "", error);
    if (twin[id] == NN_NO_VALUE)
      return false;
  }
  return true;
}

static bool
depends(const NnNode *node, const NnValueId *twin)
{
  for (int k = 0; k < node->n_inputs; k++)
    if (node->inputs[k] != NN_NO_VALUE && twin[node->inputs[k]] != NN_NO_VALUE)
      return true;
  return false;
}

/* copies all that depends on the picture; what no target needs is pruned afterwards */
static bool
copy_behind(NnGraph *graph, NnValueId resized, NnValueId *twin, GError **error)
{
  size_t n_nodes = graph->n_nodes - 1; /* without the Resize */
  twin[graph->inputs[0]] = resized;
  for (size_t i = 0; i < n_nodes; i++)
    if (depends(&graph->nodes[i], twin) && !copy_node(graph, i, twin, error))
      return false;
  nn_graph_set_producers(graph);
  return true;
}

static bool
any_inside(const NnValueId *targets, int n_targets, const NnHeads *heads)
{
  for (int t = 0; t < n_targets; t++)
    if (heads->inside[targets[t]])
      return true;
  return false;
}

bool
nn_pass_resize_heads(NnGraph *graph, NnValueId *targets, int n_targets, const NnHeads *heads,
                     int64_t height, int64_t width, GError **error)
{
  if (!any_inside(targets, n_targets, heads))
    return true;
  size_t n_values = graph->n_values;
  NnValueId *twin = nn_alloc(n_values, sizeof *twin, error);
  for (size_t v = 0; twin != NULL && v < n_values; v++)
    twin[v] = NN_NO_VALUE;
  NnValueId resized = twin != NULL ? add_resize(graph, height, width, error) : NN_NO_VALUE;
  bool ok = resized != NN_NO_VALUE && copy_behind(graph, resized, twin, error);
  for (int t = 0; ok && t < n_targets; t++)
    if (heads->inside[targets[t]])
      targets[t] = twin[targets[t]];
  nn_free(twin);
  return ok && nn_pass_prune(graph, targets, n_targets, error);
}
