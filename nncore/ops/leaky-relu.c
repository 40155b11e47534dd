/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LeakyRelu: y = x where x > 0, else alpha x, where it could not be fused behind another operator.
 * The signs, one bit an element, are what backward needs. Any layout. */
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

static bool
leaky_relu_parse(NnAttributes *attributes, void *params, GError **error)
{
  NnActivation *activation = params;
  activation->kind = NN_ACTIVATION_LEAKY_RELU;
  return nn_attributes_float(attributes, "alpha", 0.01f, &activation->slope, error);
}

static size_t
leaky_relu_aux_bytes(const NnInfer *infer)
{
  return nn_activation_bits_bytes(nn_shape_count(&infer->in[0].shape));
}

static void
leaky_relu_forward(const NnOpRun *run)
{
  const NnActivation *activation = run->params;
  nn_activate(run->context, *activation, run->in[0].f, run->out[0].f,
              nn_shape_count(&run->in[0].shape), run->aux);
}

static void
leaky_relu_backward(const NnOpRun *run)
{
  const NnActivation *activation = run->params;
  nn_copy_bytes(run->context, run->grad_in[0].f, run->grad_out[0].f, nn_tensor_bytes(&run->in[0]));
  nn_gate_run(run->context, nn_gate(*activation, run->aux), run->grad_in[0].f,
              nn_shape_count(&run->in[0].shape));
}

static NnActivation
leaky_relu_as_activation(const NnInfer *infer)
{
  return *(const NnActivation *)infer->params;
}

const NnOp nn_op_leaky_relu = {
    .onnx_name = "LeakyRelu",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .is_rectifier = true,
    .as_activation = leaky_relu_as_activation,
    .params_bytes = sizeof(NnActivation),
    .parse = leaky_relu_parse,
    .infer = nn_infer_same,
    .aux_bytes = leaky_relu_aux_bytes,
    .reach = nn_reach_pointwise,
    .forward = leaky_relu_forward,
    .backward = leaky_relu_backward,
};
