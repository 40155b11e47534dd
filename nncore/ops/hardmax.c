/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hardmax: 1 at the first of the largest numbers along an axis, else 0; before opset 13, along all
 * axes from that one on together. No gradient: flat almost everywhere. Plain layout: outer x axis
 * x inner. */
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/softmax.h"

typedef struct {
  const float *x;
  float *to;
  int64_t length, inner;
} Job;

static void
hardmax_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t item = begin; item < end; item++) {
    int64_t start = item / job->inner * job->length * job->inner + item % job->inner;
    const float *x = job->x + start;
    float *y = job->to + start;
    int64_t best = 0;
    for (int64_t i = 0; i < job->length; i++) {
      if (x[i * job->inner] > x[best * job->inner])
        best = i;
      y[i * job->inner] = 0;
    }
    y[best * job->inner] = 1;
  }
}

static void
hardmax_forward(const NnOpRun *run)
{
  const NnSoftmax *params = run->params;
  const NnShape *shape = &run->in[0].shape;
  int64_t count = nn_shape_count(shape);
  int axis;
  if (!nn_shape_axis(shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  if (count == 0)
    return;
  int end = params->coerce_2d ? shape->rank : axis + 1;
  Job job = {run->in[0].f, run->out[0].f, nn_shape_product(shape, axis, end),
             nn_shape_product(shape, end, shape->rank)};
  nn_parallel_for(run->context, count / job.length, nn_grain(job.length), hardmax_chunk, &job);
}

const NnOp nn_op_hardmax = {
    .onnx_name = "Hardmax",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_PLAIN,
    .params_bytes = sizeof(NnSoftmax),
    .parse = nn_softmax_parse,
    .infer = nn_softmax_infer,
    .reach = nn_softmax_reach,
    .forward = hardmax_forward,
};
