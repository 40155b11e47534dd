/* SPDX-License-Identifier: GPL-3.0-or-later */
/* And: 1 where a and b, else 0, with multidirectional broadcasting. No gradient. Any layout. */
#include "nncore/ops/binary.h"

static void
and_forward(const NnOpRun *run)
{
  nn_compare_forward(run, NN_COMPARE_AND);
}

const NnOp nn_op_and = {
    .onnx_name = "And",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = nn_compare_infer,
    .reach = nn_reach_pointwise,
    .forward = and_forward,
};
