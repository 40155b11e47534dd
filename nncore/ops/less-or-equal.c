/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LessOrEqual: 1 where a <= b, else 0, with multidirectional broadcasting. No gradient. Any layout. */
#include "nncore/ops/binary.h"

static void
less_or_equal_forward(const NnOpRun *run)
{
  nn_compare_forward(run, NN_COMPARE_LESS_OR_EQUAL);
}

const NnOp nn_op_less_or_equal = {
    .onnx_name = "LessOrEqual",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = nn_compare_infer,
    .reach = nn_reach_pointwise,
    .forward = less_or_equal_forward,
};
