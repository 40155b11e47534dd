/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mul: y = a b, element by element, with multidirectional broadcasting. Any layout. */
#include "nncore/ops/binary.h"

static void
mul_forward(const NnOpRun *run)
{
  nn_binary_forward(run, NN_BINARY_MULTIPLY);
}

/* each input's gradient needs the other one */
static unsigned
mul_keeps(const void *params, unsigned varying)
{
  return (varying & 1 ? NN_KEEPS_INPUT(1) : 0) | (varying & 2 ? NN_KEEPS_INPUT(0) : 0);
}

static void
mul_backward(const NnOpRun *run)
{
  for (int i = 0; i < 2; i++)
    if (run->grad_in[i].data != NULL)
      nn_broadcast_sum(run->context, &run->grad_out[0], &run->in[1 - i], 1, &run->grad_in[i]);
}

const NnOp nn_op_mul = {
    .onnx_name = "Mul",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .fuses_activation = true,
    .infer = nn_binary_infer,
    .reach = nn_reach_pointwise,
    .keeps = mul_keeps,
    .forward = mul_forward,
    .backward = mul_backward,
};
