/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mean: of any number of inputs, with multidirectional broadcasting. Any layout. */
#include "nncore/ops/variadic.h"

static bool
mean_infer(NnInfer *infer, GError **error)
{
  return nn_check_floats(infer, 0, infer->n_inputs - 1, error) && nn_variadic_infer(infer, error);
}

static void
mean_forward(const NnOpRun *run)
{
  nn_variadic_forward(run, NN_BINARY_ADD);
  nn_broadcast_scaled(run->context, &run->out[0], 1.0f / (float)run->n_inputs, &run->out[0]);
}

static void
mean_backward(const NnOpRun *run)
{
  nn_variadic_sum_backward(run, 1.0f / (float)run->n_inputs);
}

const NnOp nn_op_mean = {
    .onnx_name = "Mean",
    .min_inputs = 1,
    .max_inputs = NN_MAX_INPUTS,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = mean_infer,
    .reach = nn_reach_pointwise,
    .forward = mean_forward,
    .backward = mean_backward,
};
