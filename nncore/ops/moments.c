/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The internal operator with the statistics that instance normalisation needs; graph/ puts it in
 * (pass-split-norms.c). Of input 0, for each channel of each picture over all positions,
 *
 *   mean m,  and  r = 1 / sqrt (variance + epsilon)
 *
 * summed up in double, as in kernels/norm.c. With respect to x,
 * dm = 1 / n and dr = -r^3 (x - m) / n. */
#include <math.h>
#include <string.h>

#include "nncore/kernels/channel-sums.h"
#include "nncore/kernels/elementwise.h"
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

/* of each channel two sums, then, as floats, both results and two slopes; and what sums need */
static size_t
scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  int64_t channels = infer->in[0].shape.dim[1];
  return (4 * (size_t)channels + nn_channel_sums_scratch_doubles(channels)) * sizeof(double);
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

/* into the scratch memory */
static double *
sum_picture(const NnOpRun *run, const NnTensor *picture)
{
  int64_t channels = picture->shape.dim[1];
  double *total = run->scratch;
  memset(total, 0, 2 * (size_t)channels * sizeof *total);
  nn_channel_sums_add(run->context, picture, true, total, total + 4 * channels);
  return total;
}

static void
forward(const NnOpRun *run)
{
  const NnShape *shape = &run->in[0].shape;
  for (int64_t n = 0; n < shape->dim[0]; n++) {
    NnTensor out[2], picture = nn_channel_sums_picture(&run->in[0], n);
    views_from(run->out, n, shape->dim[1], out);
    close_sums(run->params, nn_shape_product(shape, 2, 4), shape->dim[1],
               sum_picture(run, &picture), out);
  }
}

static unsigned
keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0);
}

/* only output 0 could be kept, so the statistics are taken again */
static void
backward_picture(const NnOpRun *run, int64_t n)
{
  const NnShape *shape = &run->in[0].shape;
  int64_t channels = shape->dim[1], positions = nn_shape_product(shape, 2, 4);
  NnTensor picture = nn_channel_sums_picture(&run->in[0], n);
  NnTensor to = nn_channel_sums_picture(&run->grad_in[0], n);
  double *total = sum_picture(run, &picture);
  float *values = (float *)(total + 2 * channels), *slopes = values + 2 * channels;
  NnTensor out[2] = {{.f = values}, {.f = values + channels}}, gradients[2];
  views_from(run->grad_out, n, channels, gradients);
  close_sums(run->params, positions, channels, total, out);
  find_slope(run->params, positions, channels, out, gradients, slopes, slopes + channels);
  nn_fill(run->context, to.f, 0, channels * positions);
  nn_channel_sums_spread(run->context, &picture, slopes, slopes + channels, &to);
}

static void
backward(const NnOpRun *run)
{
  for (int64_t n = 0; n < run->in[0].shape.dim[0]; n++)
    backward_picture(run, n);
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
