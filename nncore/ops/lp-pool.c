/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LpPool: y = (sum of |x|^p)^(1 / p) over a sliding window. With s(x) the sign:
 *
 *   dx = |x|^(p - 1) s(x) (sum over the windows of g y^(1 - p))
 *
 * Channels-last. */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/pool.h"
#include "nncore/ops/window.h"

typedef struct {
  NnWindow window;
  int64_t p;
} LpPool;

static bool
lp_pool_parse(NnAttributes *attributes, void *data, GError **error)
{
  LpPool *params = data;
  if (!nn_window_parse(attributes, true, &params->window, error) ||
      !nn_attributes_int(attributes, "p", 2, &params->p, error))
    return false;
  if (params->p >= 1 && params->p <= 64)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
              _("The attribute “%s” has the impossible value %d."), "p",
              (int)CLAMP(params->p, G_MININT, G_MAXINT));
  return false;
}

static bool
lp_pool_infer(NnInfer *infer, GError **error)
{
  const LpPool *params = infer->params;
  return nn_pool_infer(infer, &params->window, error);
}

/* powers of the input forward, the windows' shares backward */
static size_t
lp_pool_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  int64_t in = nn_shape_count(&infer->in[0].shape), out = nn_shape_count(&infer->out[0].shape);
  return (size_t)MAX(in, gradient ? out : 0) * sizeof(float);
}

typedef struct {
  int p;
  const float *x, *gradient;
  float *to;
} Job;

static void
power_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to[i] = job->p == 2 ? job->x[i] * job->x[i] : powf(fabsf(job->x[i]), (float)job->p);
}

static void
root_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to[i] = job->p == 2 ? sqrtf(job->to[i]) : powf(job->to[i], 1 / (float)job->p);
}

/* a window of zeros has no share: 0, as PyTorch has it */
static void
share_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to[i] = job->x[i] > 0 ? job->gradient[i] * powf(job->x[i], 1 - (float)job->p) : 0;
}

static void
slope_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++) {
    float x = job->x[i];
    float slope = job->p == 2 ? x : copysignf(powf(fabsf(x), (float)(job->p - 1)), x);
    job->to[i] = x == 0 ? 0 : job->to[i] * slope;
  }
}

static void
lp_pool_forward(const NnOpRun *run)
{
  const LpPool *params = run->params;
  NnPooling pooling = nn_pool_of(&params->window, &run->in[0].shape);
  Job power = {(int)params->p, run->in[0].f, NULL, run->scratch};
  Job root = {(int)params->p, NULL, NULL, run->out[0].f};
  nn_parallel_for(run->context, nn_shape_count(&run->in[0].shape), nn_grain(4), power_chunk,
                  &power);
  nn_average_pool_forward(run->context, &pooling, NN_DIVIDE_BY_ONE, power.to, root.to);
  nn_parallel_for(run->context, nn_shape_count(&run->out[0].shape), nn_grain(4), root_chunk, &root);
}

static unsigned
lp_pool_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0) | NN_KEEPS_OUTPUT;
}

static void
lp_pool_backward(const NnOpRun *run)
{
  const LpPool *params = run->params;
  NnPooling pooling = nn_pool_of(&params->window, &run->in[0].shape);
  Job share = {(int)params->p, run->out[0].f, run->grad_out[0].f, run->scratch};
  Job slope = {(int)params->p, run->in[0].f, NULL, run->grad_in[0].f};
  nn_parallel_for(run->context, nn_shape_count(&run->out[0].shape), nn_grain(4), share_chunk,
                  &share);
  nn_average_pool_backward(run->context, &pooling, NN_DIVIDE_BY_ONE, share.to, slope.to);
  nn_parallel_for(run->context, nn_shape_count(&run->in[0].shape), nn_grain(4), slope_chunk,
                  &slope);
}

const NnOp nn_op_lp_pool = {
    .onnx_name = "LpPool",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(LpPool),
    .parse = lp_pool_parse,
    .infer = lp_pool_infer,
    .scratch_bytes = lp_pool_scratch_bytes,
    .keeps = lp_pool_keeps,
    .forward = lp_pool_forward,
    .backward = lp_pool_backward,
};
