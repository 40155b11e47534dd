/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LpPool: y = (sum of |x|^p)^(1 / p) over a sliding window (lp.h). Channels-last. */
#include "nncore/ops/lp.h"
#include "nncore/ops/pool.h"
#include "nncore/ops/window.h"

static bool
lp_pool_parse(NnAttributes *attributes, void *data, GError **error)
{
  NnLpPoolParams *params = data;
  params->divisor = NN_DIVIDE_BY_ONE;
  return nn_window_parse(attributes, true, &params->window, error) &&
         nn_lp_parse(attributes, &params->p, error);
}

static bool
lp_pool_infer(NnInfer *infer, GError **error)
{
  const NnLpPoolParams *params = infer->params;
  return nn_pool_infer(infer, &params->window, error);
}

/* powers of the input forward, the windows' shares backward */
static size_t
lp_pool_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  int64_t in = nn_shape_count(&infer->in[0].shape), out = nn_shape_count(&infer->out[0].shape);
  return (size_t)MAX(in, gradient ? out : 0) * sizeof(float);
}

static void
lp_pool_forward(const NnOpRun *run)
{
  const NnLpPoolParams *params = run->params;
  NnPooling pooling = nn_pool_of(&params->window, &run->in[0].shape);
  float *powers = run->scratch;
  nn_lp_power(run->context, params->p, run->in[0].f, powers, nn_shape_count(&run->in[0].shape));
  nn_average_pool_forward(run->context, &pooling, params->divisor, powers, run->out[0].f);
  nn_lp_root(run->context, params->p, run->out[0].f, nn_shape_count(&run->out[0].shape));
}

static unsigned
lp_pool_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0) | NN_KEEPS_OUTPUT;
}

static void
lp_pool_backward(const NnOpRun *run)
{
  const NnLpPoolParams *params = run->params;
  NnPooling pooling = nn_pool_of(&params->window, &run->in[0].shape);
  float *shares = run->scratch;
  nn_lp_share(run->context, params->p, run->out[0].f, run->grad_out[0].f, shares,
              nn_shape_count(&run->out[0].shape));
  nn_average_pool_backward(run->context, &pooling, params->divisor, shares, run->grad_in[0].f);
  nn_lp_slope(run->context, params->p, run->in[0].f, run->grad_in[0].f,
              nn_shape_count(&run->in[0].shape));
}

static NnWindow *
lp_pool_window(void *params)
{
  return &((NnLpPoolParams *)params)->window;
}

static void
lp_pool_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const NnLpPoolParams *params = infer->params;
  nn_pool_reach(infer, &params->window, reach);
}

static int64_t
lp_pool_operations(const NnInfer *infer)
{
  const NnLpPoolParams *params = infer->params;
  return nn_pool_operations(infer, &params->window);
}

const NnOp nn_op_lp_pool = {
    .onnx_name = "LpPool",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(NnLpPoolParams),
    .parse = lp_pool_parse,
    .infer = lp_pool_infer,
    .scratch_bytes = lp_pool_scratch_bytes,
    .window = lp_pool_window,
    .reach = lp_pool_reach,
    .operations = lp_pool_operations,
    .keeps = lp_pool_keeps,
    .forward = lp_pool_forward,
    .backward = lp_pool_backward,
};
