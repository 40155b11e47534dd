/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Raw nodes -> NnGraph: names become numbers, nodes come in an order in which everything is made
 * before it is used (a depth-first walk that keeps the file's order where that is one), constants
 * are marked. */
#include "nncore/onnx/import.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/name-map.h"
#include "nncore/onnx/convert.h"

typedef struct {
  NnRawModel *raw;
  NnGraph *graph;
  NnNameMap values;    /* name -> NnValueId; borrows the raw model's names */
  NnNameMap producers; /* output name -> raw node */
} Importer;

static const char *
node_label(const NnRawNode *node)
{
  if (node->name != NULL && *node->name != '\0')
    return node->name;
  return node->outputs.count > 0 ? node->outputs.names[0] : "?";
}

static bool
set_twice_error(const char *name, GError **error)
{
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("The file is damaged: the tensor “%s” is defined twice."), name);
  return false;
}

static NnValueId
add_value(Importer *importer, const char *name, GError **error)
{
  if (nn_name_map_get(&importer->values, name) >= 0) {
    set_twice_error(name, error);
    return NN_NO_VALUE;
  }
  NnValueId id = nn_graph_add_value(importer->graph, name, error);
  if (id != NN_NO_VALUE && !nn_name_map_set(&importer->values, name, id, error))
    return NN_NO_VALUE;
  return id;
}

static NnValue *
add_constant(Importer *importer, const char *name, GError **error)
{
  NnValueId id = add_value(importer, name, error);
  if (id == NN_NO_VALUE)
    return NULL;
  NnValue *value = &importer->graph->values[id];
  value->is_constant = true;
  return value;
}

static bool
add_initializers(Importer *importer, GError **error)
{
  for (size_t i = 0; i < importer->raw->n_tensors; i++) {
    const NnRawTensor *tensor = &importer->raw->tensors[i];
    if (tensor->name == NULL || *tensor->name == '\0')
      continue;
    NnValue *value = add_constant(importer, tensor->name, error);
    if (value == NULL)
      return false;
    value->type = (NnType){.shape = tensor->shape, .present = true};
    value->stored = tensor->stored;
  }
  return true;
}

static bool
append_id(NnValueId **ids, size_t *count, size_t *capacity, NnValueId id, GError **error)
{
  if (!nn_grow(ids, capacity, *count + 1, sizeof **ids, error))
    return false;
  (*ids)[(*count)++] = id;
  return true;
}

static bool
add_inputs(Importer *importer, GError **error)
{
  NnGraph *graph = importer->graph;
  for (size_t i = 0; i < importer->raw->n_inputs; i++) {
    const NnRawValue *input = &importer->raw->inputs[i];
    int known = nn_name_map_get(&importer->values, input->name);
    if (known >= 0 && graph->values[known].is_constant)
      continue; /* files before IR version 4 list initialisers among the inputs */
    NnValueId id = add_value(importer, input->name, error);
    if (id == NN_NO_VALUE ||
        !append_id(&graph->inputs, &graph->n_inputs, &graph->inputs_capacity, id, error))
      return false;
    graph->values[id].type = (NnType){
        .shape = input->shape,
        .dtype = nn_onnx_type_size(input->data_type) > 0 ? nn_onnx_type_dtype(input->data_type)
                                                         : NN_DTYPE_FLOAT,
        .present = true,
    };
  }
  return true;
}

static bool
add_outputs(Importer *importer, GError **error)
{
  NnGraph *graph = importer->graph;
  for (size_t i = 0; i < importer->raw->n_outputs; i++) {
    int id = nn_name_map_get(&importer->values, importer->raw->outputs[i].name);
    if (id >= 0 &&
        !append_id(&graph->outputs, &graph->n_outputs, &graph->outputs_capacity, id, error))
      return false;
  }
  return true;
}

/* ---- Constant ---- */

static NnTensor *
list_tensor(const NnAttribute *attribute, GError **error)
{
  bool is_float = attribute->kind == NN_ATTRIBUTE_FLOAT || attribute->kind == NN_ATTRIBUTE_FLOATS;
  bool is_list = attribute->kind == NN_ATTRIBUTE_INTS || attribute->kind == NN_ATTRIBUTE_FLOATS;
  NnShape shape = {.rank = is_list, .dim = {(int64_t)attribute->count}};
  NnTensor *tensor = nn_tensor_new(is_float ? NN_DTYPE_FLOAT : NN_DTYPE_INT64, &shape, error);
  if (tensor == NULL)
    return NULL;
  const void *from = !is_list   ? (is_float ? (const void *)&attribute->f : &attribute->i)
                     : is_float ? (const void *)attribute->floats
                                : attribute->ints;
  if (nn_tensor_bytes(tensor) > 0)
    memcpy(tensor->data, from, nn_tensor_bytes(tensor));
  return tensor;
}

static bool
set_constant(NnValue *value, const NnAttribute *attribute, GError **error)
{
  value->is_constant = true;
  value->type = (NnType){.shape = attribute->shape, .present = true};
  if (attribute->kind == NN_ATTRIBUTE_TENSOR) {
    value->stored = attribute->stored;
    return true;
  }
  value->constant = list_tensor(attribute, error);
  if (value->constant != NULL)
    value->type = (NnType){value->constant->shape, value->constant->dtype, true};
  return value->constant != NULL;
}

static bool
is_default_domain(const NnRawNode *node)
{
  return node->domain == NULL || *node->domain == '\0' || strcmp(node->domain, "ai.onnx") == 0;
}

/* of a Constant whose value we can have; NULL otherwise */
static const NnAttribute *
find_constant(NnRawNode *node)
{
  static const char *const names[] = {"value", "value_float", "value_floats", "value_int",
                                      "value_ints"};
  const NnAttribute *attribute = NULL;
  if (!is_default_domain(node) || strcmp(node->op_type, "Constant") != 0 ||
      node->outputs.count != 1)
    return NULL;
  for (size_t i = 0; attribute == NULL && i < G_N_ELEMENTS(names); i++)
    attribute = nn_attributes_find(&node->attributes, names[i]);
  return attribute != NULL && attribute->kind <= NN_ATTRIBUTE_TENSOR &&
                 attribute->kind != NN_ATTRIBUTE_STRING
             ? attribute
             : NULL;
}

/* ---- nodes ---- */

/* the last inputs may be left out by "" */
static int
count_inputs(const NnRawNode *node)
{
  size_t count = node->inputs.count;
  while (count > 0 && *node->inputs.names[count - 1] == '\0')
    count--;
  return (int)MIN(count, (size_t)G_MAXINT);
}

/* with the attributes that newer opsets have as inputs */
static int
count_all_inputs(const NnRawNode *node)
{
  int count = count_inputs(node);
  for (size_t i = 0; i < node->attributes.count; i++)
    count = MAX(count, node->attributes.items[i].input + 1);
  return count;
}

static bool
check_counts(const NnRawNode *node, const NnOp *op, GError **error)
{
  int count = count_all_inputs(node);
  if (count < op->min_inputs || count > op->max_inputs) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED, _("It has %d inputs; %d to %d are possible."),
                count, op->min_inputs, op->max_inputs);
    return false;
  }
  /* of operators with a few outputs, some may be left away; others count theirs */
  if (op->max_outputs < NN_MAX_INPUTS || node->outputs.count <= NN_MAX_INPUTS)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
              _("It has more than %d outputs, which is not supported."), NN_MAX_INPUTS);
  return false;
}

/* finds the operator and parses the attributes into params (op->params_bytes, zeroed) */
static const NnOp *
parse_node(NnRawNode *node, int64_t opset, void **params, GError **error)
{
  if (!is_default_domain(node)) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("The operator “%s” of the domain “%s” is not supported."), node->op_type,
                node->domain);
    return NULL;
  }
  if (!nn_normalise(node, opset, error))
    return NULL;
  const NnOp *op = nn_op_find(node->op_type);
  if (op == NULL && strcmp(node->op_type, "Constant") == 0) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                        _("The constant has a value of a kind that is not supported."));
    return NULL;
  }
  if (op == NULL) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED, _("The operator “%s” is not supported."),
                node->op_type);
    return NULL;
  }
  *params = nn_alloc0(1, op->params_bytes, error);
  if (*params == NULL || !check_counts(node, op, error) ||
      (op->parse != NULL && !op->parse(&node->attributes, *params, error)))
    return NULL;
  const char *unknown = nn_attributes_unknown(&node->attributes);
  if (unknown != NULL) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED, _("The attribute “%s” is not supported."),
                unknown);
    return NULL;
  }
  return op;
}

static bool
connect_inputs(Importer *importer, const NnRawNode *raw, NnNode *node, GError **error)
{
  for (int i = 0; i < MIN(node->n_inputs, count_inputs(raw)); i++) {
    const char *name = raw->inputs.names[i];
    if (*name == '\0')
      continue;
    node->inputs[i] = nn_name_map_get(&importer->values, name);
    if (node->inputs[i] < 0) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                  _("The file is damaged: the layer “%s” reads “%s”, which nothing makes."),
                  node_label(raw), name);
      return false;
    }
  }
  return true;
}

static bool
connect_attributes(Importer *importer, const NnRawNode *raw, size_t index, GError **error)
{
  NnGraph *graph = importer->graph;
  for (size_t i = 0; i < raw->attributes.count; i++) {
    const NnAttribute *attribute = &raw->attributes.items[i];
    if (attribute->input == 0 || attribute->input >= graph->nodes[index].n_inputs)
      continue;
    NnValueId id = nn_graph_add_value(graph, "", error);
    if (id == NN_NO_VALUE || !set_constant(&graph->values[id], attribute, error))
      return false;
    graph->nodes[index].inputs[attribute->input] = id;
  }
  return true;
}

static bool
connect_outputs(Importer *importer, const NnRawNode *raw, size_t index, GError **error)
{
  for (int i = 0; i < importer->graph->nodes[index].n_outputs; i++) {
    if (*raw->outputs.names[i] == '\0')
      continue;
    NnValueId id = add_value(importer, raw->outputs.names[i], error);
    if (id == NN_NO_VALUE)
      return false;
    importer->graph->values[id].producer = (int)index;
    importer->graph->nodes[index].outputs[i] = id;
  }
  return true;
}

static void
set_unsupported(NnUnsupported *unsupported, const NnRawNode *raw, const GError *reason)
{
  bool named = *raw->op_type == '\0' || strstr(reason->message, raw->op_type) != NULL;
  g_snprintf(unsupported->message, sizeof unsupported->message, "%s%s%s", named ? "" : raw->op_type,
             named ? "" : ": ", reason->message);
  const char *end;
  if (!g_utf8_validate(unsupported->message, -1, &end)) /* cut inside a character */
    unsupported->message[end - unsupported->message] = '\0';
}

/* @op: NULL where the node cannot be used, with the reason */
static bool
add_node(Importer *importer, const NnRawNode *raw, const NnOp *op, const void *params,
         const GError *reason, GError **error)
{
  int n_inputs = op != NULL ? count_all_inputs(raw) : count_inputs(raw);
  int n_outputs = (int)MIN(raw->outputs.count, (size_t)(op != NULL ? op->max_outputs : G_MAXINT));
  NnNode *node = nn_graph_add_node(importer->graph, op != NULL ? op : &nn_op_unsupported,
                                   node_label(raw), n_inputs, n_outputs, error);
  if (node == NULL)
    return false;
  if (op == NULL)
    set_unsupported(node->params, raw, reason);
  else if (op->params_bytes > 0)
    memcpy(node->params, params, op->params_bytes);
  size_t index = importer->graph->n_nodes - 1;
  return connect_inputs(importer, raw, node, error) &&
         connect_attributes(importer, raw, index, error) &&
         connect_outputs(importer, raw, index, error);
}

/* one without outputs, which ONNX allows, is left out: nothing can want it; and so every node of a
 * graph has a first output, be it a nameless one */
static bool
import_node(Importer *importer, NnRawNode *raw, GError **error)
{
  if (raw->outputs.count == 0)
    return true;
  const NnAttribute *attribute = find_constant(raw);
  if (attribute != NULL) {
    NnValue *value = add_constant(importer, raw->outputs.names[0], error);
    return value != NULL && set_constant(value, attribute, error);
  }
  g_autoptr(GError) reason = NULL;
  void *params = NULL;
  bool ok = false;
  const NnOp *op = parse_node(raw, importer->raw->opset, &params, &reason);
  if (op == NULL && g_error_matches(reason, NN_ERROR, NN_ERROR_MEMORY))
    g_propagate_error(error, g_steal_pointer(&reason));
  else
    ok = add_node(importer, raw, op, params, reason, error);
  nn_free(params);
  return ok;
}

/* ---- order ---- */

enum { NEW, OPEN, DONE };

static bool
index_producers(Importer *importer, GError **error)
{
  for (size_t i = 0; i < importer->raw->n_nodes; i++) {
    const NnRawNames *outputs = &importer->raw->nodes[i].outputs;
    for (size_t o = 0; o < outputs->count; o++) {
      const char *name = outputs->names[o];
      if (*name == '\0')
        continue;
      if (nn_name_map_get(&importer->producers, name) >= 0)
        return set_twice_error(name, error);
      if (!nn_name_map_set(&importer->producers, name, (int)i, error))
        return false;
    }
  }
  return true;
}

/* a node and the first of its inputs that is not yet known to be there */
typedef struct {
  int node;
  size_t input;
} Frame;

/* the first node that @frame's waits for, or -1 */
static int
find_missing(const Importer *importer, Frame *frame, const uint8_t *state)
{
  const NnRawNames *inputs = &importer->raw->nodes[frame->node].inputs;
  for (; frame->input < inputs->count; frame->input++) {
    int producer = nn_name_map_get(&importer->producers, inputs->names[frame->input]);
    if (producer >= 0 && state[producer] != DONE)
      return producer;
  }
  return -1;
}

/* imports node @root after everything that it waits for */
static bool
import_from(Importer *importer, int root, uint8_t *state, Frame *stack, GError **error)
{
  size_t depth = 0;
  stack[depth++] = (Frame){root, 0};
  while (depth > 0) {
    Frame *top = &stack[depth - 1];
    NnRawNode *node = &importer->raw->nodes[top->node];
    int missing = find_missing(importer, top, state);
    state[top->node] = OPEN;
    if (missing >= 0 && state[missing] == OPEN) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                  _("The file is damaged: the layer “%s” waits for its own result."),
                  node_label(node));
      return false;
    }
    if (missing >= 0) {
      stack[depth++] = (Frame){missing, 0};
      continue;
    }
    if (!import_node(importer, node, error))
      return false;
    state[top->node] = DONE;
    depth--;
  }
  return true;
}

static bool
import_nodes(Importer *importer, GError **error)
{
  size_t count = importer->raw->n_nodes;
  uint8_t *state = nn_alloc0(count, sizeof *state, error);
  Frame *stack = state != NULL ? nn_alloc(count + 1, sizeof *stack, error) : NULL;
  bool ok = stack != NULL && index_producers(importer, error);
  for (size_t i = 0; ok && i < count; i++)
    if (state[i] != DONE)
      ok = import_from(importer, (int)i, state, stack, error);
  nn_free(stack);
  nn_free(state);
  return ok;
}

NnGraph *
nn_import(NnRawModel *raw, GError **error)
{
  if (raw->opset == 0)
    raw->opset = 1;
  if (raw->n_nodes > G_MAXINT / 2) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                        _("The network has too many layers."));
    return NULL;
  }
  g_autoptr(NnGraph) graph = nn_graph_new(error);
  if (graph == NULL)
    return NULL;
  Importer importer = {.raw = raw, .graph = graph};
  bool ok = add_initializers(&importer, error) && add_inputs(&importer, error) &&
            import_nodes(&importer, error) && add_outputs(&importer, error);
  nn_name_map_clear(&importer.values);
  nn_name_map_clear(&importer.producers);
  return ok ? g_steal_pointer(&graph) : NULL;
}
