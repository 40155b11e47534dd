/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conv, MaxPool over whole windows of 2 x 2 -> one node (ops/conv-pool.c), where nobody else wants what
 * lies between them. */
#include "nncore/graph/fuse-each.h"
#include "nncore/graph/passes.h"
#include "nncore/ops/conv.h"
#include "nncore/ops/pool.h"

/* 2 x 2 pixels, each in one window only, and none beyond the border */
static bool
halves(const NnWindow *window)
{
  bool fits = !window->ceil_mode && window->auto_pad != NN_PAD_SAME_UPPER &&
              window->auto_pad != NN_PAD_SAME_LOWER;
  for (int d = 1; d < 3; d++)
    fits = fits && window->kernel[d] == 2 && window->stride[d] == 2 && window->dilation[d] <= 1 &&
           window->pad_begin[d] == 0 && window->pad_end[d] == 0;
  return fits;
}

/* the activation may change places with the maximum: it never falls */
static bool
rises(NnActivation activation)
{
  return activation.kind != NN_ACTIVATION_LEAKY_RELU || activation.slope >= 0;
}

bool
nn_can_fuse_pool(const NnGraph *graph, const NnNode *conv, const NnNode *pool)
{
  if (conv->op != nn_op_find("Conv") || !rises(conv->activation) || pool->op != &nn_op_max_pool ||
      (pool->n_outputs > 1 && pool->outputs[1] != NN_NO_VALUE))
    return false;
  const NnMaxPoolParams *params = pool->params;
  return halves(&params->window) &&
         nn_conv_pools(conv->params, &graph->values[conv->inputs[NN_CONV_W]].type.shape);
}

/* NnFuse */
static bool
fuse_at(NnGraph *graph, size_t at, const NnUses *uses, bool *removed, GError **error)
{
  (void)error;
  const NnNode *pool = &graph->nodes[at];
  if (pool->op != &nn_op_max_pool)
    return true;
  int producer = graph->values[pool->inputs[0]].producer;
  NnNode *conv = producer >= 0 ? &graph->nodes[producer] : NULL;
  if (conv == NULL || !nn_uses_is_private(uses, pool->inputs[0]) ||
      !nn_can_fuse_pool(graph, conv, pool))
    return true;
  conv->op = &nn_op_conv_pool;
  nn_graph_take_output(graph, conv, pool);
  removed[at] = true;
  return true;
}

bool
nn_pass_fuse_pools(NnGraph *graph, const NnValueId *targets, int n_targets, GError **error)
{
  return nn_fuse_each(graph, targets, n_targets, fuse_at, error);
}
