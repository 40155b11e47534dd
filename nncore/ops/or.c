/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Or: 1 where a or b, else 0, with multidirectional broadcasting. No gradient. Any layout. */
#include "nncore/ops/binary.h"

static void
or_forward(const NnOpRun *run)
{
  nn_compare_forward(run, NN_COMPARE_OR);
}

const NnOp nn_op_or = {
    .onnx_name = "Or",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = nn_compare_infer,
    .reach = nn_reach_pointwise,
    .forward = or_forward,
};
