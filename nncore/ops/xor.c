/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Xor: 1 where either a or b, else 0, with multidirectional broadcasting. No gradient. Any layout. */
#include "nncore/ops/binary.h"

static void
xor_forward(const NnOpRun *run)
{
  nn_compare_forward(run, NN_COMPARE_XOR);
}

const NnOp nn_op_xor = {
    .onnx_name = "Xor",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = nn_compare_infer,
    .reach = nn_reach_pointwise,
    .forward = xor_forward,
};
