/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ONNX's (NumPy's) multidirectional broadcasting: element by element operations on two tensors,
 * and the sums over broadcast axes that are their gradients. Tensors may have any memory order and
 * any rank up to the result's; shapes are aligned at their last ONNX dimension. Axes that are
 * contiguous together are walked as one, so equal shapes are one long loop and per-channel
 * constants one loop a pixel. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/kernels/activation.h"
#include "nncore/tensor/tensor.h"

typedef enum { NN_BINARY_ADD, NN_BINARY_MULTIPLY } NnBinary;

/**
 * nn_broadcast_binary:
 * @out: its shape is the broadcast of @a and @b's; all are float or all int64. May be @a or @b
 *   where shape and layout are the same.
 * @activation, @bits: applied to a float result while it is in the cache (kernels/activation.h);
 *   @bits (nullable) are those of the whole of @out
 */
void nn_broadcast_binary(NnContext *context, NnBinary binary, const NnTensor *a, const NnTensor *b,
                         const NnTensor *out, NnActivation activation, uint8_t *bits);

/** nn_broadcast_scaled: out = @scale * a, @a broadcast to @out's shape. */
void nn_broadcast_scaled(NnContext *context, const NnTensor *a, float scale, const NnTensor *out);

/**
 * nn_broadcast_sum:
 * @a: of the full shape
 * @b: (nullable): a factor that broadcasts to the full shape
 * @out: its shape broadcasts to @a's: out = @scale * sum of a * b over the axes that @out lacks or
 *   has 1 of. Sums are taken in double precision, in an order that does not depend on the threads.
 */
void nn_broadcast_sum(NnContext *context, const NnTensor *a, const NnTensor *b, float scale,
                      const NnTensor *out);
