/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Three convolutions in a row, 1x1, depthwise, 1x1, as one (the inverted residual of MobileNetV2,
 * Sandler et al., arXiv:1801.04381, and its gradient, which is of the same form). What lies between
 * them has several times the channels of what is around; a few rows of it at a time are made and used
 * up in the cache, so that it is never written to memory. Channels-last. */
#pragma once

#include "nncore/kernels/conv.h"

enum { NN_BOTTLENECK_TAPS = 64 }; /* of the depthwise convolution, at most */

/** NnPointwise: a 1x1 convolution. @filters: nn_filters_fill() of one tap; @finish: of the whole
 * result, a pixel's bits being whole bytes. */
typedef struct {
  int64_t inputs, outputs;
  const float *filters;
  NnFinish finish;
} NnPointwise;

/**
 * NnBottleneck:
 * @first, @last: to the many channels, a multiple of 8, and back to few
 * @kernel: height and width of the depthwise one
 * @gathers: of it: one forward, or its gradient's phases, which write every place. Two axes, no
 *   dilation
 * @finish: behind it
 */
typedef struct {
  NnPointwise first, last;
  int64_t kernel[2];
  int n_gathers;
  const NnGather *gathers;
  NnFinish finish;
} NnBottleneck;

/** nn_bottleneck_scratch_bytes: the filters, and the gathers' offsets and taps, are not looked at. */
size_t nn_bottleneck_scratch_bytes(const NnBottleneck *bottleneck, int threads);

/** nn_bottleneck_run: what the three would give, each by nn_gather_run(), to the bit. */
void nn_bottleneck_run(NnContext *context, const NnBottleneck *bottleneck, const float *source,
                       float *target, void *scratch);
