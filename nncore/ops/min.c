/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Min: the smallest of any number of inputs (at most 30, for backward), with multidirectional
 * broadcasting. Any layout. */
#include "nncore/ops/variadic.h"

static void
min_forward(const NnOpRun *run)
{
  nn_variadic_forward(run, NN_BINARY_MINIMUM);
}

const NnOp nn_op_min = {
    .onnx_name = "Min",
    .min_inputs = 1,
    .max_inputs = 30,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .fuses_activation = false, /* backward compares with the result */
    .infer = nn_variadic_infer,
    .reach = nn_reach_pointwise,
    .keeps = nn_variadic_pick_keeps,
    .scratch_bytes = nn_variadic_pick_scratch_bytes,
    .forward = min_forward,
    .backward = nn_variadic_pick_backward,
};
