/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ArgMax: where along an axis the largest number is; of equal ones the first, or the last. No
 * gradient. */
#include "nncore/ops/arg.h"

static void
arg_max_forward(const NnOpRun *run)
{
  nn_arg_forward(run, false);
}

const NnOp nn_op_arg_max = {
    .onnx_name = "ArgMax",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_PLAIN,
    .params_bytes = sizeof(NnArgParams),
    .parse = nn_arg_parse,
    .infer = nn_arg_infer,
    .reach = nn_reach_pointwise,
    .operations = nn_operations_input,
    .forward = arg_max_forward,
};
