/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MaxPool: y = maximum over a sliding window; the gradient goes to the window's first maximum.
 * Channels-last. */
#include "nncore/ops/pool.h"
#include "nncore/ops/window.h"

static bool
max_pool_parse(NnAttributes *attributes, void *data, GError **error)
{
  NnMaxPoolParams *params = data;
  return nn_window_parse(attributes, true, &params->window, error) &&
         nn_attributes_int(attributes, "storage_order", 0, &params->storage_order, error);
}

static bool
max_pool_infer(NnInfer *infer, GError **error)
{
  const NnMaxPoolParams *params = infer->params;
  if (!nn_pool_infer(infer, &params->window, error))
    return false;
  if (infer->n_outputs > 1)
    infer->out[1] = (NnType){infer->out[0].shape, NN_DTYPE_INT64, true};
  return true;
}

static size_t
max_pool_aux_bytes(const NnInfer *infer)
{
  const NnMaxPoolParams *params = infer->params;
  NnPooling pooling = nn_pool_of(&params->window, &infer->in[0].shape);
  return nn_max_pool_taps_bytes(&pooling);
}

static void
max_pool_forward(const NnOpRun *run)
{
  const NnMaxPoolParams *params = run->params;
  NnPooling pooling = nn_pool_of(&params->window, &run->in[0].shape);
  int64_t *indices = run->n_outputs > 1 ? run->out[1].i : NULL;
  nn_max_pool_forward(run->context, &pooling, run->in[0].f, run->out[0].f, run->aux, indices,
                      params->storage_order == 1);
}

static void
max_pool_backward(const NnOpRun *run)
{
  const NnMaxPoolParams *params = run->params;
  NnPooling pooling = nn_pool_of(&params->window, &run->in[0].shape);
  nn_max_pool_backward(run->context, &pooling, run->aux, run->grad_out[0].f, run->gate,
                       run->grad_in[0].f);
}

static NnWindow *
max_pool_window(void *params)
{
  return &((NnMaxPoolParams *)params)->window;
}

static void
max_pool_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const NnMaxPoolParams *params = infer->params;
  nn_pool_reach(infer, &params->window, reach);
}

static int64_t
max_pool_operations(const NnInfer *infer)
{
  const NnMaxPoolParams *params = infer->params;
  return nn_pool_operations(infer, &params->window);
}

const NnOp nn_op_max_pool = {
    .onnx_name = "MaxPool",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 2,
    .layout = NN_TAKES_CHANNELS_LAST,
    .gates_gradient = true,
    .params_bytes = sizeof(NnMaxPoolParams),
    .parse = max_pool_parse,
    .infer = max_pool_infer,
    .aux_bytes = max_pool_aux_bytes,
    .window = max_pool_window,
    .reach = max_pool_reach,
    .operations = max_pool_operations,
    .forward = max_pool_forward,
    .backward = max_pool_backward,
};
