/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ReduceLogSum: log of the sum over axes (reduce.h). Any layout. */
#include <math.h>

#include "nncore/kernels/unary.h"
#include "nncore/ops/reduce.h"

static unsigned
reduce_log_sum_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_OUTPUT;
}

static void
reduce_log_sum_forward(const NnOpRun *run)
{
  NnTensor out = nn_reduce_view(run, &run->out[0]);
  nn_broadcast_sum(run->context, &run->in[0], NULL, 1, &out);
  nn_unary_apply(run->context, (NnUnary){.kind = NN_UNARY_LOG}, out.f, out.f,
                 nn_shape_count(&out.shape));
}

static void
reduce_log_sum_backward(const NnOpRun *run)
{
  NnTensor y = nn_reduce_view(run, &run->out[0]), g = nn_reduce_view(run, &run->grad_out[0]);
  NnTensor share = g;
  share.data = run->scratch;
  for (int64_t i = 0; i < nn_shape_count(&y.shape); i++) /* y is the logarithm of the sum */
    share.f[i] = g.f[i] * expf(-y.f[i]);
  nn_broadcast_scaled(run->context, &share, 1, &run->grad_in[0]);
}

const NnOp nn_op_reduce_log_sum = {
    .onnx_name = "ReduceLogSum",
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
    .keeps = reduce_log_sum_keeps,
    .scratch_bytes = nn_reduce_scratch_bytes,
    .forward = reduce_log_sum_forward,
    .backward = reduce_log_sum_backward,
};
