/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The internal operator with the statistics that instance normalisation needs; graph/ puts it in
 * (pass-split-norms.c). Of input 0, for each channel of each picture over all positions,
 *
 *   mean m,  and  r = 1 / sqrt (variance + epsilon)
 *
 * in the arithmetic of kernels/norm.c, so that both ways give the same floats. With respect to x,
 * dm = 1 / n and dr = -r^3 (x - m) / n. */
#include <math.h>

#include "nncore/ops/checks.h"
#include "nncore/ops/op.h"

static bool
infer(NnInfer *infer, GError **error)
{
  const NnShape *shape = &infer->in[0].shape;
  if (!nn_check_floats(infer, 0, 0, error) || !nn_check_rank(shape, 4, 4, error))
    return false;
  for (int o = 0; o < infer->n_outputs; o++)
    infer->out[o] = (NnType){NN_SHAPE(shape->dim[0], shape->dim[1], 1, 1), NN_DTYPE_FLOAT, true};
  return true;
}

static void
close_sums(const void *params, int64_t count, int64_t channels, const double *sums,
           const NnTensor *out)
{
  double epsilon = (double)((const NnMomentsParams *)params)->epsilon, n = (double)count;
  for (int64_t c = 0; c < channels; c++) {
    double mean = sums[c] / n, variance = MAX(sums[channels + c] / n - mean * mean, 0);
    out[0].f[c] = (float)mean;
    out[1].f[c] = (float)(1 / sqrt(variance + epsilon));
  }
}

static void
find_slope(const void *params, int64_t count, int64_t channels, const NnTensor *out,
           const NnTensor *grad_out, float *a, float *b)
{
  for (int64_t c = 0; c < channels; c++) {
    double mean = (double)out[0].f[c], r = (double)out[1].f[c], n = (double)count;
    double to_mean = grad_out[0].data != NULL ? (double)grad_out[0].f[c] / n : 0;
    double to_r = grad_out[1].data != NULL ? (double)grad_out[1].f[c] / n : 0;
    b[c] = (float)(-to_r * r * r * r);
    a[c] = (float)(to_mean + to_r * r * r * r * mean);
  }
}

static const NnSpaceSums sums = {.squares = true, .close = close_sums, .slope = find_slope};

static const NnSpaceSums *
space_sums(const NnInfer *infer)
{
  return &sums;
}

/* element (c, p) of input 0 is at c * *channel_step + p * *step */
static int64_t
count_positions(const NnTensor *x, int64_t *channel_step, int64_t *step)
{
  int64_t positions = x->shape.dim[2] * x->shape.dim[3];
  bool last = x->layout == NN_LAYOUT_CHANNELS_LAST;
  *channel_step = last ? 1 : positions;
  *step = last ? x->shape.dim[1] : 1;
  return positions;
}

static size_t
scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return 2 * (size_t)infer->in[0].shape.dim[1] * sizeof(double);
}

/* both results, or the gradients to them, from those of picture @n on, of @channels a picture */
static void
views_from(const NnTensor *tensors, int64_t n, int64_t channels, NnTensor views[2])
{
  for (int o = 0; o < 2; o++) {
    views[o] = tensors[o];
    if (views[o].data != NULL)
      views[o].f += n * channels;
  }
}

static void
forward_picture(const NnOpRun *run, const float *picture, const NnTensor *out)
{
  int64_t channel_step, step, channels = run->in[0].shape.dim[1];
  int64_t positions = count_positions(&run->in[0], &channel_step, &step);
  double *total = run->scratch;
  for (int64_t c = 0; c < channels; c++) {
    total[c] = total[channels + c] = 0;
    for (int64_t p = 0; p < positions; p++) {
      double x = (double)picture[c * channel_step + p * step];
      total[c] += x;
      total[channels + c] += x * x;
    }
  }
  close_sums(run->params, positions, channels, total, out);
}

static void
forward(const NnOpRun *run)
{
  const NnShape *shape = &run->in[0].shape;
  for (int64_t n = 0; n < shape->dim[0]; n++) {
    NnTensor out[2];
    views_from(run->out, n, shape->dim[1], out);
    forward_picture(run, run->in[0].f + n * nn_shape_product(shape, 1, 4), out);
  }
}

static unsigned
keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0);
}

/* only output 0 could be kept, so the statistics are taken again */
static void
backward_picture(const NnOpRun *run, const float *x, const NnTensor *grad_out, float *gradient)
{
  int64_t channel_step, step, channels = run->in[0].shape.dim[1];
  int64_t positions = count_positions(&run->in[0], &channel_step, &step);
  for (int64_t c = 0; c < channels; c++) {
    double total[2] = {0, 0};
    float values[2], a, b;
    for (int64_t p = 0; p < positions; p++) {
      double at = (double)x[c * channel_step + p * step];
      total[0] += at;
      total[1] += at * at;
    }
    NnTensor out[2] = {{.f = &values[0]}, {.f = &values[1]}}, gradients[2];
    views_from(grad_out, c, 1, gradients);
    close_sums(run->params, positions, 1, total, out);
    find_slope(run->params, positions, 1, out, gradients, &a, &b);
    for (int64_t p = 0; p < positions; p++)
      gradient[c * channel_step + p * step] = a + b * x[c * channel_step + p * step];
  }
}

static void
backward(const NnOpRun *run)
{
  const NnShape *shape = &run->in[0].shape;
  int64_t each = nn_shape_product(shape, 1, 4);
  for (int64_t n = 0; n < shape->dim[0]; n++) {
    NnTensor gradients[2];
    views_from(run->grad_out, n, shape->dim[1], gradients);
    backward_picture(run, run->in[0].f + n * each, gradients, run->grad_in[0].f + n * each);
  }
}

const NnOp nn_op_moments = {
    .onnx_name = "(moments)",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 2,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(NnMomentsParams),
    .infer = infer,
    .scratch_bytes = scratch_bytes,
    .space_sums = space_sums,
    .keeps = keeps,
    .forward = forward,
    .backward = backward,
};
