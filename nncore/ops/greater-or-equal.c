/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GreaterOrEqual: 1 where a >= b, else 0, with multidirectional broadcasting. No gradient. Any layout. */
#include "nncore/ops/binary.h"

static void
greater_or_equal_forward(const NnOpRun *run)
{
  nn_compare_forward(run, NN_COMPARE_GREATER_OR_EQUAL);
}

const NnOp nn_op_greater_or_equal = {
    .onnx_name = "GreaterOrEqual",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = nn_compare_infer,
    .reach = nn_reach_pointwise,
    .forward = greater_or_equal_forward,
};
