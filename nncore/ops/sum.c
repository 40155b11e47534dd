/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sum: of any number of inputs, with multidirectional broadcasting. Any layout. */
#include "nncore/ops/variadic.h"

static void
sum_forward(const NnOpRun *run)
{
  nn_variadic_forward(run, NN_BINARY_ADD);
}

static void
sum_backward(const NnOpRun *run)
{
  nn_variadic_sum_backward(run, 1);
}

const NnOp nn_op_sum = {
    .onnx_name = "Sum",
    .min_inputs = 1,
    .max_inputs = NN_MAX_INPUTS,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .fuses_activation = true,
    .infer = nn_variadic_infer,
    .reach = nn_reach_pointwise,
    .forward = sum_forward,
    .backward = sum_backward,
};
