/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GlobalMaxPool: y[n, c] = the largest of x[n, c, ...]; the gradient goes to the first of them.
 * Channels-last. */
#include "nncore/ops/pool.h"
#include "nncore/ops/traits.h"

static NnPooling
pooling_of(const NnShape *shape)
{
  NnWindow window = nn_pool_whole(shape);
  return nn_pool_of(&window, shape);
}

static size_t
global_max_pool_aux_bytes(const NnInfer *infer)
{
  NnPooling pooling = pooling_of(&infer->in[0].shape);
  return nn_max_pool_taps_bytes(&pooling);
}

static void
global_max_pool_forward(const NnOpRun *run)
{
  NnPooling pooling = pooling_of(&run->in[0].shape);
  nn_max_pool_forward(run->context, &pooling, run->in[0].f, run->out[0].f, run->aux, NULL, false);
}

static void
global_max_pool_backward(const NnOpRun *run)
{
  NnPooling pooling = pooling_of(&run->in[0].shape);
  nn_max_pool_backward(run->context, &pooling, run->aux, run->grad_out[0].f, run->gate,
                       run->grad_in[0].f);
}

const NnOp nn_op_global_max_pool = {
    .onnx_name = "GlobalMaxPool",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_CHANNELS_LAST,
    .infer = nn_pool_infer_whole,
    .aux_bytes = global_max_pool_aux_bytes,
    .operations = nn_operations_input,
    .forward = global_max_pool_forward,
    .backward = global_max_pool_backward,
};
