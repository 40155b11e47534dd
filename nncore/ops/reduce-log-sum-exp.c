/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ReduceLogSumExp: log of the sum of e^x, by its distance from the largest, over axes (reduce.h). Any layout. */
#include <math.h>

#include "nncore/kernels/unary.h"
#include "nncore/ops/reduce.h"

static size_t
reduce_log_sum_exp_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return nn_reduce_scratch_bytes(infer, threads, true);
}

static void
reduce_log_sum_exp_forward(const NnOpRun *run)
{
  NnTensor out = nn_reduce_view(run, &run->out[0]), most = out;
  int64_t count = nn_shape_count(&out.shape);
  most.data = run->scratch;
  nn_broadcast_reduce(run->context, NN_REDUCE_MAXIMUM, &run->in[0], NULL, &most);
  for (int64_t i = 0; i < count; i++) /* an infinite distance would be no number */
    most.f[i] = isfinite(most.f[i]) ? most.f[i] : 0;
  nn_broadcast_reduce(run->context, NN_REDUCE_EXPONENTIAL, &run->in[0], &most, &out);
  for (int64_t i = 0; i < count; i++)
    out.f[i] = most.f[i] + logf(out.f[i]);
}

static void
reduce_log_sum_exp_backward(const NnOpRun *run)
{
  const NnTensor *to = &run->grad_in[0];
  NnActivation none = {NN_ACTIVATION_NONE, 0};
  NnTensor y = nn_reduce_view(run, &run->out[0]), g = nn_reduce_view(run, &run->grad_out[0]);
  nn_broadcast_binary(run->context, NN_BINARY_SUBTRACT, &run->in[0], &y, to, none, NULL);
  nn_unary_apply(run->context, (NnUnary){.kind = NN_UNARY_EXP}, to->f, to->f,
                 nn_shape_count(&to->shape));
  nn_broadcast_binary(run->context, NN_BINARY_MULTIPLY, to, &g, to, none, NULL);
}

const NnOp nn_op_reduce_log_sum_exp = {
    .onnx_name = "ReduceLogSumExp",
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
    .keeps = nn_reduce_pick_keeps,
    .scratch_bytes = reduce_log_sum_exp_scratch_bytes,
    .forward = reduce_log_sum_exp_forward,
    .backward = reduce_log_sum_exp_backward,
};
