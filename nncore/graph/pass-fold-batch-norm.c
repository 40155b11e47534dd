/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conv, then factor * y + shift by channel (BatchNormalization at inference), is a Conv with
 * weights factor * W and bias factor * b + shift. */
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/graph/fuse-each.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"

enum { X, W, B };

/* W's first axis is the output channel */
static NnTensor *
scale_weights(const NnTensor *w, const float *factor, GError **error)
{
  NnTensor *scaled = nn_tensor_new(NN_DTYPE_FLOAT, &w->shape, error);
  if (scaled == NULL)
    return NULL;
  int64_t channels = w->shape.dim[0], size = nn_shape_product(&w->shape, 1, w->shape.rank);
  for (int64_t o = 0; o < channels; o++)
    for (int64_t i = 0; i < size; i++)
      scaled->f[o * size + i] = factor[o] * w->f[o * size + i];
  return scaled;
}

static NnTensor *
scale_bias(const NnTensor *bias, const float *factor, const float *shift, int64_t channels,
           GError **error)
{
  NnTensor *scaled = nn_tensor_new(NN_DTYPE_FLOAT, &NN_SHAPE(channels), error);
  for (int64_t c = 0; scaled != NULL && c < channels; c++)
    scaled->f[c] = (bias != NULL ? factor[c] * bias->f[c] : 0) + shift[c];
  return scaled;
}

static bool
set_weights(NnGraph *graph, NnNode *conv, NnValueId w, NnValueId bias, GError **error)
{
  NnValueId *inputs = nn_alloc(3, sizeof *inputs, error);
  if (inputs == NULL)
    return false;
  inputs[X] = conv->inputs[X];
  inputs[W] = w;
  inputs[B] = bias;
  nn_free(conv->inputs);
  conv->inputs = inputs;
  conv->n_inputs = 3;
  return true;
}

static bool
fold(NnGraph *graph, NnNode *conv, const NnNode *affine, GError **error)
{
  NnNodeTypes types;
  float *factors = NULL;
  if (nn_node_types_init(&types, graph, affine, error)) {
    NnPrepare prepare = nn_node_types_prepare(&types, false, false);
    factors = affine->op->prepare(&prepare, error);
  }
  nn_node_types_clear(&types);
  if (factors == NULL)
    return false;
  const NnTensor *w = graph->values[conv->inputs[W]].constant;
  bool has_bias = conv->n_inputs > B && conv->inputs[B] != NN_NO_VALUE;
  const NnTensor *bias = has_bias ? graph->values[conv->inputs[B]].constant : NULL;
  int64_t channels = w->shape.dim[0];
  NnTensor *new_w = scale_weights(w, factors, error);
  NnTensor *new_bias =
      new_w != NULL ? scale_bias(bias, factors, factors + channels, channels, error) : NULL;
  affine->op->free_prepared(factors);
  if (new_bias == NULL) {
    nn_tensor_unref(new_w);
    return false;
  }
  NnValueId w_id = nn_graph_add_constant(graph, new_w, error);
  if (w_id == NN_NO_VALUE) {
    nn_tensor_unref(new_bias);
    return false;
  }
  NnValueId bias_id = nn_graph_add_constant(graph, new_bias, error);
  return bias_id != NN_NO_VALUE && set_weights(graph, conv, w_id, bias_id, error);
}

static bool
is_foldable(const NnGraph *graph, const NnNode *node, const NnUses *uses)
{
  if (!node->op->is_channel_affine)
    return false;
  const NnValue *input = &graph->values[node->inputs[0]];
  if (input->producer < 0 || !nn_uses_is_private(uses, node->inputs[0]))
    return false;
  const NnNode *conv = &graph->nodes[input->producer];
  return strcmp(conv->op->onnx_name, "Conv") == 0 && conv->activation.kind == NN_ACTIVATION_NONE;
}

/* NnFuse */
static bool
fuse(NnGraph *graph, size_t at, const NnUses *uses, bool *removed, GError **error)
{
  const NnNode *node = &graph->nodes[at];
  if (!is_foldable(graph, node, uses))
    return true;
  NnNode *conv = &graph->nodes[graph->values[node->inputs[0]].producer];
  if (!fold(graph, conv, node, error))
    return false;
  nn_graph_take_output(graph, conv, node);
  removed[at] = true;
  return true;
}

bool
nn_pass_fold_batch_norm(NnGraph *graph, const NnValueId *targets, int n_targets, GError **error)
{
  return nn_fuse_each(graph, targets, n_targets, fuse, error);
}
