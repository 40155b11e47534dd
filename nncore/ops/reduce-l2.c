/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ReduceL2: the square root of the sum of x^2 over axes (reduce.h). Any layout. */
#include "nncore/kernels/unary.h"
#include "nncore/ops/reduce.h"

static unsigned
reduce_l2_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0) | NN_KEEPS_OUTPUT;
}

static void
reduce_l2_forward(const NnOpRun *run)
{
  NnTensor out = nn_reduce_view(run, &run->out[0]);
  nn_broadcast_sum(run->context, &run->in[0], &run->in[0], 1, &out);
  nn_unary_apply(run->context, (NnUnary){.kind = NN_UNARY_SQRT}, out.f, out.f,
                 nn_shape_count(&out.shape));
}

static void
reduce_l2_backward(const NnOpRun *run)
{
  NnTensor y = nn_reduce_view(run, &run->out[0]), g = nn_reduce_view(run, &run->grad_out[0]);
  NnTensor share = g;
  share.data = run->scratch;
  int64_t count = nn_shape_count(&y.shape);
  for (int64_t i = 0; i < count; i++) /* as PyTorch has it, 0 where all are 0 */
    share.f[i] = y.f[i] > 0 ? g.f[i] / y.f[i] : 0;
  nn_broadcast_binary(run->context, NN_BINARY_MULTIPLY, &run->in[0], &share, &run->grad_in[0],
                      (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
}

const NnOp nn_op_reduce_l2 = {
    .onnx_name = "ReduceL2",
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
    .keeps = reduce_l2_keeps,
    .scratch_bytes = nn_reduce_scratch_bytes,
    .forward = reduce_l2_forward,
    .backward = reduce_l2_backward,
};
