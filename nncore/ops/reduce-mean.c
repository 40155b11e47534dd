/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ReduceMean: the mean over axes (reduce.h). Any layout. */
#include "nncore/ops/reduce.h"

static void
reduce_mean_forward(const NnOpRun *run)
{
  NnTensor out = nn_reduce_view(run, &run->out[0]);
  float share = (float)(1.0 / (double)nn_reduce_count(run));
  nn_broadcast_sum(run->context, &run->in[0], NULL, share, &out);
}

static void
reduce_mean_backward(const NnOpRun *run)
{
  NnTensor gradient = nn_reduce_view(run, &run->grad_out[0]);
  float share = (float)(1.0 / (double)nn_reduce_count(run));
  nn_broadcast_scaled(run->context, &gradient, share, &run->grad_in[0]);
}

static const NnSpaceSums *
reduce_mean_space_sums(const NnInfer *infer)
{
  return nn_reduce_over_space(infer) ? &nn_space_mean : NULL;
}

const NnOp nn_op_reduce_mean = {
    .onnx_name = "ReduceMean",
    .min_inputs = 1,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << 1,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(NnReduceParams),
    .parse = nn_reduce_parse,
    .infer = nn_reduce_infer,
    .reach = nn_reach_pointwise,
    .space_sums = reduce_mean_space_sums,
    .operations = nn_operations_input,
    .forward = reduce_mean_forward,
    .backward = reduce_mean_backward,
};
