/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sub: y = a - b with multidirectional broadcasting. Any layout. */
#include "nncore/ops/binary.h"

static void
sub_forward(const NnOpRun *run)
{
  nn_binary_forward(run, NN_BINARY_SUBTRACT);
}

static void
sub_backward(const NnOpRun *run)
{
  for (int i = 0; i < 2; i++)
    if (run->grad_in[i].data != NULL)
      nn_broadcast_sum(run->context, &run->grad_out[0], NULL, i == 0 ? 1 : -1, &run->grad_in[i]);
}

const NnOp nn_op_sub = {
    .onnx_name = "Sub",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .fuses_activation = true,
    .infer = nn_binary_infer,
    .reach = nn_reach_pointwise,
    .forward = sub_forward,
    .backward = sub_backward,
};
