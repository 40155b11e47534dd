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

typedef enum {
  NN_BINARY_ADD,
  NN_BINARY_MULTIPLY,
  NN_BINARY_SUBTRACT,
  NN_BINARY_DIVIDE,  /* integers: towards zero; by 0 gives 0 */
  NN_BINARY_POWER,
  NN_BINARY_MAXIMUM,
  NN_BINARY_MINIMUM,
  NN_BINARY_MODULO,  /* has the divisor's sign */
  NN_BINARY_REMAINDER, /* has the dividend's sign */
  NN_BINARY_PRELU,   /* a where a > 0, else a b */
} NnBinary;

typedef enum {
  NN_COMPARE_EQUAL,
  NN_COMPARE_LESS,
  NN_COMPARE_LESS_OR_EQUAL,
  NN_COMPARE_GREATER,
  NN_COMPARE_GREATER_OR_EQUAL,
  NN_COMPARE_AND, /* of truth values, as are these three */
  NN_COMPARE_OR,
  NN_COMPARE_XOR,
} NnCompare;

typedef enum {
  NN_SELECT_WHERE,      /* b where a is not 0, else c */
  NN_SELECT_IF_EQUAL,   /* c where a = b, else 0 */
  NN_SELECT_IF_UNEQUAL, /* c where a is not b, else 0 */
} NnSelect;

typedef enum {
  NN_REDUCE_SUM,
  NN_REDUCE_MAXIMUM,
  NN_REDUCE_MINIMUM,
  NN_REDUCE_ABSOLUTE,    /* sum of |a| */
  NN_REDUCE_COUNT_EQUAL, /* how often a = b */
  NN_REDUCE_EXPONENTIAL, /* sum of e^(a - b) */
  NN_REDUCE_PRODUCT,
} NnReduce;

/**
 * nn_broadcast_binary:
 * @out: its shape is the broadcast of @a and @b's; all are float or all int64. May be @a or @b
 *   where shape and layout are the same.
 * @activation, @bits: applied to a float result while it is in the cache (kernels/activation.h);
 *   @bits (nullable) are those of the whole of @out
 */
void nn_broadcast_binary(NnContext *context, NnBinary binary, const NnTensor *a, const NnTensor *b,
                         const NnTensor *out, NnActivation activation, uint8_t *bits);

/**
 * nn_broadcast_binary_gradient:
 * @which: 0: with respect to @a; 1: to @b
 * @gradient: to a @binary b: of the full shape and order, as @out, which may be the same
 *
 * out = @gradient times the derivative, of the full shape: what belongs to a broadcast operand is
 * still to be summed up (nn_broadcast_sum()). Not for the two kinds of remainders.
 */
void nn_broadcast_binary_gradient(NnContext *context, NnBinary binary, int which, const NnTensor *a,
                                  const NnTensor *b, const NnTensor *gradient, const NnTensor *out);

/** nn_broadcast_compare: @a and @b are both float or both int64; @out is int64, 0 or 1. */
void nn_broadcast_compare(NnContext *context, NnCompare compare, const NnTensor *a,
                          const NnTensor *b, const NnTensor *out);

/**
 * nn_broadcast_select:
 * @a: int64 for WHERE; else float, as is @b
 * @c, @out: of one type; @b's too for WHERE. @out may be @c where shapes and orders are the same.
 */
void nn_broadcast_select(NnContext *context, NnSelect select, const NnTensor *a, const NnTensor *b,
                         const NnTensor *c, const NnTensor *out);

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

/** nn_broadcast_reduce: the same with another way to gather; floats. @b only where @reduce says so;
 * of no elements: what leaves others as they are (0; an infinity; 1). */
void nn_broadcast_reduce(NnContext *context, NnReduce reduce, const NnTensor *a, const NnTensor *b,
                         const NnTensor *out);
