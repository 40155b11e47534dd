/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions of one number, element by element, with their derivatives. Right for every x: nothing
 * overflows on the way to a finite result. */
#pragma once

#include "nncore/base/context.h"

typedef enum {
  NN_UNARY_ABS,
  NN_UNARY_CEIL,
  NN_UNARY_CELU,             /* max (x, 0) + min (a (e^(x / a) - 1), 0) */
  NN_UNARY_CLIP,             /* min (max (x, a), b) */
  NN_UNARY_COS,
  NN_UNARY_ELU,              /* x, below 0 a (e^x - 1) */
  NN_UNARY_ERF,
  NN_UNARY_EXP,
  NN_UNARY_FLOOR,
  NN_UNARY_GELU,             /* x (1 + erf (x / sqrt 2)) / 2 */
  NN_UNARY_GELU_TANH,        /* the same by tanh (sqrt (2 / pi) (x + 0.044715 x^3)) */
  NN_UNARY_HARD_SIGMOID,     /* a x + b, kept in 0 to 1 */
  NN_UNARY_HARD_SWISH,       /* x times x / 6 + 1 / 2, kept in 0 to 1 */
  NN_UNARY_LOG,
  NN_UNARY_MISH,             /* x tanh (log (1 + e^x)) */
  NN_UNARY_NEG,
  NN_UNARY_RECIPROCAL,
  NN_UNARY_ROUND,            /* halves to even */
  NN_UNARY_SELU,             /* b x, below 0 b a (e^x - 1) */
  NN_UNARY_SHRINK,           /* towards 0 by b, and 0 from -a to a */
  NN_UNARY_SIGMOID,
  NN_UNARY_SIGN,
  NN_UNARY_SIN,
  NN_UNARY_SOFTPLUS,         /* log (1 + e^x) */
  NN_UNARY_SOFTSIGN,         /* x / (1 + |x|) */
  NN_UNARY_SQRT,
  NN_UNARY_TANH,
  NN_UNARY_THRESHOLDED_RELU, /* x above a, else 0 */
} NnUnaryKind;

typedef struct {
  NnUnaryKind kind;
  float a, b;
} NnUnary;

/** nn_unary_apply: @to may be @from; @count elements by all threads. */
void nn_unary_apply(NnContext *context, NnUnary unary, const float *from, float *to, int64_t count);

/** nn_unary_gradient: @to = @gradient times the derivative at @x; @to may be @gradient. */
void nn_unary_gradient(NnContext *context, NnUnary unary, const float *x, const float *gradient,
                       float *to, int64_t count);
