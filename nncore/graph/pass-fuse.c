/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Activation fusing: Conv, Relu -> Conv that applies the Relu while its result is in the cache. */
#include "nncore/graph/fuse-each.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"

/* what @node does to its first input, where that is all it does */
static bool
find_activation(const NnGraph *graph, const NnNode *node, NnActivation *activation, GError **error)
{
  NnNodeTypes types;
  bool ok = nn_node_types_init(&types, graph, node, error);
  if (ok) {
    for (int i = 0; i < node->n_inputs; i++)
      if (types.constants[i] != NULL && !graph->values[node->inputs[i]].is_constant)
        types.constants[i] = NULL; /* known at this size only */
    *activation = node->op->as_activation(&types.infer);
  }
  nn_node_types_clear(&types);
  return ok;
}

/* the node that can take @node's activation over, or NULL */
static NnNode *
find_host(NnGraph *graph, const NnNode *node, const NnUses *uses)
{
  if (node->op->as_activation == NULL || !nn_uses_is_private(uses, node->inputs[0]))
    return NULL;
  int producer = graph->values[node->inputs[0]].producer;
  if (producer < 0)
    return NULL;
  NnNode *host = &graph->nodes[producer];
  bool free = host->op->fuses_activation && host->activation.kind == NN_ACTIVATION_NONE;
  return free && host->outputs[0] == node->inputs[0] ? host : NULL;
}

/* NnFuse */
static bool
fuse(NnGraph *graph, size_t at, const NnUses *uses, bool *removed, GError **error)
{
  const NnNode *node = &graph->nodes[at];
  NnNode *host = find_host(graph, node, uses);
  NnActivation activation;
  if (host == NULL)
    return true;
  if (!find_activation(graph, node, &activation, error))
    return false;
  if (activation.kind == NN_ACTIVATION_NONE)
    return true;
  host->activation = activation;
  nn_graph_take_output(graph, host, node);
  removed[at] = true;
  return true;
}

bool
nn_pass_fuse_activations(NnGraph *graph, const NnValueId *targets, int n_targets, GError **error)
{
  return nn_fuse_each(graph, targets, n_targets, fuse, error);
}
