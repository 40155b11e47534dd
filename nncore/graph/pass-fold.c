/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Constant folding: nodes that depend on constants alone run once, here. */
#include "nncore/base/memory.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"

static bool
is_constant_node(const NnGraph *graph, const NnNode *node)
{
  for (int i = 0; i < node->n_inputs; i++)
    if (node->inputs[i] != NN_NO_VALUE && graph->values[node->inputs[i]].constant == NULL)
      return false;
  return node->op->forward != NULL;
}

typedef struct {
  NnTensor *in, *out; /* views */
  void *prepared, *scratch;
} Buffers;

static bool
new_outputs(NnGraph *graph, const NnNode *node, const NnNodeTypes *types, NnTensor *views,
            GError **error)
{
  for (int o = 0; o < node->n_outputs; o++) {
    if (node->outputs[o] == NN_NO_VALUE)
      continue;
    NnTensor *tensor = nn_tensor_new(types->out[o].dtype, &types->out[o].shape, error);
    if (tensor == NULL)
      return false;
    views[o] = *tensor;
    NnValue *value = &graph->values[node->outputs[o]];
    nn_tensor_unref(value->constant);
    value->constant = tensor;
    value->is_constant = true;
  }
  return true;
}

static bool
run_node(NnGraph *graph, const NnNode *node, NnContext *context, const NnNodeTypes *types,
         Buffers *buffers, GError **error)
{
  const NnOp *op = node->op;
  for (int i = 0; i < node->n_inputs; i++)
    if (types->constants[i] != NULL)
      buffers->in[i] = *types->constants[i];
  size_t scratch = op->scratch_bytes != NULL
                       ? op->scratch_bytes(&types->infer, nn_context_threads(context), false)
                       : 0;
  buffers->scratch = nn_alloc(1, scratch, error);
  if (buffers->scratch == NULL || !new_outputs(graph, node, types, buffers->out, error))
    return false;
  buffers->prepared = nn_node_types_prepare(types, op, false, error);
  if (op->prepare != NULL && buffers->prepared == NULL)
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
  return true;
}

static bool
fold_node(NnGraph *graph, const NnNode *node, NnContext *context, GError **error)
{
  if (!nn_node_infer(graph, node, error))
    return false;
  NnNodeTypes types;
  Buffers buffers = {0};
  bool ok = nn_node_types_init(&types, graph, node, error);
  if (ok)
    buffers.in = nn_alloc0((size_t)node->n_inputs, sizeof(NnTensor), error);
  if (buffers.in != NULL)
    buffers.out = nn_alloc0((size_t)node->n_outputs, sizeof(NnTensor), error);
  ok = buffers.out != NULL && run_node(graph, node, context, &types, &buffers, error);
  if (buffers.prepared != NULL)
    node->op->free_prepared(buffers.prepared);
  nn_free(buffers.scratch);
  nn_free(buffers.in);
  nn_free(buffers.out);
  nn_node_types_clear(&types);
  return ok || nn_node_prefix_error(node, error);
}

bool
nn_pass_fold_constants(NnGraph *graph, NnContext *context, GError **error)
{
  bool *removed = nn_alloc0(graph->n_nodes, sizeof *removed, error);
  bool ok = removed != NULL;
  for (size_t i = 0; ok && i < graph->n_nodes; i++) {
    removed[i] = is_constant_node(graph, &graph->nodes[i]);
    ok = !removed[i] || fold_node(graph, &graph->nodes[i], context, error);
  }
  if (ok)
    nn_graph_remove_nodes(graph, removed);
  nn_free(removed);
  return ok;
}
