/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Other pooling in place of max-pooling, which passes the gradient to one pixel of a window only:
 * averages (Gatys, Ecker and Bethge 2015), or the root mean square (as "L2 pooling", Henaff and
 * Simoncelli 2016). */
#include "nncore/base/memory.h"
#include "nncore/graph/passes.h"
#include "nncore/ops/pool.h"

static bool
has_indices(const NnNode *node)
{
  return node->n_outputs > 1 && node->outputs[1] != NN_NO_VALUE;
}

static bool
replace(NnNode *node, bool squares, GError **error)
{
  const NnMaxPoolParams *old = node->params;
  void *params = NULL;
  if (squares) {
    NnLpPoolParams *lp = params = nn_alloc0(1, sizeof *lp, error);
    if (lp != NULL)
      *lp = (NnLpPoolParams){.window = old->window, .p = 2, .divisor = NN_DIVIDE_BY_INSIDE};
  } else {
    NnAveragePoolParams *average = params = nn_alloc0(1, sizeof *average, error);
    if (average != NULL)
      average->window = old->window;
  }
  if (params == NULL)
    return false;
  nn_free(node->params);
  node->params = params;
  node->op = squares ? &nn_op_lp_pool : &nn_op_average_pool;
  return true;
}

bool
nn_pass_replace_max_pooling(NnGraph *graph, bool squares, GError **error)
{
  for (size_t i = 0; i < graph->n_nodes; i++) {
    NnNode *node = &graph->nodes[i];
    if (node->op == &nn_op_max_pool && !has_indices(node) && !replace(node, squares, error))
      return false;
  }
  return true;
}
