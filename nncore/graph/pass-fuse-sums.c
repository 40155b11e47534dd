/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conv, Add -> one node (ops/conv.h): of an Add's two terms the one that is made last, if a Conv makes it
 * for nobody else. */
#include "nncore/base/memory.h"
#include "nncore/graph/fuse-each.h"
#include "nncore/graph/passes.h"
#include "nncore/ops/conv.h"

/* one position along an axis: at other sizes there may be more of them in one of the two alone, and the
 * other's is then added to all */
static bool
may_be_spread(const NnShape *shape)
{
  bool single = false;
  for (int d = 2; d < shape->rank; d++)
    single = single || shape->dim[d] == 1;
  return single;
}

bool
nn_can_fuse_sum(const NnGraph *graph, const NnNode *conv, NnValueId own, NnValueId other)
{
  const NnValue *a = &graph->values[own], *b = &graph->values[other];
  return conv->op == nn_op_find("Conv") && conv->activation.kind == NN_ACTIVATION_NONE &&
         b->constant == NULL && b->known == NULL && a->layout == b->layout &&
         nn_shape_equal(&a->type.shape, &b->type.shape) && !may_be_spread(&a->type.shape) &&
         nn_conv_there_adds(conv->params, &graph->values[conv->inputs[NN_CONV_W]].type.shape);
}

static bool
fuse(NnGraph *graph, NnNode *conv, NnNode *add, NnValueId other, GError **error)
{
  NnValueId *inputs = nn_alloc(NN_CONV_SUM_INPUTS, sizeof *inputs, error);
  if (inputs == NULL)
    return false;
  for (int k = 0; k < NN_CONV_SUM; k++)
    inputs[k] = k < conv->n_inputs ? conv->inputs[k] : NN_NO_VALUE;
  inputs[NN_CONV_SUM] = other;
  nn_free(conv->inputs);
  conv->op = &nn_op_conv_sum;
  conv->inputs = inputs;
  conv->n_inputs = NN_CONV_SUM_INPUTS;
  conv->activation = add->activation;
  nn_graph_take_output(graph, conv, add);
  return true;
}

/* NnFuse */
static bool
fuse_at(NnGraph *graph, size_t at, const NnUses *uses, bool *removed, GError **error)
{
  NnNode *add = &graph->nodes[at];
  if (add->op != nn_op_find("Add"))
    return true;
  int first = graph->values[add->inputs[0]].producer,
      second = graph->values[add->inputs[1]].producer;
  int last = first > second ? 0 : 1;
  NnNode *conv = MAX(first, second) >= 0 ? &graph->nodes[MAX(first, second)] : NULL;
  NnValueId own = add->inputs[last], other = add->inputs[1 - last];
  if (conv == NULL || !nn_uses_is_private(uses, own) || !nn_can_fuse_sum(graph, conv, own, other))
    return true;
  removed[at] = true;
  return fuse(graph, conv, add, other, error);
}

bool
nn_pass_fuse_sums(NnGraph *graph, const NnValueId *targets, int n_targets, GError **error)
{
  return nn_fuse_each(graph, targets, n_targets, fuse_at, error);
}
