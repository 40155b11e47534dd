/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ReduceSumSquare: the sum of x^2 over axes (reduce.h). Any layout. */
#include "nncore/ops/reduce.h"

static unsigned
reduce_sum_square_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0);
}

static void
reduce_sum_square_forward(const NnOpRun *run)
{
  NnTensor out = nn_reduce_view(run, &run->out[0]);
  nn_broadcast_sum(run->context, &run->in[0], &run->in[0], 1, &out);
}

static void
reduce_sum_square_backward(const NnOpRun *run)
{
  const NnTensor *to = &run->grad_in[0];
  NnTensor gradient = nn_reduce_view(run, &run->grad_out[0]);
  nn_broadcast_scaled(run->context, &run->in[0], 2, to);
  nn_broadcast_binary(run->context, NN_BINARY_MULTIPLY, to, &gradient, to,
                      (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
}

const NnOp nn_op_reduce_sum_square = {
    .onnx_name = "ReduceSumSquare",
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
    .keeps = reduce_sum_square_keeps,
    .forward = reduce_sum_square_forward,
    .backward = reduce_sum_square_backward,
};
