/* SPDX-License-Identifier: GPL-3.0-or-later */
/* First and second raw moments of an activation's channels over its positions p with weights w_p:
 *   sum w_p x_p,  sum w_p x_p x_p'.
 * From them follow mean, Gram matrix and covariance. Gathered piece by piece; products by GEMM over
 * a few hundred positions at a time, everything beyond in double, in an order that depends on the
 * pieces alone. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/loss/mask.h"

typedef struct NnMoments NnMoments;

/** nn_moments_new: of @channels, for contexts with as many threads as @context. (transfer full):
 * or %NULL with %NN_ERROR_MEMORY: it takes about 16 channels^2 bytes and more. */
NnMoments *nn_moments_new(NnContext *context, int64_t channels, GError **error);
void nn_moments_free(NnMoments *moments);

/** nn_moments_bytes: what they take, with %NN_NOMINAL_THREADS. */
size_t nn_moments_bytes(const NnMoments *moments);

/** nn_moments_begin: forgets what was observed. */
void nn_moments_begin(NnMoments *moments);

/** nn_moments_observe: adds a piece, whose positions @mask weighs. */
void nn_moments_observe(NnMoments *moments, NnContext *context, const NnPiece *piece,
                        const NnMask *mask);

/**
 * nn_moments_close:
 * Adds up what the pieces gave; nothing can be observed after that until nn_moments_begin().
 * Returns: the sum of the weights.
 */
double nn_moments_close(NnMoments *moments);

/** nn_moments_first, nn_moments_second: (transfer none): the sums, after nn_moments_close(): C
 * numbers, and C x C (both triangles). */
const double *nn_moments_first(const NnMoments *moments);
const double *nn_moments_second(const NnMoments *moments);

/**
 * NnMomentsGradient: of a function of the moments, as it reaches the activations.
 * @matrix: M, C x C: twice the gradient to the second moment, symmetric
 * @vector: (nullable): v, C numbers: the gradient to the first one; %NULL: 0
 * @factor: on all of it
 */
typedef struct {
  const float *matrix, *vector;
  float factor;
} NnMomentsGradient;

/** nn_moments_gradient: writes factor w_p (M x_p + v) for each position p of the piece into
 * @gradient, whole, a tensor like the piece's activation; exactly 0 where w_p is. */
void nn_moments_gradient(const NnMoments *moments, NnContext *context, const NnPiece *piece,
                         const NnMask *mask, const NnMomentsGradient *to, const NnTensor *gradient);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnMoments, nn_moments_free)
