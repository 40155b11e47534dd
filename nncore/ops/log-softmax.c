/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LogSoftmax: the logarithm of Softmax, without the way through numbers too small to have one. */
#include "nncore/ops/softmax.h"

static void
log_softmax_forward(const NnOpRun *run)
{
  nn_softmax_forward(run, true);
}

static void
log_softmax_backward(const NnOpRun *run)
{
  nn_softmax_backward(run, true);
}

const NnOp nn_op_log_softmax = {
    .onnx_name = "LogSoftmax",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_PLAIN,
    .params_bytes = sizeof(NnSoftmax),
    .parse = nn_softmax_parse,
    .infer = nn_softmax_infer,
    .reach = nn_softmax_reach,
    .keeps = nn_softmax_keeps,
    .forward = log_softmax_forward,
    .backward = log_softmax_backward,
};
