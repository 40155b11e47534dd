/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pow: y = a to the power of b, with multidirectional broadcasting. Any layout. */
#include "nncore/ops/binary.h"

static void
pow_forward(const NnOpRun *run)
{
  nn_binary_forward(run, NN_BINARY_POWER);
}

static void
pow_backward(const NnOpRun *run)
{
  nn_binary_backward(run, NN_BINARY_POWER);
}

const NnOp nn_op_pow = {
    .onnx_name = "Pow",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .fuses_activation = true,
    .infer = nn_binary_infer,
    .keeps = nn_binary_keeps,
    .scratch_bytes = nn_binary_scratch_bytes,
    .forward = pow_forward,
    .backward = pow_backward,
};
