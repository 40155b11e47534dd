/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GlobalLpPool: y[n, c] = (sum of |x[n, c, ...]|^p)^(1 / p) (lp.h). Any layout. */
#include "nncore/kernels/broadcast.h"
#include "nncore/ops/lp.h"
#include "nncore/ops/pool.h"

typedef struct {
  int64_t p;
} GlobalLpPool;

static bool
global_lp_pool_parse(NnAttributes *attributes, void *data, GError **error)
{
  GlobalLpPool *params = data;
  return nn_lp_parse(attributes, &params->p, error);
}

/* powers of the input forward, the results' shares backward */
static size_t
global_lp_pool_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return (size_t)nn_shape_count(&infer->in[0].shape) * sizeof(float);
}

static void
global_lp_pool_forward(const NnOpRun *run)
{
  const GlobalLpPool *params = run->params;
  NnTensor powers = run->in[0];
  powers.data = run->scratch;
  nn_lp_power(run->context, params->p, run->in[0].f, powers.f, nn_shape_count(&powers.shape));
  nn_broadcast_sum(run->context, &powers, NULL, 1, &run->out[0]);
  nn_lp_root(run->context, params->p, run->out[0].f, nn_shape_count(&run->out[0].shape));
}

static unsigned
global_lp_pool_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0) | NN_KEEPS_OUTPUT;
}

static void
global_lp_pool_backward(const NnOpRun *run)
{
  const GlobalLpPool *params = run->params;
  NnTensor shares = run->out[0];
  shares.data = run->scratch;
  nn_lp_share(run->context, params->p, run->out[0].f, run->grad_out[0].f, shares.f,
              nn_shape_count(&shares.shape));
  nn_broadcast_scaled(run->context, &shares, 1, &run->grad_in[0]);
  nn_lp_slope(run->context, params->p, run->in[0].f, run->grad_in[0].f,
              nn_shape_count(&run->in[0].shape));
}

const NnOp nn_op_global_lp_pool = {
    .onnx_name = "GlobalLpPool",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(GlobalLpPool),
    .parse = global_lp_pool_parse,
    .infer = nn_pool_infer_whole,
    .scratch_bytes = global_lp_pool_scratch_bytes,
    .operations = nn_operations_input,
    .keeps = global_lp_pool_keeps,
    .forward = global_lp_pool_forward,
    .backward = global_lp_pool_backward,
};
