/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LpNormalization: y = x / norm along one axis, the norm being the sum of |x| (p = 1) or the square
 * root of the sum of x^2 (p = 2); where it is 0, y is 0. Any layout: outer x axis x inner. */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

typedef struct {
  int64_t axis, p;
} Params;

static bool
lp_normalization_parse(NnAttributes *attributes, void *data, GError **error)
{
  Params *params = data;
  if (!nn_attributes_int(attributes, "axis", -1, &params->axis, error) ||
      !nn_attributes_int(attributes, "p", 2, &params->p, error))
    return false;
  if (params->p == 1 || params->p == 2)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
              _("The attribute “%s” has the impossible value %d."), "p",
              (int)CLAMP(params->p, G_MININT, G_MAXINT));
  return false;
}

static bool
lp_normalization_infer(NnInfer *infer, GError **error)
{
  const Params *params = infer->params;
  int axis;
  return nn_infer_same(infer, error) &&
         nn_shape_axis(&infer->in[0].shape, params->axis, &axis, error);
}

typedef struct {
  const float *x, *gradient; /* gradient is NULL forward */
  float *to;
  int64_t length, inner;
  int p;
} Job;

/* dx = g / norm - (sum of g x) / norm^(p + 1) d norm^p / p: with s = sign x or x */
static void
lp_column(const Job *job, int64_t start)
{
  double sum = 0, products = 0;
  for (int64_t i = 0; i < job->length; i++) {
    int64_t at = start + i * job->inner;
    double x = (double)job->x[at];
    sum += job->p == 1 ? fabs(x) : x * x;
    products += job->gradient != NULL ? x * (double)job->gradient[at] : 0;
  }
  double norm = job->p == 1 ? sum : sqrt(sum), inverse = norm > 0 ? 1 / norm : 0;
  for (int64_t i = 0; i < job->length; i++) {
    int64_t at = start + i * job->inner;
    double x = (double)job->x[at], slope = job->p == 1 ? (x > 0) - (x < 0) : x * inverse;
    job->to[at] = job->gradient == NULL
                      ? (float)(x * inverse)
                      : (float)(((double)job->gradient[at] - products * inverse * slope) * inverse);
  }
}

static void
lp_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t item = begin; item < end; item++)
    lp_column(job, item / job->inner * job->length * job->inner + item % job->inner);
}

static void
lp_run(const NnOpRun *run, const float *gradient, float *to)
{
  const Params *params = run->params;
  const NnTensor *in = &run->in[0];
  int axis;
  if (!nn_shape_axis(&in->shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  int64_t dims[NN_MAX_RANK], count = nn_shape_count(&in->shape);
  nn_tensor_memory_dims(in, dims);
  Job job = {in->f, gradient, to, in->shape.dim[axis], 1, (int)params->p};
  for (int i = nn_tensor_memory_axis(in, axis) + 1; i < in->shape.rank; i++)
    job.inner *= dims[i];
  if (count > 0)
    nn_parallel_for(run->context, count / job.length, nn_grain(job.length), lp_chunk, &job);
}

static void
lp_normalization_forward(const NnOpRun *run)
{
  lp_run(run, NULL, run->out[0].f);
}

static unsigned
lp_normalization_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0);
}

static void
lp_normalization_backward(const NnOpRun *run)
{
  lp_run(run, run->grad_out[0].f, run->grad_in[0].f);
}

static void
lp_normalization_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const Params *params = infer->params;
  int axis;
  if (!nn_shape_axis(&infer->in[0].shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  nn_reach_beside(axis, reach);
}

const NnOp nn_op_lp_normalization = {
    .onnx_name = "LpNormalization",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(Params),
    .parse = lp_normalization_parse,
    .infer = lp_normalization_infer,
    .reach = lp_normalization_reach,
    .keeps = lp_normalization_keeps,
    .forward = lp_normalization_forward,
    .backward = lp_normalization_backward,
};
