/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A convolution and the maximum over whole windows of 2 x 2 pixels of its result, as in a VGG:
 *
 *   y = activation (max over windows of conv (x, w, b))
 *
 * The bare result is never in memory: Winograd's tiles are whole windows, pooled as they are made, and on
 * the way back patches are made of the gradient to y and of which pixel won. An activation that never
 * falls can be before the maximum or behind it. Inputs and params are Conv's (conv.h). */
#include "nncore/ops/conv.h"
#include "nncore/ops/traits.h"

enum { X = NN_CONV_X, W = NN_CONV_W, POOL = 2 };

/* the shape of the bare result, of a picture that infer accepted */
static NnShape
bare_shape(const NnConvParams *params, const NnShape *x, const NnShape *w)
{
  NnWindow window;
  int64_t output[3];
  nn_window_resolve(&params->window, x, w->dim + 2, &window, output, NULL);
  return NN_SHAPE(x->dim[0], w->dim[0], output[1], output[2]);
}

static bool
infer(NnInfer *infer, GError **error)
{
  static const NnWindow windows = {.rank = 2, .kernel = {1, POOL, POOL}, .stride = {1, POOL, POOL}};
  NnWindow window;
  int64_t output[3];
  NnShape *y = &infer->out[0].shape;
  if (!nn_conv_infer(infer, error) || !nn_window_resolve(&windows, y, NULL, &window, output, error))
    return false;
  y->dim[2] = output[1];
  y->dim[3] = output[2];
  return true;
}

static size_t
aux_bytes(const NnInfer *infer)
{
  return (size_t)nn_shape_count(&infer->out[0].shape);
}

static size_t
scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  const NnShape *x = &infer->in[X].shape, *w = &infer->in[W].shape;
  NnShape bare = bare_shape(infer->params, x, w);
  return nn_conv_scratch_bytes(infer->params, infer->prepared, w, x, &bare, threads, true,
                               gradient);
}

static void
reach(const NnInfer *infer, int input, NnReach *out)
{
  nn_conv_reach(infer, input, out);
  for (int a = 0; a < 2 && !out->everywhere; a++) {
    out->last[a] += out->stride[a] * (POOL - 1);
    out->stride[a] *= POOL;
  }
}

static int64_t
operations(const NnInfer *infer)
{
  const NnShape *w = &infer->in[W].shape;
  NnShape bare = bare_shape(infer->params, &infer->in[X].shape, w);
  return nn_operations_each(&bare, nn_shape_product(w, 1, w->rank));
}

/* @conv pools; @bare: (out): which it refers to */
static void
set_pooling(const NnOpRun *run, NnConvRun *conv, NnShape *bare)
{
  *bare = bare_shape(run->params, &run->in[X].shape, &run->in[W].shape);
  conv->bare = bare;
  conv->winners = run->aux;
}

static void
forward(const NnOpRun *run)
{
  NnWindow window;
  NnShape bare;
  NnConvRun there = nn_conv_describe_there(run, &window);
  set_pooling(run, &there, &bare);
  nn_conv_there(&there);
}

static void
backward(const NnOpRun *run)
{
  NnWindow window;
  NnShape bare;
  if (run->grad_in[X].data == NULL)
    return;
  NnConvRun back = nn_conv_describe_back(run, &window);
  set_pooling(run, &back, &bare);
  nn_conv_back(&back);
}

const NnOp nn_op_conv_pool = {
    .onnx_name = "(Conv, MaxPool)",
    .min_inputs = NN_CONV_B,
    .max_inputs = NN_CONV_B + 1,
    .max_outputs = 1,
    .constant_inputs = 1u << NN_CONV_W | 1u << NN_CONV_B,
    .layout = NN_TAKES_CHANNELS_LAST,
    .fuses_activation = true,
    .gates_gradient = true,
    .params_bytes = sizeof(NnConvParams),
    .infer = infer,
    .prepare = nn_conv_prepare,
    .free_prepared = nn_conv_free_prepared,
    .prepared_bytes = nn_conv_prepared_bytes,
    .stands_for = nn_conv_stands_for,
    .aux_bytes = aux_bytes,
    .scratch_bytes = scratch_bytes,
    .window = nn_conv_find_window,
    .reach = reach,
    .operations = operations,
    .forward = forward,
    .backward = backward,
};
