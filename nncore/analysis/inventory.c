/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Goes through the nodes in their order. What depends on constants alone is computed at once, as
 * folding would, where the result is small; small tensors that follow from the input's size are
 * computed too, since other shapes hang on them. Weights stay in the file, and large results (those
 * of a Cast of weights, say) are not computed: a stand-in, a tensor without elements, tells their
 * shape, which is all that shape inference asks of them. */
#include "nncore/analysis/inventory.h"

#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/graph/evaluate.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"
#include "nncore/onnx/convert.h"

#define SMALL 4096                  /* elements: read, in case that inference looks at them */
#define MAX_KNOWN (INT64_C(1) << 16) /* elements of a tensor that is worth knowing */

typedef struct {
  const NnModel *model;
  NnInventory *inventory;
  NnContext *context;
  bool *counted; /* by value: its elements are among the parameters */
} Taker;

static NnValue *
input_of(const Taker *taker, const NnNode *node, int k)
{
  NnValueId id = node->inputs[k];
  return id != NN_NO_VALUE ? &taker->inventory->graph->values[id] : NULL;
}

/* ---- constants ---- */

static bool
is_stand_in(const NnValue *value)
{
  return value->constant != NULL && value->constant->data == NULL;
}

static void
make_stand_in(NnValue *value)
{
  value->constant = nn_tensor_new_hollow(NN_DTYPE_FLOAT, &value->type.shape);
  value->type.dtype = NN_DTYPE_FLOAT;
}

/* stands in for the elements of a large constant, which are in the file */
static void
set_stand_in(NnValue *value)
{
  const NnShape *shape = &value->type.shape;
  if (value->constant != NULL || !nn_shape_check(shape, NULL) || nn_shape_count(shape) <= SMALL ||
      nn_onnx_type_size(value->stored.data_type) == 0 ||
      nn_onnx_type_dtype(value->stored.data_type) != NN_DTYPE_FLOAT)
    return; /* is read, or refused, as any other */
  make_stand_in(value);
}

static bool
load_constant(const Taker *taker, NnValueId id, GError **error)
{
  NnValue *value = &taker->inventory->graph->values[id];
  if (is_stand_in(value))
    g_clear_pointer(&value->constant, nn_tensor_unref);
  if (value->constant != NULL)
    return true;
  value->constant = nn_model_load_constant(taker->model, id, error);
  if (value->constant != NULL)
    value->type = (NnType){value->constant->shape, value->constant->dtype, true};
  return value->constant != NULL;
}

/* @elements: large ones are wanted too */
static bool
ready_constants(const Taker *taker, const NnNode *node, bool elements, GError **error)
{
  for (int k = 0; k < node->n_inputs; k++) {
    NnValue *value = input_of(taker, node, k);
    if (value == NULL || !value->is_constant)
      continue;
    if (!elements)
      set_stand_in(value);
    if ((elements || !is_stand_in(value)) && !load_constant(taker, node->inputs[k], error))
      return false;
  }
  return true;
}

/* large ones of the file go again */
static void
release_constants(const Taker *taker, const NnNode *node)
{
  for (int k = 0; k < node->n_inputs; k++) {
    NnValue *value = input_of(taker, node, k);
    if (value != NULL && value->producer < 0 && value->constant != NULL &&
        nn_model_graph(taker->model)->values[node->inputs[k]].constant == NULL &&
        nn_shape_count(&value->type.shape) > SMALL)
      g_clear_pointer(&value->constant, nn_tensor_unref);
  }
}

/* ---- nodes ---- */

static bool
reads_constants_only(const Taker *taker, const NnNode *node)
{
  for (int k = 0; k < node->n_inputs; k++) {
    const NnValue *value = input_of(taker, node, k);
    if (value != NULL && !value->is_constant)
      return false;
  }
  return true;
}

/* whether the layers before it could be used */
static bool
has_inputs(const Taker *taker, const NnNode *node)
{
  for (int k = 0; k < node->n_inputs; k++) {
    const NnValue *value = input_of(taker, node, k);
    if (value != NULL && !value->type.present)
      return false;
  }
  return true;
}

static bool
is_worth_knowing(const Taker *taker, const NnNode *node)
{
  const NnGraph *graph = taker->inventory->graph;
  if (!nn_node_is_evaluable(graph, node, true) || node->op->prepare != NULL)
    return false;
  for (int k = 0; k < node->n_inputs; k++)
    if (node->inputs[k] != NN_NO_VALUE && is_stand_in(&graph->values[node->inputs[k]]))
      return false;
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE &&
        nn_shape_count(&graph->values[node->outputs[o]].type.shape) > MAX_KNOWN)
      return false;
  return true;
}

static bool
evaluate(const Taker *taker, const NnNode *node, bool constant, GError **error)
{
  NnTensor **outputs = nn_alloc0((size_t)node->n_outputs, sizeof *outputs, error);
  bool ok = outputs != NULL &&
            nn_node_evaluate(taker->inventory->graph, node, taker->context, outputs, error);
  for (int o = 0; ok && o < node->n_outputs; o++) {
    if (node->outputs[o] == NN_NO_VALUE)
      continue;
    NnValue *value = &taker->inventory->graph->values[node->outputs[o]];
    *(constant ? &value->constant : &value->known) = outputs[o];
    value->is_constant = constant;
  }
  nn_free(outputs);
  return ok;
}

/* whether a node of constants is worth its result, and has all that it needs */
static bool
is_computable(const Taker *taker, const NnNode *node)
{
  const NnGraph *graph = taker->inventory->graph;
  for (int k = 0; k < node->n_inputs; k++) {
    const NnValue *value = input_of(taker, node, k);
    if (value != NULL && value->producer >= 0 && is_stand_in(value))
      return false;
  }
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE &&
        nn_shape_count(&graph->values[node->outputs[o]].type.shape) > SMALL)
      return false;
  return true;
}

/* a large one of integers has none: what hangs on its elements has no shape */
static void
stand_in_for_outputs(const Taker *taker, const NnNode *node)
{
  for (int o = 0; o < node->n_outputs; o++) {
    if (node->outputs[o] == NN_NO_VALUE)
      continue;
    NnValue *value = &taker->inventory->graph->values[node->outputs[o]];
    value->is_constant = true;
    value->type.present = value->type.dtype == NN_DTYPE_FLOAT;
    if (value->type.present)
      make_stand_in(value);
  }
}

static int64_t
add_up(int64_t a, int64_t b)
{
  return a > G_MAXINT64 - b ? G_MAXINT64 : a + b;
}

/* single numbers (bounds, factors) are settings, not parameters */
static int64_t
count_parameters(const Taker *taker, const NnNode *node)
{
  int64_t sum = 0;
  for (int k = 0; k < node->n_inputs; k++) {
    const NnValue *value = input_of(taker, node, k);
    if (value == NULL || !value->is_constant || value->type.dtype != NN_DTYPE_FLOAT ||
        value->type.shape.rank == 0 || taker->counted[node->inputs[k]])
      continue;
    taker->counted[node->inputs[k]] = true;
    sum = add_up(sum, nn_shape_count(&value->type.shape));
  }
  return sum;
}

static bool
count_node(const Taker *taker, const NnNode *node, NnInventoryNode *seen, GError **error)
{
  NnNodeTypes types;
  bool ok = nn_node_types_init(&types, taker->inventory->graph, node, error);
  if (ok) {
    seen->operations = nn_node_operations(node, &types.infer);
    seen->parameters = count_parameters(taker, node);
    taker->inventory->operations = add_up(taker->inventory->operations, seen->operations);
    taker->inventory->parameters = add_up(taker->inventory->parameters, seen->parameters);
  }
  nn_node_types_clear(&types);
  return ok;
}

static bool
look_at(const Taker *taker, const NnNode *node, NnInventoryNode *seen, GError **error)
{
  NnGraph *graph = taker->inventory->graph;
  bool constant = reads_constants_only(taker, node);
  if (!ready_constants(taker, node, false, error))
    return nn_node_prefix_error(node, error);
  if (!nn_node_infer(graph, node, error))
    return false;
  seen->constant = constant || is_worth_knowing(taker, node);
  if (!seen->constant)
    return count_node(taker, node, seen, error);
  if (!constant)
    return evaluate(taker, node, false, error);
  if (!is_computable(taker, node)) {
    stand_in_for_outputs(taker, node);
    return true;
  }
  bool ok = (ready_constants(taker, node, true, error) || nn_node_prefix_error(node, error)) &&
            evaluate(taker, node, true, error);
  release_constants(taker, node);
  return ok;
}

/* what a layer made before it failed is not to be used */
static void
forget_outputs(const Taker *taker, const NnNode *node)
{
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE)
      taker->inventory->graph->values[node->outputs[o]].type.present = false;
}

static bool
look_at_all(const Taker *taker, GError **error)
{
  NnGraph *graph = taker->inventory->graph;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    g_autoptr(GError) reason = NULL;
    NnInventoryNode *seen = &taker->inventory->nodes[i];
    if (!has_inputs(taker, &graph->nodes[i]) || look_at(taker, &graph->nodes[i], seen, &reason))
      continue;
    if (g_error_matches(reason, NN_ERROR, NN_ERROR_MEMORY)) {
      g_propagate_error(error, g_steal_pointer(&reason));
      return false;
    }
    forget_outputs(taker, &graph->nodes[i]);
    seen->problem = nn_strndup(reason->message, strlen(reason->message), error);
    if (seen->problem == NULL)
      return false;
  }
  return true;
}

static bool
set_inputs(NnGraph *graph, const NnShape *shapes, GError **error)
{
  for (size_t i = 0; i < graph->n_inputs; i++) {
    NnType *type = &graph->values[graph->inputs[i]].type;
    if (!nn_shape_check(&shapes[i], error))
      return false;
    type->shape = shapes[i];
    type->present = true;
  }
  return true;
}

NnInventory *
nn_inventory_new(const NnModel *model, const NnShape *shapes, GError **error)
{
  NnInventory *inventory = g_new0(NnInventory, 1);
  Taker taker = {.model = model, .inventory = inventory};
  inventory->graph = nn_graph_copy(nn_model_graph(model), error);
  if (inventory->graph != NULL && set_inputs(inventory->graph, shapes, error))
    inventory->nodes = nn_alloc0(inventory->graph->n_nodes, sizeof(NnInventoryNode), error);
  if (inventory->nodes != NULL)
    taker.counted = nn_alloc0(inventory->graph->n_values, sizeof(bool), error);
  if (taker.counted != NULL) {
    taker.context = nn_context_new(1);
    if (look_at_all(&taker, error))
      inventory->fields = nn_receptive_fields_new(
          inventory->graph,
          inventory->graph->n_inputs > 0 ? inventory->graph->inputs[0] : NN_NO_VALUE, error);
    nn_context_free(taker.context);
  }
  nn_free(taker.counted);
  if (inventory->fields == NULL)
    g_clear_pointer(&inventory, nn_inventory_free);
  return inventory;
}

NnInventory *
nn_inventory_of_picture(const NnModel *model, const NnShape *shape, GError **error)
{
  const NnGraph *graph = nn_model_graph(model);
  NnShape *shapes = nn_alloc0(graph->n_inputs + 1, sizeof *shapes, error);
  if (shapes == NULL)
    return NULL;
  for (size_t i = 1; i < graph->n_inputs; i++) {
    shapes[i] = graph->values[graph->inputs[i]].type.shape;
    for (int d = 0; d < shapes[i].rank; d++)
      shapes[i].dim[d] = MAX(shapes[i].dim[d], 1);
  }
  shapes[0] = *shape;
  NnInventory *inventory = nn_inventory_new(model, shapes, error);
  nn_free(shapes);
  return inventory;
}

void
nn_inventory_free(NnInventory *inventory)
{
  if (inventory == NULL)
    return;
  for (size_t i = 0; inventory->nodes != NULL && i < inventory->graph->n_nodes; i++)
    nn_free(inventory->nodes[i].problem);
  nn_free(inventory->nodes);
  nn_free(inventory->fields);
  nn_graph_free(inventory->graph);
  g_free(inventory);
}

const NnShape *
nn_inventory_shape(const NnInventory *inventory, NnValueId value)
{
  const NnType *type = &inventory->graph->values[value].type;
  return type->present ? &type->shape : NULL;
}
