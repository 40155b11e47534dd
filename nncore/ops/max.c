/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Max: the largest of any number of inputs (at most 30, for backward), with multidirectional
 * broadcasting. Any layout. */
#include "nncore/ops/variadic.h"

static void
max_forward(const NnOpRun *run)
{
  nn_variadic_forward(run, NN_BINARY_MAXIMUM);
}

const NnOp nn_op_max = {
    .onnx_name = "Max",
    .min_inputs = 1,
    .max_inputs = 30,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .fuses_activation = false, /* backward compares with the result */
    .infer = nn_variadic_infer,
    .reach = nn_reach_pointwise,
    .keeps = nn_variadic_pick_keeps,
    .scratch_bytes = nn_variadic_pick_scratch_bytes,
    .forward = max_forward,
    .backward = nn_variadic_pick_backward,
};
