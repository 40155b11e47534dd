/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Conv and ConvTranspose have in common: a convolution from X to Y, and its adjoint from Y to
 * X, which is Conv's gradient and what ConvTranspose computes. Channels-last.
 *
 *   Y[n, o, p] = sum over taps k, channels c of W[o, c, k] X[n, c, p stride + k dilation - pad]
 *
 * The adjoint at q collects from p = (q + pad - k dilation) / stride wherever that is whole. Taps
 * with the same (k dilation) mod stride serve the same residue class of q (a phase); within one,
 * the adjoint is a plain gather over Y again (kernels/conv.h). 3 x 3 taps at stride 1 go through
 * kernels/winograd.h, both ways, where the channel counts allow. */
#pragma once

#include "nncore/kernels/activation.h"
#include "nncore/kernels/conv.h"
#include "nncore/kernels/window.h"
#include "nncore/ops/op.h"

typedef struct {
  NnWindow window;
  int64_t groups;
} NnConvParams;

typedef struct NnConvTaps NnConvTaps;

/** nn_conv_parse: an operator's parse: the window, without ceil_mode, and group. */
bool nn_conv_parse(NnAttributes *attributes, NnConvParams *params, GError **error);

/**
 * nn_conv_taps_new:
 * @w: Y channels x X channels a group x taps
 * @back: it will be run from Y to X (too)
 * @lean: Winograd's filters, which are several times as large as @w, are left to each run
 *
 * Orders the weights for the kernels; both ways use the same ones.
 */
NnConvTaps *nn_conv_taps_new(const NnConvParams *params, const NnTensor *w, bool back, bool lean,
                             GError **error);
void nn_conv_taps_free(NnConvTaps *taps);

/** nn_conv_taps_bytes: of the filters that nn_conv_taps_new() makes; @w: their shape. */
size_t nn_conv_taps_bytes(const NnConvParams *params, const NnShape *w, bool back, bool lean);

/** nn_conv_taps_ready: whether runs need no NnConvRun.weights. */
bool nn_conv_taps_ready(const NnConvTaps *taps);

/**
 * nn_conv_gathers:
 * @taps: not for Winograd's way
 * @x, @y: X's shape and Y's
 * @gathers, @offsets: (out): room for as many as there are taps
 *
 * What nn_conv_there() or nn_conv_back() run: all of Y or, unless a stride is larger than the
 * kernel, of X. Returns how many there are.
 */
int nn_conv_gathers(const NnConvTaps *taps, const NnShape *x, const NnShape *y,
                    const NnWindow *window, bool back, NnGather *gathers, int64_t (*offsets)[3]);

/** nn_conv_any_gather: a gather of this size, whose scratch is enough for those of nn_conv_gathers():
 * without filters, offsets and taps, as if it had all of them. @w: the weights' shape. */
NnGather nn_conv_any_gather(const NnConvParams *params, const NnShape *w, const NnShape *x,
                            const NnShape *y, bool back);

/** nn_conv_scratch_bytes: @w: the weights' shape; @x, @y: those of X and Y; @there, @back: which
 * ways will be run: X to Y; Y to X; @taps: (nullable): as if they were ready. */
size_t nn_conv_scratch_bytes(const NnConvParams *params, const NnConvTaps *taps, const NnShape *w,
                             const NnShape *x, const NnShape *y, int threads, bool there,
                             bool back);

/**
 * NnConvRun:
 * @window: resolved for the sizes of @x and @y
 * @x, @y: the source and the target, or the other way round
 * @weights: (nullable): their elements, unless nn_conv_taps_ready()
 * @bias: (nullable): Y channels; X to Y only, as are @activation and @bits
 * @gate: Y to X only: what X is multiplied with in the end
 * @bare: (nullable): Y is the maximum over windows of 2 x 2 of the convolution's result, and this is the
 *   shape of that; where nn_conv_pools()
 * @winners: NnWinograd's
 * @y_pixel: X to Y only: floats from a pixel of Y to the next, where nn_conv_there_steps(); 0: its
 *   channels
 * @adds: to what the target has, before the activation or the gate; where nn_conv_there_adds() or
 *   nn_conv_back_adds()
 */
typedef struct {
  NnContext *context;
  const NnConvParams *params;
  const NnConvTaps *taps;
  const NnWindow *window;
  const NnTensor *x, *y;
  const NnShape *bare;
  uint8_t *winners;
  const float *weights;
  const float *bias;
  NnActivation activation;
  uint8_t *bits;
  NnGate gate;
  int64_t y_pixel;
  bool adds;
  void *scratch;
} NnConvRun;

/** nn_conv_there_adds, nn_conv_back_adds: whether nn_conv_there() and nn_conv_back() can add. @w: the
 * weights' shape. */
bool nn_conv_there_adds(const NnConvParams *params, const NnShape *w);
bool nn_conv_back_adds(const NnConvParams *params, const NnShape *w);

/** nn_conv_there_steps: whether nn_conv_there() can write pixels that lie apart. @w: the weights' shape. */
bool nn_conv_there_steps(const NnConvParams *params, const NnShape *w);

/** nn_conv_pools: whether both ways can pool. @w: the weights' shape. */
bool nn_conv_pools(const NnConvParams *params, const NnShape *w);

/** nn_conv_there: Y from X. nn_conv_back: X from Y. */
void nn_conv_there(const NnConvRun *run);
void nn_conv_back(const NnConvRun *run);
