/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Softmax: y = exp (x - max) / sum exp (x - max) along one axis, or, as opsets before 13 had it
 * (coerce_2d), along all axes from that one on together. With g the gradient to y:
 * g_x = y (g - sum g y); of its logarithm, g_x = g - y sum g. Plain layout: outer x axis x
 * inner. */
#include "nncore/ops/softmax.h"

#include <math.h>

#include "nncore/base/round.h"
#include "nncore/kernels/elementwise.h"

#define MAX_LANES 16 /* neighbours along inner that are done together: a cache line */

bool
nn_softmax_parse(NnAttributes *attributes, void *data, GError **error)
{
  NnSoftmax *params = data;
  return nn_attributes_int(attributes, "coerce_2d", 0, &params->coerce_2d, error) &&
         nn_attributes_int(attributes, "axis", params->coerce_2d ? 1 : -1, &params->axis, error);
}

bool
nn_softmax_infer(NnInfer *infer, GError **error)
{
  const NnSoftmax *params = infer->params;
  int axis;
  return nn_infer_same(infer, error) &&
         nn_shape_axis(&infer->in[0].shape, params->axis, &axis, error);
}

void
nn_softmax_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const NnSoftmax *params = infer->params;
  int axis, rank = infer->in[0].shape.rank;
  if (!nn_shape_axis(&infer->in[0].shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  nn_reach_beside(params->coerce_2d ? rank - 1 : axis, reach);
}

typedef struct {
  const float *x; /* forward: x; backward: g */
  const float *y; /* backward only */
  float *to;
  bool log;
  int64_t outer, length, inner, lanes, blocks; /* inner = up to blocks of lanes */
} Job;

static void
softmax_block(const Job *job, int64_t start, int64_t lanes)
{
  const float *x = job->x + start;
  float *y = job->to + start;
  float most[MAX_LANES];
  double sum[MAX_LANES] = {0};
  for (int64_t j = 0; j < lanes; j++)
    most[j] = x[j];
  for (int64_t i = 1; i < job->length; i++)
    for (int64_t j = 0; j < lanes; j++)
      most[j] = MAX(most[j], x[i * job->inner + j]);
  for (int64_t i = 0; i < job->length; i++)
    for (int64_t j = 0; j < lanes; j++) {
      float e = expf(x[i * job->inner + j] - most[j]);
      y[i * job->inner + j] = e;
      sum[j] += (double)e;
    }
  for (int64_t i = 0; i < job->length; i++)
    for (int64_t j = 0; j < lanes; j++)
      y[i * job->inner + j] = (float)((double)y[i * job->inner + j] / sum[j]);
}

static void
log_softmax_block(const Job *job, int64_t start, int64_t lanes)
{
  const float *x = job->x + start;
  float *y = job->to + start;
  float most[MAX_LANES];
  double sum[MAX_LANES] = {0};
  for (int64_t j = 0; j < lanes; j++)
    most[j] = x[j];
  for (int64_t i = 1; i < job->length; i++)
    for (int64_t j = 0; j < lanes; j++)
      most[j] = MAX(most[j], x[i * job->inner + j]);
  for (int64_t i = 0; i < job->length; i++)
    for (int64_t j = 0; j < lanes; j++)
      sum[j] += (double)expf(x[i * job->inner + j] - most[j]);
  for (int64_t j = 0; j < lanes; j++)
    sum[j] = log(sum[j]);
  for (int64_t i = 0; i < job->length; i++)
    for (int64_t j = 0; j < lanes; j++)
      y[i * job->inner + j] = (float)((double)(x[i * job->inner + j] - most[j]) - sum[j]);
}

static void
log_gradient_block(const Job *job, int64_t start, int64_t lanes)
{
  const float *g = job->x + start, *y = job->y + start;
  float *to = job->to + start;
  double sum[MAX_LANES] = {0};
  for (int64_t i = 0; i < job->length; i++)
    for (int64_t j = 0; j < lanes; j++)
      sum[j] += (double)g[i * job->inner + j];
  for (int64_t i = 0; i < job->length; i++)
    for (int64_t j = 0; j < lanes; j++) {
      int64_t at = i * job->inner + j;
      to[at] = (float)((double)g[at] - (double)expf(y[at]) * sum[j]);
    }
}

static void
gradient_block(const Job *job, int64_t start, int64_t lanes)
{
  const float *g = job->x + start, *y = job->y + start;
  float *to = job->to + start;
  double dot[MAX_LANES] = {0};
  for (int64_t i = 0; i < job->length; i++)
    for (int64_t j = 0; j < lanes; j++)
      dot[j] += (double)g[i * job->inner + j] * (double)y[i * job->inner + j];
  for (int64_t i = 0; i < job->length; i++)
    for (int64_t j = 0; j < lanes; j++) {
      int64_t at = i * job->inner + j;
      to[at] = (float)((double)y[at] * ((double)g[at] - dot[j]));
    }
}

static void
softmax_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t item = begin; item < end; item++) {
    int64_t first = item % job->blocks * job->lanes;
    int64_t start = item / job->blocks * job->length * job->inner + first;
    int64_t lanes = MIN(job->lanes, job->inner - first);
    if (job->y == NULL)
      (job->log ? log_softmax_block : softmax_block)(job, start, lanes);
    else
      (job->log ? log_gradient_block : gradient_block)(job, start, lanes);
  }
}

static void
softmax_run(const NnOpRun *run, Job *job)
{
  const NnSoftmax *params = run->params;
  const NnShape *shape = &run->in[0].shape;
  int axis;
  if (!nn_shape_axis(shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  if (nn_shape_count(shape) == 0)
    return;
  int end = params->coerce_2d ? shape->rank : axis + 1;
  job->outer = nn_shape_product(shape, 0, axis);
  job->length = nn_shape_product(shape, axis, end);
  job->inner = nn_shape_product(shape, end, shape->rank);
  job->lanes = MIN(job->inner, MAX_LANES);
  job->blocks = nn_divide_up(job->inner, job->lanes);
  nn_parallel_for(run->context, job->outer * job->blocks, nn_grain(job->length * job->lanes * 8),
                  softmax_chunk, job);
}

void
nn_softmax_forward(const NnOpRun *run, bool log)
{
  Job job = {.x = run->in[0].f, .to = run->out[0].f, .log = log};
  softmax_run(run, &job);
}

unsigned
nn_softmax_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_OUTPUT;
}

void
nn_softmax_backward(const NnOpRun *run, bool log)
{
  Job job = {.x = run->grad_out[0].f, .y = run->out[0].f, .to = run->grad_in[0].f, .log = log};
  softmax_run(run, &job);
}

static void
softmax_forward(const NnOpRun *run)
{
  nn_softmax_forward(run, false);
}

static void
softmax_backward(const NnOpRun *run)
{
  nn_softmax_backward(run, false);
}

const NnOp nn_op_softmax = {
    .onnx_name = "Softmax",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_PLAIN,
    .params_bytes = sizeof(NnSoftmax),
    .parse = nn_softmax_parse,
    .infer = nn_softmax_infer,
    .reach = nn_softmax_reach,
    .keeps = nn_softmax_keeps,
    .forward = softmax_forward,
    .backward = softmax_backward,
};
