/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AveragePool: y = mean over a sliding window; padding counts as zeros in the divisor where
 * count_include_pad says so. Channels-last. */
#include "nncore/ops/pool.h"
#include "nncore/ops/window.h"

static bool
average_pool_parse(NnAttributes *attributes, void *data, GError **error)
{
  NnAveragePoolParams *params = data;
  return nn_window_parse(attributes, true, &params->window, error) &&
         nn_attributes_int(attributes, "count_include_pad", 0, &params->count_include_pad, error);
}

static bool
average_pool_infer(NnInfer *infer, GError **error)
{
  const NnAveragePoolParams *params = infer->params;
  return nn_pool_infer(infer, &params->window, error);
}

static NnDivisor
divisor_of(const NnAveragePoolParams *params)
{
  return params->count_include_pad != 0 ? NN_DIVIDE_BY_PADDED : NN_DIVIDE_BY_INSIDE;
}

static void
average_pool_forward(const NnOpRun *run)
{
  const NnAveragePoolParams *params = run->params;
  NnPooling pooling = nn_pool_of(&params->window, &run->in[0].shape);
  nn_average_pool_forward(run->context, &pooling, divisor_of(params), run->in[0].f, run->out[0].f);
}

static void
average_pool_backward(const NnOpRun *run)
{
  const NnAveragePoolParams *params = run->params;
  NnPooling pooling = nn_pool_of(&params->window, &run->in[0].shape);
  nn_average_pool_backward(run->context, &pooling, divisor_of(params), run->grad_out[0].f,
                           run->grad_in[0].f);
}

static NnWindow *
average_pool_window(void *params)
{
  return &((NnAveragePoolParams *)params)->window;
}

static void
average_pool_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const NnAveragePoolParams *params = infer->params;
  nn_pool_reach(infer, &params->window, reach);
}

static int64_t
average_pool_operations(const NnInfer *infer)
{
  const NnAveragePoolParams *params = infer->params;
  return nn_pool_operations(infer, &params->window);
}

const NnOp nn_op_average_pool = {
    .onnx_name = "AveragePool",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(NnAveragePoolParams),
    .parse = average_pool_parse,
    .infer = average_pool_infer,
    .window = average_pool_window,
    .reach = average_pool_reach,
    .operations = average_pool_operations,
    .forward = average_pool_forward,
    .backward = average_pool_backward,
};
