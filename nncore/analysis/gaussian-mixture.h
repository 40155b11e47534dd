/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mixtures of Gaussians of a picture's colours, with full covariances, each pixel belonging to one
 * Gaussian, as GrabCut takes them. A colour z costs
 *   D(z) = min over k of -log share_k + 1/2 log det S_k + 1/2 (z - m_k)' S_k^-1 (z - m_k),
 * its negative log likelihood but for the constant 3/2 log 2 pi. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

#define NN_MIXTURE_MOST 16

/** NnGaussian: @share of the mixture's pixels; @inverse, 3 x 3, and @cost, of the mean, follow from
 * the covariance. */
typedef struct {
  double share, mean[3], covariance[9];
  double inverse[9], cost;
} NnGaussian;

/** NnGaussianMixture: those of no pixels have the share 0 and count for nothing. */
typedef struct {
  int count;
  NnGaussian gaussians[NN_MIXTURE_MOST];
} NnGaussianMixture;

/**
 * NnMixturePixels: which pixels a mixture is of.
 * @picture: RGB
 * @labels: one a pixel; those with @label are meant
 * @members: (inout): one a pixel: the number of its Gaussian
 */
typedef struct {
  const NnImage *picture;
  const uint8_t *labels;
  uint8_t label;
  uint8_t *members;
} NnMixturePixels;

/**
 * nn_mixture_split:
 * @count: of Gaussians, 1 to %NN_MIXTURE_MOST
 * @pixels: at least one
 *
 * Begins a mixture: all pixels are one Gaussian's; then, again and again, the one that spreads
 * farthest in any direction is halved there at its mean (Orchard and Bouman, Color Quantization of
 * Images, 1991). There are fewer where colours are fewer.
 */
void nn_mixture_split(NnGaussianMixture *mixture, int count, const NnMixturePixels *pixels);

/** nn_mixture_assign: gives each pixel to the Gaussian with which it costs least. */
void nn_mixture_assign(const NnGaussianMixture *mixture, NnContext *context,
                       const NnMixturePixels *pixels);

/** nn_mixture_learn: each Gaussian becomes that of its pixels, of which there must be one at least.
 * Variances have a floor of (1/255)^2. */
void nn_mixture_learn(NnGaussianMixture *mixture, const NnMixturePixels *pixels);

/** nn_mixture_cost: D of a colour. */
double nn_mixture_cost(const NnGaussianMixture *mixture, const float rgb[3]);
