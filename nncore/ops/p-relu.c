/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PRelu: y = x where x > 0, else slope x: one slope for each channel, as a rule, with multidirectional broadcasting. Any layout. */
#include "nncore/ops/binary.h"

typedef struct {
  int64_t by_channel; /* before opset 7: the slopes are a vector over axis 1 */
} PRelu;

enum { X, SLOPE };

static bool
p_relu_parse(NnAttributes *attributes, void *data, GError **error)
{
  PRelu *params = data;
  return nn_attributes_int(attributes, "by_channel", 0, &params->by_channel, error);
}

/* the layout pass may have raised the vector's rank in front */
static bool
is_vector(const PRelu *params, const NnShape *x, const NnShape *slope)
{
  return params->by_channel != 0 && x->rank >= 2 && slope->rank >= 1 &&
         slope->dim[slope->rank - 1] == x->dim[1] && nn_shape_count(slope) == x->dim[1];
}

/* whatever its memory order, a vector is the same elements */
static NnTensor
slope_view(const NnOpRun *run, const NnTensor *slope)
{
  const NnShape *x = &run->in[X].shape;
  NnTensor view = *slope;
  int64_t count = nn_shape_count(&slope->shape);
  if (!is_vector(run->params, x, &slope->shape))
    return view;
  view.layout = NN_LAYOUT_PLAIN;
  view.shape = (NnShape){.rank = x->rank};
  for (int i = 0; i < x->rank; i++)
    view.shape.dim[i] = i == 1 ? count : 1;
  return view;
}

static bool
p_relu_infer(NnInfer *infer, GError **error)
{
  bool vector = nn_has_input(infer, SLOPE) && nn_shape_check(&infer->in[SLOPE].shape, NULL) &&
                is_vector(infer->params, &infer->in[X].shape, &infer->in[SLOPE].shape);
  if (vector)
    return nn_check_floats(infer, X, SLOPE, error) && nn_infer_same(infer, error);
  return nn_binary_infer(infer, error);
}

static void
p_relu_forward(const NnOpRun *run)
{
  NnTensor slope = slope_view(run, &run->in[SLOPE]);
  nn_broadcast_binary(run->context, NN_BINARY_PRELU, &run->in[X], &slope, &run->out[0],
                      run->activation, run->activation_bits);
}

static void
p_relu_backward(const NnOpRun *run)
{
  const NnTensor in[] = {run->in[X], slope_view(run, &run->in[SLOPE])};
  const NnTensor grad_in[] = {run->grad_in[X], slope_view(run, &run->grad_in[SLOPE])};
  NnOpRun spread = *run;
  spread.in = in;
  spread.grad_in = grad_in;
  nn_binary_backward(&spread, NN_BINARY_PRELU);
}

const NnOp nn_op_p_relu = {
    .onnx_name = "PRelu",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .is_rectifier = true,
    .fuses_activation = true,
    .params_bytes = sizeof(PRelu),
    .parse = p_relu_parse,
    .infer = p_relu_infer,
    .reach = nn_reach_pointwise,
    .keeps = nn_binary_keeps,
    .scratch_bytes = nn_binary_scratch_bytes,
    .forward = p_relu_forward,
    .backward = p_relu_backward,
};
