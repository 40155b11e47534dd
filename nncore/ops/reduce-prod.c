/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ReduceProd: the product over axes (reduce.h). Any layout. */
#include "nncore/ops/reduce.h"

static void
reduce_prod_forward(const NnOpRun *run)
{
  nn_reduce_pick_forward(run, NN_REDUCE_PRODUCT);
}

static void
reduce_prod_backward(const NnOpRun *run)
{
  NnTensor y = nn_reduce_view(run, &run->out[0]), g = nn_reduce_view(run, &run->grad_out[0]);
  const NnTensor *to = &run->grad_in[0];
  NnActivation none = {NN_ACTIVATION_NONE, 0};
  NnTensor product = g; /* without the element itself: y / x, so an exact 0 gives no number */
  product.data = run->scratch;
  nn_broadcast_binary(run->context, NN_BINARY_MULTIPLY, &y, &g, &product, none, NULL);
  nn_broadcast_binary(run->context, NN_BINARY_DIVIDE, &product, &run->in[0], to, none, NULL);
}

const NnOp nn_op_reduce_prod = {
    .onnx_name = "ReduceProd",
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
    .keeps = nn_reduce_pick_keeps,
    .scratch_bytes = nn_reduce_scratch_bytes,
    .forward = reduce_prod_forward,
    .backward = reduce_prod_backward,
};
