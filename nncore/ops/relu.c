/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Relu: y = max (x, 0), where it could not be fused behind another operator. The signs, one bit
 * an element, are what backward needs. Any layout. */
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

static const NnActivation relu = {NN_ACTIVATION_RELU, 0};

static size_t
relu_aux_bytes(const NnInfer *infer)
{
  return nn_activation_bits_bytes(nn_shape_count(&infer->in[0].shape));
}

static void
relu_forward(const NnOpRun *run)
{
  nn_activate(run->context, relu, run->in[0].f, run->out[0].f, nn_shape_count(&run->in[0].shape),
              run->aux);
}

static void
relu_backward(const NnOpRun *run)
{
  nn_copy_bytes(run->context, run->grad_in[0].f, run->grad_out[0].f, nn_tensor_bytes(&run->in[0]));
  nn_gate_run(run->context, nn_gate(relu, run->aux), run->grad_in[0].f,
              nn_shape_count(&run->in[0].shape));
}

static NnActivation
relu_as_activation(const NnInfer *infer)
{
  return relu;
}

const NnOp nn_op_relu = {
    .onnx_name = "Relu",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .is_rectifier = true,
    .as_activation = relu_as_activation,
    .infer = nn_infer_same,
    .aux_bytes = relu_aux_bytes,
    .reach = nn_reach_pointwise,
    .forward = relu_forward,
    .backward = relu_backward,
};
