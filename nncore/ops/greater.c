/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Greater: 1 where a > b, else 0, with multidirectional broadcasting. No gradient. Any layout. */
#include "nncore/ops/binary.h"

static void
greater_forward(const NnOpRun *run)
{
  nn_compare_forward(run, NN_COMPARE_GREATER);
}

const NnOp nn_op_greater = {
    .onnx_name = "Greater",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = nn_compare_infer,
    .reach = nn_reach_pointwise,
    .forward = greater_forward,
};
