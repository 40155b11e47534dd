/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ReduceSum: the sum over axes (reduce.h). Any layout. */
#include "nncore/ops/reduce.h"

static void
reduce_sum_forward(const NnOpRun *run)
{
  if (run->in[0].dtype == NN_DTYPE_INT64) {
    nn_reduce_integers(run, NN_REDUCE_SUM);
    return;
  }
  NnTensor out = nn_reduce_view(run, &run->out[0]);
  nn_broadcast_sum(run->context, &run->in[0], NULL, 1, &out);
}

static void
reduce_sum_backward(const NnOpRun *run)
{
  NnTensor gradient = nn_reduce_view(run, &run->grad_out[0]);
  nn_broadcast_scaled(run->context, &gradient, 1, &run->grad_in[0]);
}

const NnOp nn_op_reduce_sum = {
    .onnx_name = "ReduceSum",
    .min_inputs = 1,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << 1,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(NnReduceParams),
    .parse = nn_reduce_parse,
    .infer = nn_reduce_infer_any,
    .reach = nn_reach_pointwise,
    .operations = nn_operations_input,
    .forward = reduce_sum_forward,
    .backward = reduce_sum_backward,
};
