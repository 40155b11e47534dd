/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Add: y = a + b with multidirectional broadcasting. Any layout. */
#include "nncore/ops/binary.h"

static void
add_forward(const NnOpRun *run)
{
  nn_binary_forward(run, NN_BINARY_ADD);
}

static void
add_backward(const NnOpRun *run)
{
  for (int i = 0; i < 2; i++)
    if (run->grad_in[i].data != NULL && run->grad_in[i].data != run->grad_out[0].data)
      nn_broadcast_sum(run->context, &run->grad_out[0], NULL, 1, &run->grad_in[i]);
}

const NnOp nn_op_add = {
    .onnx_name = "Add",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .fuses_activation = true,
    .passes_gradient = 1u << 0 | 1u << 1,
    .infer = nn_binary_infer,
    .reach = nn_reach_pointwise,
    .forward = add_forward,
    .backward = add_backward,
};
