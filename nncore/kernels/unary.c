/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions of one number. value() and slope() are inlined with a constant kind into a loop each,
 * so the choice is made once a chunk. */
#include "nncore/kernels/unary.h"

#include <math.h>
#include <stdbool.h>

#define CHUNK (INT64_C(1) << 13)
#define INLINE static inline __attribute__((always_inline))

/* e^-|x| never overflows */
INLINE float
sigmoid(float x)
{
  float e = expf(-fabsf(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

INLINE float
softplus(float x)
{
  return fmaxf(x, 0) + log1pf(expf(-fabsf(x)));
}

INLINE float
gelu_inner(float x)
{
  return 0.7978845608f * (x + 0.044715f * x * x * x);
}

INLINE float
value(NnUnaryKind kind, float x, float a, float b)
{
  switch (kind) {
  case NN_UNARY_ABS:
    return fabsf(x);
  case NN_UNARY_CEIL:
    return ceilf(x);
  case NN_UNARY_CELU:
    return x > 0 ? x : a * expm1f(x / a);
  case NN_UNARY_CLIP: /* a NaN stays one */
    x = x < a ? a : x;
    return x > b ? b : x;
  case NN_UNARY_COS:
    return cosf(x);
  case NN_UNARY_ELU:
    return x > 0 ? x : a * expm1f(x);
  case NN_UNARY_ERF:
    return erff(x);
  case NN_UNARY_EXP:
    return expf(x);
  case NN_UNARY_FLOOR:
    return floorf(x);
  case NN_UNARY_GELU: /* erfc keeps the digits of the left tail */
    return 0.5f * x * erfcf(-x * 0.70710678f);
  case NN_UNARY_GELU_TANH:
    return 0.5f * x * (1 + tanhf(gelu_inner(x)));
  case NN_UNARY_HARD_SIGMOID:
    x = a * x + b;
    return x < 0 ? 0 : x > 1 ? 1 : x;
  case NN_UNARY_HARD_SWISH:
    return x * (x <= -3 ? 0 : x >= 3 ? 1 : x * (1.0f / 6) + 0.5f);
  case NN_UNARY_LOG:
    return logf(x);
  case NN_UNARY_MISH:
    return x * tanhf(softplus(x));
  case NN_UNARY_NEG:
    return -x;
  case NN_UNARY_RECIPROCAL:
    return 1 / x;
  case NN_UNARY_ROUND:
    return rintf(x);
  case NN_UNARY_SELU:
    return b * (x > 0 ? x : a * expm1f(x));
  case NN_UNARY_SHRINK:
    return x < -a ? x + b : x > a ? x - b : 0;
  case NN_UNARY_SIGMOID:
    return sigmoid(x);
  case NN_UNARY_SIGN:
    return x > 0 ? 1 : x < 0 ? -1 : x;
  case NN_UNARY_SIN:
    return sinf(x);
  case NN_UNARY_SOFTPLUS:
    return softplus(x);
  case NN_UNARY_SOFTSIGN:
    return x / (1 + fabsf(x));
  case NN_UNARY_SQRT:
    return sqrtf(x);
  case NN_UNARY_TANH:
    return tanhf(x);
  case NN_UNARY_THRESHOLDED_RELU:
    return x > a ? x : 0;
  }
  return x;
}

/* kept apart from slope(), whose case it is */
INLINE float
gelu_tanh_slope(float x)
{
  float t = tanhf(gelu_inner(x));
  float inner = 0.7978845608f * (1 + 3 * 0.044715f * x * x);
  float bell = 1 - t * t; /* 0 long before inner overflows */
  return 0.5f * (1 + t) + (bell > 0 ? 0.5f * x * bell * inner : 0);
}

INLINE float
mish_slope(float x)
{
  float t = tanhf(softplus(x));
  float bell = 1 - t * t;
  return t + (bell > 0 ? x * bell * sigmoid(x) : 0);
}

INLINE float
slope(NnUnaryKind kind, float x, float a, float b)
{
  float s;
  switch (kind) {
  case NN_UNARY_ABS:
    return x > 0 ? 1 : x < 0 ? -1 : 0;
  case NN_UNARY_CELU:
    return x > 0 ? 1 : expf(x / a);
  case NN_UNARY_CLIP:
    return x >= a && x <= b ? 1 : 0;
  case NN_UNARY_COS:
    return -sinf(x);
  case NN_UNARY_ELU:
    return x > 0 ? 1 : a * expf(x);
  case NN_UNARY_ERF:
    return 1.1283791671f * expf(-x * x);
  case NN_UNARY_EXP:
    return expf(x);
  case NN_UNARY_GELU:
    s = expf(-0.5f * x * x);
    return 0.5f * erfcf(-x * 0.70710678f) + (s > 0 ? 0.3989422804f * x * s : 0);
  case NN_UNARY_GELU_TANH:
    return gelu_tanh_slope(x);
  case NN_UNARY_HARD_SIGMOID:
    s = a * x + b;
    return s > 0 && s < 1 ? a : 0;
  case NN_UNARY_HARD_SWISH:
    return x <= -3 ? 0 : x >= 3 ? 1 : x * (1.0f / 3) + 0.5f;
  case NN_UNARY_LOG:
    return 1 / x;
  case NN_UNARY_MISH:
    return mish_slope(x);
  case NN_UNARY_NEG:
    return -1;
  case NN_UNARY_RECIPROCAL:
    return -1 / (x * x);
  case NN_UNARY_SELU:
    return b * (x > 0 ? 1 : a * expf(x));
  case NN_UNARY_SHRINK:
    return x < -a || x > a ? 1 : 0;
  case NN_UNARY_SIGMOID:
    s = expf(-fabsf(x));
    return s / ((1 + s) * (1 + s));
  case NN_UNARY_SIN:
    return cosf(x);
  case NN_UNARY_SOFTPLUS:
    return sigmoid(x);
  case NN_UNARY_SOFTSIGN:
    s = 1 + fabsf(x);
    return 1 / (s * s);
  case NN_UNARY_SQRT:
    return 0.5f / sqrtf(x);
  case NN_UNARY_TANH:
    s = tanhf(x);
    return 1 - s * s;
  case NN_UNARY_THRESHOLDED_RELU:
    return x > a ? 1 : 0;
  case NN_UNARY_CEIL:
  case NN_UNARY_FLOOR:
  case NN_UNARY_ROUND:
  case NN_UNARY_SIGN:
    return 0;
  }
  return 0;
}

typedef struct {
  NnUnary unary;
  const float *x, *gradient; /* gradient is NULL forward */
  float *to;
} Job;

INLINE void
loop(NnUnaryKind kind, const Job *job, int64_t begin, int64_t end)
{
  float a = job->unary.a, b = job->unary.b;
  if (job->gradient == NULL)
    for (int64_t i = begin; i < end; i++)
      job->to[i] = value(kind, job->x[i], a, b);
  else
    for (int64_t i = begin; i < end; i++)
      job->to[i] = job->gradient[i] * slope(kind, job->x[i], a, b);
}

#define LOOP(kind) \
  case kind: \
    loop(kind, job, begin, end); \
    break

static void
chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  switch (job->unary.kind) {
    LOOP(NN_UNARY_ABS);
    LOOP(NN_UNARY_CEIL);
    LOOP(NN_UNARY_CELU);
    LOOP(NN_UNARY_CLIP);
    LOOP(NN_UNARY_COS);
    LOOP(NN_UNARY_ELU);
    LOOP(NN_UNARY_ERF);
    LOOP(NN_UNARY_EXP);
    LOOP(NN_UNARY_FLOOR);
    LOOP(NN_UNARY_GELU);
    LOOP(NN_UNARY_GELU_TANH);
    LOOP(NN_UNARY_HARD_SIGMOID);
    LOOP(NN_UNARY_HARD_SWISH);
    LOOP(NN_UNARY_LOG);
    LOOP(NN_UNARY_MISH);
    LOOP(NN_UNARY_NEG);
    LOOP(NN_UNARY_RECIPROCAL);
    LOOP(NN_UNARY_ROUND);
    LOOP(NN_UNARY_SELU);
    LOOP(NN_UNARY_SHRINK);
    LOOP(NN_UNARY_SIGMOID);
    LOOP(NN_UNARY_SIGN);
    LOOP(NN_UNARY_SIN);
    LOOP(NN_UNARY_SOFTPLUS);
    LOOP(NN_UNARY_SOFTSIGN);
    LOOP(NN_UNARY_SQRT);
    LOOP(NN_UNARY_TANH);
    LOOP(NN_UNARY_THRESHOLDED_RELU);
  }
}

void
nn_unary_apply(NnContext *context, NnUnary unary, const float *from, float *to, int64_t count)
{
  Job job = {unary, from, NULL, to};
  nn_parallel_for(context, count, CHUNK, chunk, &job);
}

void
nn_unary_gradient(NnContext *context, NnUnary unary, const float *x, const float *gradient,
                  float *to, int64_t count)
{
  Job job = {unary, x, gradient, to};
  nn_parallel_for(context, count, CHUNK, chunk, &job);
}
