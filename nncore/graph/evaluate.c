/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Evaluating one node: buffers, prepare and forward as a workspace would have them. */
#include "nncore/graph/evaluate.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/graph/node-types.h"

#define MAX_ELEMENTS (INT64_C(1) << 29) /* a small file may ask for any number */

bool
nn_node_is_evaluable(const NnGraph *graph, const NnNode *node, bool known)
{
  if (node->op->forward == NULL)
    return false;
  if (known && node->op->reads_shapes_only)
    return true;
  for (int i = 0; i < node->n_inputs; i++) {
    if (node->inputs[i] == NN_NO_VALUE)
      continue;
    const NnValue *value = &graph->values[node->inputs[i]];
    if (value->constant == NULL && (!known || value->known == NULL))
      return false;
  }
  return true;
}

/* @brought: (nullable): input 0 in the order that the operator takes */
typedef struct {
  NnTensor *in, *out; /* views */
  NnTensor *brought;
  void *prepared, *scratch;
} Buffers;

/* ---- orders ---- */

static bool
has_pictures_rank(int rank)
{
  return rank >= 3 && rank <= 5;
}

/* also before orders are chosen (pass-layout.c), when all values are plain */
static bool
takes_channels_last(const NnNode *node, const NnNodeTypes *types)
{
  return node->op->layout == NN_TAKES_CHANNELS_LAST && has_pictures_rank(types->in[0].shape.rank);
}

/* the order in which the operator makes a result */
static NnLayout
made_layout(const NnGraph *graph, const NnNode *node, const NnNodeTypes *types, int output)
{
  if (takes_channels_last(node, types) && has_pictures_rank(types->out[output].shape.rank))
    return NN_LAYOUT_CHANNELS_LAST;
  return graph->values[node->outputs[output]].layout;
}

/* (transfer full): the same elements in another order */
static NnTensor *
tensor_in(const NnTensor *tensor, NnLayout layout, GError **error)
{
  NnTensor *copy = nn_tensor_new(tensor->dtype, &tensor->shape, error);
  if (copy != NULL) {
    copy->layout = layout;
    nn_tensor_copy(tensor, copy);
  }
  return copy;
}

static bool
bring_input(const NnNode *node, const NnNodeTypes *types, Buffers *buffers, GError **error)
{
  if (!takes_channels_last(node, types) || buffers->in[0].layout == NN_LAYOUT_CHANNELS_LAST)
    return true;
  buffers->brought = tensor_in(&buffers->in[0], NN_LAYOUT_CHANNELS_LAST, error);
  if (buffers->brought == NULL)
    return false;
  buffers->in[0] = *buffers->brought;
  return true;
}

/* results in their values' own order */
static bool
bring_outputs(const NnGraph *graph, const NnNode *node, NnTensor **outputs, GError **error)
{
  for (int o = 0; o < node->n_outputs; o++) {
    NnTensor *made = outputs[o];
    if (made == NULL || made->layout == graph->values[node->outputs[o]].layout)
      continue;
    outputs[o] = tensor_in(made, graph->values[node->outputs[o]].layout, error);
    nn_tensor_unref(made);
    if (outputs[o] == NULL)
      return false;
  }
  return true;
}

/* ---- running ---- */

static bool
new_outputs(const NnGraph *graph, const NnNode *node, const NnNodeTypes *types, NnTensor *views,
            NnTensor **outputs, GError **error)
{
  for (int o = 0; o < node->n_outputs; o++) {
    if (node->outputs[o] == NN_NO_VALUE)
      continue;
    const NnShape *shape = &types->out[o].shape;
    if (nn_shape_count(shape) > MAX_ELEMENTS) {
      g_autofree char *text = nn_shape_to_string(shape);
      g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                  _("A constant of the shape %s is too large."), text);
      return false;
    }
    outputs[o] = nn_tensor_new(types->out[o].dtype, shape, error);
    if (outputs[o] == NULL)
      return false;
    outputs[o]->layout = made_layout(graph, node, types, o);
    views[o] = *outputs[o];
  }
  return true;
}

/* an input whose elements are not known has its shape and layout all the same */
static void
fill_inputs(const NnGraph *graph, const NnNode *node, const NnNodeTypes *types, NnTensor *views)
{
  for (int i = 0; i < node->n_inputs; i++) {
    if (node->inputs[i] == NN_NO_VALUE)
      continue;
    if (types->constants[i] != NULL)
      views[i] = *types->constants[i];
    else
      views[i] = (NnTensor){.shape = types->in[i].shape,
                            .dtype = types->in[i].dtype,
                            .layout = graph->values[node->inputs[i]].layout};
  }
}

static bool
run_node(const NnGraph *graph, const NnNode *node, NnContext *context, const NnNodeTypes *types,
         Buffers *buffers, NnTensor **outputs, GError **error)
{
  const NnOp *op = node->op;
  fill_inputs(graph, node, types, buffers->in);
  if (!bring_input(node, types, buffers, error))
    return false;
  size_t scratch = op->scratch_bytes != NULL
                       ? op->scratch_bytes(&types->infer, nn_context_threads(context), false)
                       : 0;
  buffers->scratch = nn_alloc(1, scratch, error);
  if (buffers->scratch == NULL || !new_outputs(graph, node, types, buffers->out, outputs, error))
    return false;
  NnPrepare prepare = nn_node_types_prepare(types, false, false);
  if (op->prepare != NULL && (buffers->prepared = op->prepare(&prepare, error)) == NULL)
    return false;
  NnOpRun run = {
      .context = context,
      .params = node->params,
      .n_inputs = node->n_inputs,
      .n_outputs = node->n_outputs,
      .in = buffers->in,
      .out = buffers->out,
      .prepared = buffers->prepared,
      .scratch = buffers->scratch,
      .activation = node->activation,
  };
  op->forward(&run);
  return bring_outputs(graph, node, outputs, error);
}

bool
nn_node_evaluate(const NnGraph *graph, const NnNode *node, NnContext *context, NnTensor **outputs,
                 GError **error)
{
  NnNodeTypes types;
  Buffers buffers = {0};
  for (int o = 0; o < node->n_outputs; o++)
    outputs[o] = NULL;
  bool ok = nn_node_types_init(&types, graph, node, error);
  if (ok)
    buffers.in = nn_alloc0((size_t)node->n_inputs, sizeof(NnTensor), error);
  if (buffers.in != NULL)
    buffers.out = nn_alloc0((size_t)node->n_outputs, sizeof(NnTensor), error);
  ok = buffers.out != NULL && run_node(graph, node, context, &types, &buffers, outputs, error);
  if (buffers.prepared != NULL)
    node->op->free_prepared(buffers.prepared);
  nn_free(buffers.scratch);
  nn_tensor_unref(buffers.brought);
  nn_free(buffers.in);
  nn_free(buffers.out);
  nn_node_types_clear(&types);
  for (int o = 0; !ok && o < node->n_outputs; o++)
    g_clear_pointer(&outputs[o], nn_tensor_unref);
  return ok || nn_node_prefix_error(node, error);
}
