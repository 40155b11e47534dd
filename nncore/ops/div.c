/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Div: y = a / b, with multidirectional broadcasting. Any layout. */
#include "nncore/ops/binary.h"

static void
div_forward(const NnOpRun *run)
{
  nn_binary_forward(run, NN_BINARY_DIVIDE);
}

static void
div_backward(const NnOpRun *run)
{
  nn_binary_backward(run, NN_BINARY_DIVIDE);
}

const NnOp nn_op_div = {
    .onnx_name = "Div",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .fuses_activation = true,
    .infer = nn_binary_infer,
    .reach = nn_reach_pointwise,
    .keeps = nn_binary_keeps,
    .scratch_bytes = nn_binary_scratch_bytes,
    .forward = div_forward,
    .backward = div_backward,
};
