/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ReduceL1: the sum of |x| over axes (reduce.h). Any layout. */
#include "nncore/kernels/unary.h"
#include "nncore/ops/reduce.h"

static unsigned
reduce_l1_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0);
}

static void
reduce_l1_forward(const NnOpRun *run)
{
  NnTensor out = nn_reduce_view(run, &run->out[0]);
  nn_broadcast_reduce(run->context, NN_REDUCE_ABSOLUTE, &run->in[0], NULL, &out);
}

static void
reduce_l1_backward(const NnOpRun *run)
{
  const NnTensor *to = &run->grad_in[0];
  NnTensor gradient = nn_reduce_view(run, &run->grad_out[0]);
  nn_unary_apply(run->context, (NnUnary){.kind = NN_UNARY_SIGN}, run->in[0].f, to->f,
                 nn_shape_count(&to->shape));
  nn_broadcast_binary(run->context, NN_BINARY_MULTIPLY, to, &gradient, to,
                      (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
}

const NnOp nn_op_reduce_l1 = {
    .onnx_name = "ReduceL1",
    .min_inputs = 1,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << 1,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(NnReduceParams),
    .parse = nn_reduce_parse,
    .infer = nn_reduce_infer,
    .reach = nn_reach_pointwise,
    .operations = nn_operations_input,
    .keeps = reduce_l1_keeps,
    .forward = reduce_l1_forward,
    .backward = reduce_l1_backward,
};
