/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conv 1x1, Conv depthwise, Conv 1x1 -> one node (ops/bottleneck.h), where nobody else wants what lies
 * between them. */
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/graph/fuse-each.h"
#include "nncore/graph/passes.h"
#include "nncore/ops/bottleneck.h"

enum { X, W, B };

/* the convolution that makes @node's input and nothing else; NULL for none */
static NnNode *
conv_before(const NnGraph *graph, const NnNode *node, const NnUses *uses)
{
  int producer = graph->values[node->inputs[X]].producer;
  if (producer < 0 || !nn_uses_is_private(uses, node->inputs[X]))
    return NULL;
  NnNode *before = &graph->nodes[producer];
  return before->op == node->op ? before : NULL;
}

/* neither stride nor pad, and one group: with 1x1 taps, every place for itself */
static bool
is_plain(const NnConvParams *params)
{
  const NnWindow *window = &params->window;
  bool plain = params->groups == 1;
  for (int d = 1; d < 3; d++)
    plain = plain && window->stride[d] <= 1 && window->pad_begin[d] == 0 && window->pad_end[d] == 0;
  return plain;
}

static const NnShape *
weights(const NnGraph *graph, const NnNode *conv)
{
  return &graph->values[conv->inputs[W]].type.shape;
}

static bool
fits(const NnGraph *graph, const NnNode *first, const NnNode *middle, const NnNode *last)
{
  return is_plain(first->params) && is_plain(last->params) &&
         graph->values[first->inputs[X]].type.shape.rank == 4 &&
         nn_bottleneck_fits(middle->params, weights(graph, middle), weights(graph, first),
                            weights(graph, last));
}

/* @last becomes the three */
static bool
fuse(const NnNode *first, const NnNode *middle, NnNode *last, GError **error)
{
  NnValueId *inputs = nn_alloc(NN_BOTTLENECK_INPUTS, sizeof *inputs, error);
  NnBottleneckParams *params = inputs != NULL ? nn_alloc0(1, sizeof *params, error) : NULL;
  if (params == NULL) {
    nn_free(inputs);
    return false;
  }
  const NnNode *convs[] = {middle, first, last};
  inputs[NN_BOTTLENECK_X] = first->inputs[X];
  for (int i = 0; i < 3; i++) {
    inputs[NN_BOTTLENECK_W + i] = convs[i]->inputs[W];
    inputs[NN_BOTTLENECK_B + i] = convs[i]->n_inputs > B ? convs[i]->inputs[B] : NN_NO_VALUE;
  }
  params->middle = *(const NnConvParams *)middle->params;
  params->first = first->activation;
  params->second = middle->activation;
  nn_free(last->inputs);
  nn_free(last->params);
  last->op = &nn_op_bottleneck;
  last->inputs = inputs;
  last->n_inputs = NN_BOTTLENECK_INPUTS;
  last->params = params;
  return true;
}

/* NnFuse */
static bool
fuse_at(NnGraph *graph, size_t at, const NnUses *uses, bool *removed, GError **error)
{
  NnNode *last = &graph->nodes[at];
  bool is_conv = last->op == nn_op_find("Conv");
  const NnNode *middle = is_conv ? conv_before(graph, last, uses) : NULL;
  const NnNode *first = middle != NULL ? conv_before(graph, middle, uses) : NULL;
  if (first == NULL || !fits(graph, first, middle, last))
    return true;
  removed[first - graph->nodes] = removed[middle - graph->nodes] = true;
  return fuse(first, middle, last, error);
}

bool
nn_pass_fuse_bottlenecks(NnGraph *graph, const NnValueId *targets, int n_targets, GError **error)
{
  return nn_fuse_each(graph, targets, n_targets, fuse_at, error);
}
