/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gathering a node's types and constants. */
#include "nncore/graph/node-types.h"

#include "nncore/base/memory.h"

bool
nn_node_types_init(NnNodeTypes *types, const NnGraph *graph, const NnNode *node, GError **error)
{
  *types = (NnNodeTypes){
      .in = nn_alloc0((size_t)node->n_inputs, sizeof(NnType), error),
  };
  if (types->in != NULL)
    types->out = nn_alloc0((size_t)node->n_outputs, sizeof(NnType), error);
  if (types->out != NULL)
    types->constants = nn_alloc0((size_t)node->n_inputs, sizeof *types->constants, error);
  if (types->constants == NULL)
    return false;
  for (int i = 0; i < node->n_inputs; i++) {
    if (node->inputs[i] == NN_NO_VALUE)
      continue;
    const NnValue *value = &graph->values[node->inputs[i]];
    types->in[i] = value->type;
    types->constants[i] = value->constant != NULL ? value->constant : value->known;
  }
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE)
      types->out[o] = graph->values[node->outputs[o]].type;
  types->infer = (NnInfer){
      .params = node->params,
      .n_inputs = node->n_inputs,
      .in = types->in,
      .constants = types->constants,
      .n_outputs = node->n_outputs,
      .out = types->out,
  };
  return true;
}

void
nn_node_types_clear(NnNodeTypes *types)
{
  nn_free(types->in);
  nn_free(types->out);
  nn_free(types->constants);
}

NnPrepare
nn_node_types_prepare(const NnNodeTypes *types, bool gradient, bool lean)
{
  return (NnPrepare){
      .params = types->infer.params,
      .n_inputs = types->infer.n_inputs,
      .constants = types->constants,
      .gradient = gradient,
      .lean = lean,
  };
}

int64_t
nn_node_operations(const NnNode *node, const NnInfer *infer)
{
  if (node->op->operations != NULL)
    return node->op->operations(infer);
  int64_t sum = 0;
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE) {
      int64_t count = nn_shape_count(&infer->out[o].shape);
      sum = sum > G_MAXINT64 - count ? G_MAXINT64 : sum + count;
    }
  return sum;
}

bool
nn_node_is_known(const NnGraph *graph, const NnNode *node)
{
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE && graph->values[node->outputs[o]].known == NULL)
      return false;
  return true;
}
