/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What nn_op_bottleneck (ops/op.h) takes the place of. */
#pragma once

#include "nncore/ops/conv-taps.h"

/** Inputs of the operator. */
enum {
  NN_BOTTLENECK_X,
  NN_BOTTLENECK_W, /* of the depthwise convolution */
  NN_BOTTLENECK_FIRST_W,
  NN_BOTTLENECK_LAST_W,
  NN_BOTTLENECK_B, /* these may be left out */
  NN_BOTTLENECK_FIRST_B,
  NN_BOTTLENECK_LAST_B,
  NN_BOTTLENECK_INPUTS,
};

/** NnBottleneckParams: @middle: the depthwise convolution; @first, @second: the activations behind
 * the first and behind the depthwise one. */
typedef struct {
  NnConvParams middle;
  NnActivation first, second;
} NnBottleneckParams;

/** nn_bottleneck_fits: whether the three can be run as one; @w, @first, @last: their weights' shapes. */
bool nn_bottleneck_fits(const NnConvParams *middle, const NnShape *w, const NnShape *first,
                        const NnShape *last);
