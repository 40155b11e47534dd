/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feature inversion (Mahendran and Vedaldi 2015, "Understanding Deep Image Representations by
 * Inverting Them"): of all pictures, one whose features at some layers are those of a given one, and
 * that is smooth and not too bright. What a layer does not remember is missing from it.
 *
 *   sum over layers of w |f(x) - f(x0)|^2 / |f(x0)|^2
 *     + variation * mean (dx^2 + dy^2)^(b/2) / 0.1^b + norm * mean |x - 1/2|^p / 0.5^p
 *
 * 0.1 is what neighbours in photos differ by where they differ much, 0.5 the farthest from grey. */
#pragma once

#include "nncore/effects/descent.h"

#define NN_INVERSION_PICTURES 6 /* of the working size that it keeps where frequencies descend */

/**
 * NnInversionSettings:
 * @layers: as nn_network_parse_layers() takes them; empty: the preset for contents
 * @working_px: longest side; 0: the picture's own
 * @frequencies: whether what descends are the picture's frequencies (image/spectrum.h), or pixels
 */
typedef struct {
  const char *layers;
  int working_px;
  bool frequencies;
  double variation, variation_exponent;
  double norm, norm_exponent;
  uint64_t seed;
  NnDescentSettings descent;
} NnInversionSettings;

/**
 * nn_invert:
 * @content: RGBA
 * @progress: (nullable): is told of every iteration; when stopped, the picture so far is returned
 *
 * Returns: (transfer full): RGBA, as large as @content, its alpha and the colours under alpha 0
 *   unchanged; errors as nn_criterion_new(), nn_criterion_evaluator(), nn_image_fill(),
 *   nn_descend().
 */
NnImage *nn_invert(const NnNetwork *network, NnContext *context, const NnImage *content,
                   const NnInversionSettings *settings, const NnProgress *progress, GError **error);
