/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ReduceMax: the largest over axes (reduce.h). Any layout. */
#include "nncore/ops/reduce.h"

static void
reduce_max_forward(const NnOpRun *run)
{
  nn_reduce_pick_forward(run, NN_REDUCE_MAXIMUM);
}

static void
reduce_max_backward(const NnOpRun *run)
{
  nn_reduce_pick_backward(run);
}

const NnOp nn_op_reduce_max = {
    .onnx_name = "ReduceMax",
    .min_inputs = 1,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << 1,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(NnReduceParams),
    .parse = nn_reduce_parse,
    .infer = nn_reduce_infer_any,
    .reach = nn_reach_pointwise,
    .operations = nn_operations_input,
    .keeps = nn_reduce_pick_keeps,
    .scratch_bytes = nn_reduce_scratch_bytes,
    .forward = reduce_max_forward,
    .backward = reduce_max_backward,
};
