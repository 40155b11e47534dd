/* SPDX-License-Identifier: GPL-3.0-or-later */
/* t-SNE, exact (van der Maaten and Hinton, "Visualizing Data using t-SNE", 2008): points of many
 * dimensions get places y in the plane so that neighbours stay neighbours. With
 *   p[j|i] ~ exp(-beta_i |x_i - x_j|^2),  beta_i such that row i has the wanted perplexity,
 *   p[ij] = (p[j|i] + p[i|j]) / 2n,
 *   w[ij] = 1 / (1 + |y_i - y_j|^2),  q[ij] = w[ij] / sum w,
 * it descends the Kullback-Leibler divergence KL = sum p log(p / q), whose gradient is
 *   4 sum_j (p[ij] - q[ij]) w[ij] (y_i - y_j).
 * Places are pairs of doubles, x and y of a point one after the other. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/base/progress.h"

typedef struct NnTsne NnTsne;

/** nn_tsne_bytes: that nn_tsne_new() allocates: about four times the square of @count. */
double nn_tsne_bytes(int64_t count, int64_t dimensions);

/**
 * nn_tsne_new:
 * @points: @count x @dimensions, finite; must outlive the result, as @context
 *
 * Returns: (transfer full): or %NULL with %NN_ERROR_MEMORY.
 */
NnTsne *nn_tsne_new(NnContext *context, const float *points, int64_t count, int64_t dimensions,
                    GError **error);
void nn_tsne_free(NnTsne *tsne);

/** nn_tsne_perplexity: @wanted, but at least 1 and at most a third of the other points. */
double nn_tsne_perplexity(double wanted, int64_t count);

/**
 * nn_tsne_find_affinities:
 * @perplexity: how many neighbours of a point count, about: from 1 to less than count - 1
 *
 * Returns: false where @proceed (nullable) ended it.
 */
bool nn_tsne_find_affinities(NnTsne *tsne, double perplexity, NnProceed proceed, gpointer data);

/** nn_tsne_affinities: (transfer none): p, count x count: symmetric, of sum 1, 0 on the diagonal. */
const float *nn_tsne_affinities(const NnTsne *tsne);

/** nn_tsne_gradient: of KL to @places, into @gradient; @exaggeration: factor on p, 1 for the true
 * one. */
void nn_tsne_gradient(NnTsne *tsne, double exaggeration, const double *places, double *gradient);

/** nn_tsne_divergence: KL, in nats. */
double nn_tsne_divergence(NnTsne *tsne, const double *places);

/** nn_tsne_start_random: noise of deviation 0.0001. */
void nn_tsne_start_random(NnTsne *tsne, uint64_t seed, double *places);

/** nn_tsne_start_principal: the first two principal components of the points, the first of deviation
 * 0.0001: maps then keep more of how groups lie to each other (Kobak and Berens 2019). Noise where
 * all points are the same. Returns: false where @proceed (nullable) ended it; the components are then
 * as near as they have come. */
bool nn_tsne_start_principal(NnTsne *tsne, NnProceed proceed, gpointer data, double *places);

/**
 * nn_tsne_descend:
 * @places: (inout): from one of the starts
 *
 * Descends with momentum and a gain for each coordinate (Jacobs 1988), a learning rate of
 * max(n / 48, min(n / 12, 50)) and, in the first quarter, but for 250 iterations at most, neighbours
 * drawn together by an exaggeration of 12: as scikit-learn does, but for the rate of fewer than 600
 * points, which is 50 there. Where @proceed (nullable) ends it, the places are those so far.
 */
void nn_tsne_descend(NnTsne *tsne, int iterations, NnProceed proceed, gpointer data,
                     double *places);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnTsne, nn_tsne_free)
