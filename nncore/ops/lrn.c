/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LRN: local response normalization across channels (Krizhevsky et al. 2012):
 *
 *   y = x / s^beta,  s = bias + alpha / size (sum of x^2 over the size channels around)
 *
 * and, with window sums over the mirrored window,
 *
 *   dx = g / s^beta - 2 alpha beta / size x (sum of g x / s^(beta + 1) around)
 *
 * Channels-last: a pixel at a time, by running sums in double. With beta 0.75, which nearly all
 * networks use, 1 / s^beta is 1 / (sqrt s sqrt sqrt s): it costs a tenth of powf() and is as good but
 * for the last bits. */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

typedef struct {
  float alpha, beta, bias;
  int64_t size;
} Lrn;

static bool
lrn_parse(NnAttributes *attributes, void *data, GError **error)
{
  Lrn *params = data;
  if (!nn_attributes_float(attributes, "alpha", 0.0001f, &params->alpha, error) ||
      !nn_attributes_float(attributes, "beta", 0.75f, &params->beta, error) ||
      !nn_attributes_float(attributes, "bias", 1, &params->bias, error) ||
      !nn_attributes_int(attributes, "size", 0, &params->size, error))
    return false;
  if (params->size >= 1 && params->size <= G_MAXINT16)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("The attribute “%s” has the impossible value %d."), "size",
              (int)CLAMP(params->size, G_MININT, G_MAXINT));
  return false;
}

static bool
lrn_infer(NnInfer *infer, GError **error)
{
  return nn_check_present(infer, 0, error) && nn_check_rank(&infer->in[0].shape, 2, 5, error) &&
         nn_infer_same(infer, error);
}

static size_t
lrn_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return 2 * (size_t)infer->in[0].shape.dim[1] * (size_t)threads * sizeof(double);
}

typedef struct {
  const Lrn *params;
  const float *x, *gradient; /* gradient is NULL forward */
  float *to;
  double *scratch; /* two doubles a channel for each worker */
  int64_t channels;
} Job;

/* sums[c] = sum of values[c - before] to values[c + behind]; running, so exact in double only */
static void
window_sums(const double *values, int64_t channels, int64_t before, int64_t behind, double *sums)
{
  double sum = 0;
  for (int64_t c = 0; c < MIN(behind, channels); c++)
    sum += values[c];
  for (int64_t c = 0; c < channels; c++) {
    double next = c + behind < channels ? values[c + behind] : 0;
    sum += next - (c - before > 0 ? values[c - before - 1] : 0);
    sums[c] = sum;
  }
}

/* s^-beta, as exact as a float */
static void
find_powers(const Lrn *params, const double *restrict s, int64_t channels, double *restrict powers)
{
  if (params->beta == 0.75f)
    for (int64_t c = 0; c < channels; c++) {
      float root = sqrtf((float)s[c]);
      powers[c] = (double)(1 / (root * sqrtf(root)));
    }
  else
    for (int64_t c = 0; c < channels; c++)
      powers[c] = (double)powf((float)s[c], -params->beta);
}

/* @values, @sums: memory of as many as there are channels */
static void
lrn_pixel(const Job *job, int64_t start, double *values, double *sums)
{
  const Lrn *params = job->params;
  const float *x = job->x + start;
  float *to = job->to + start;
  int64_t before = (params->size - 1) / 2, behind = params->size - 1 - before;
  double share = (double)params->alpha / (double)params->size, beta = (double)params->beta;
  for (int64_t c = 0; c < job->channels; c++)
    values[c] = (double)x[c] * (double)x[c];
  window_sums(values, job->channels, before, behind, sums);
  for (int64_t c = 0; c < job->channels; c++)
    sums[c] = (double)params->bias + share * sums[c];
  find_powers(params, sums, job->channels, values);
  if (job->gradient == NULL) {
    for (int64_t c = 0; c < job->channels; c++)
      to[c] = x[c] * (float)values[c];
    return;
  }
  const float *g = job->gradient + start;
  for (int64_t c = 0; c < job->channels; c++) {
    double own = (double)g[c] * values[c];
    values[c] = own * (double)x[c] / sums[c];
    to[c] = (float)own;
  }
  window_sums(values, job->channels, behind, before, sums);
  for (int64_t c = 0; c < job->channels; c++)
    to[c] = (float)((double)to[c] - 2 * share * beta * (double)x[c] * sums[c]);
}

static void
lrn_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  double *values = job->scratch + 2 * worker * job->channels;
  for (int64_t pixel = begin; pixel < end; pixel++)
    lrn_pixel(job, pixel * job->channels, values, values + job->channels);
}

static void
lrn_run(const NnOpRun *run, const float *gradient, float *to)
{
  int64_t channels = run->in[0].shape.dim[1];
  Job job = {run->params, run->in[0].f, gradient, to, run->scratch, channels};
  int64_t pixels = nn_shape_count(&run->in[0].shape) / MAX(channels, 1);
  nn_parallel_for(run->context, pixels, nn_grain(channels * 8), lrn_chunk, &job);
}

static void
lrn_forward(const NnOpRun *run)
{
  lrn_run(run, NULL, run->out[0].f);
}

static unsigned
lrn_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0);
}

static void
lrn_backward(const NnOpRun *run)
{
  lrn_run(run, run->grad_out[0].f, run->grad_in[0].f);
}

const NnOp nn_op_lrn = {
    .onnx_name = "LRN",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(Lrn),
    .parse = lrn_parse,
    .infer = lrn_infer,
    .scratch_bytes = lrn_scratch_bytes,
    .reach = nn_reach_pointwise,
    .keeps = lrn_keeps,
    .forward = lrn_forward,
    .backward = lrn_backward,
};
