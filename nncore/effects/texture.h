/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texture synthesis (Gatys, Ecker and Bethge, "Texture synthesis using convolutional neural
 * networks", 2015), from coarse to fine: a picture of any size, made from noise, whose features have
 * the statistics of an exemplar's, or of several mixed; if asked, without borders (torus.h). */
#pragma once

#include "nncore/effects/descent.h"
#include "nncore/effects/style.h"

#define NN_TEXTURE_EXEMPLARS 3
#define NN_TEXTURE_PICTURES 3 /* of the size made that it keeps beside the descent */

/** NnExemplar: @picture: RGBA, any size; @mask: (nullable): one channel, of its size: what of it
 * counts; @weight: above 0. */
typedef struct {
  const NnImage *picture, *mask;
  double weight;
} NnExemplar;

/**
 * NnTextureSettings:
 * @width, @height: of the texture, px
 * @working_px: longest side of the texture that is worked on; what is made is enlarged from there;
 *   0: its own
 * @exemplar_px: longest side at which exemplars are seen beside a texture of the full size; 0:
 *   their own; never enlarges
 * @scales: sizes, each a factor of root 2 larger than the one before; 0: from about 64 px on
 * @smoothness: weight of total variation
 * @tileable: whether copies side by side shall have no seams
 */
typedef struct {
  int width, height;
  int working_px, exemplar_px;
  int scales;
  double smoothness;
  bool tileable;
  uint64_t seed;
  NnDescentSettings descent;
} NnTextureSettings;

/** nn_texture_sizes: how nn_texture() goes from small to large, with the borders that it cuts off; as
 * nn_descent_sizes(). */
int nn_texture_sizes(const NnTextureSettings *settings, NnSize sizes[NN_MAX_SCALES]);

/**
 * nn_texture:
 * @model: without content
 * @exemplars: 1 to %NN_TEXTURE_EXEMPLARS
 * @progress: (nullable); when stopped, the texture so far is returned
 *
 * Returns: (transfer full): RGBA, opaque; %NULL with the errors of nn_style_model_prepare(),
 *   nn_torus_new(), nn_image_fill(), nn_descend(), and %NN_ERROR_MEMORY.
 */
NnImage *nn_texture(NnContext *context, NnStyleModel *model, const NnExemplar *exemplars,
                    int n_exemplars, const NnTextureSettings *settings, const NnProgress *progress,
                    GError **error);
