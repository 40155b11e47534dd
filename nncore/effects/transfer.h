/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Style transfer (Gatys, Ecker and Bethge, "Image style transfer using convolutional neural
 * networks", 2016), from coarse to fine: a picture is made whose deep features are the content's
 * and whose features' statistics are the styles'. */
#pragma once

#include "nncore/base/progress.h"
#include "nncore/effects/descent.h"
#include "nncore/effects/style.h"

#define NN_TRANSFER_STYLES 4
#define NN_TRANSFER_PICTURES 6 /* of the working size that it keeps, beside styles */

/** NnTransferStyle: @picture: RGBA, any size; @region: (nullable): one channel, over the content. */
typedef struct {
  const NnImage *picture, *region;
  double weight;
} NnTransferStyle;

/**
 * NnTransferStart:
 * @NN_START_CONTENT: the content; where it is to have the style's colours, matched to them
 * @NN_START_NOISE: grey noise
 * @NN_START_STYLE: noise with the mean and covariance of the styles' colours
 */
typedef enum { NN_START_CONTENT, NN_START_NOISE, NN_START_STYLE } NnTransferStart;

/**
 * NnTransferColours:
 * @NN_COLOURS_STYLE: the style's, as they come
 * @NN_COLOURS_LUMINANCE: network and losses see luminance only; chroma stays the content's
 * @NN_COLOURS_MATCH_STYLE: the styles get the content's mean and covariance of colours beforehand
 * @NN_COLOURS_MATCH_CONTENT: the content gets those of the styles beforehand
 */
typedef enum {
  NN_COLOURS_STYLE,
  NN_COLOURS_LUMINANCE,
  NN_COLOURS_MATCH_STYLE,
  NN_COLOURS_MATCH_CONTENT,
} NnTransferColours;

/**
 * NnTransferSettings:
 * @working_px: longest side of the picture that is worked on; 0: the content's own; never enlarges
 * @scales: sizes, each a factor of root 2 larger than the one before; 0: from about 128 px on
 * @style_scale: longest side of the style's picture over that of the content
 * @content_weight, @style_weight, @smoothness: weights of the losses (loss/content.h, style.h) and
 *   of total variation
 * @strength: factor on the change in the end
 */
typedef struct {
  int working_px, scales;
  double style_scale;
  double content_weight, style_weight, smoothness;
  NnTransferStart start;
  NnTransferColours colours;
  double strength;
  uint64_t seed;
  NnDescentSettings descent;
} NnTransferSettings;

/** nn_transfer_sizes: how nn_transfer() goes from small to large for a content of @width x @height px; as
 * nn_descent_sizes(). */
int nn_transfer_sizes(const NnTransferSettings *settings, int width, int height,
                      NnSize sizes[NN_MAX_SCALES]);

/**
 * nn_transfer:
 * @content: RGBA, any size
 * @styles: 1 to %NN_TRANSFER_STYLES
 * @progress: (nullable); when stopped, the picture so far is returned
 *
 * Returns: (transfer full): RGBA, as large as @content, its alpha and the colours under alpha 0
 *   unchanged; %NULL with errors of nn_style_model_prepare(), %NN_ERROR_ARGUMENT where a picture is
 *   all transparent, %NN_ERROR_MEMORY, %NN_ERROR_CANCELLED.
 */
NnImage *nn_transfer(NnContext *context, NnStyleModel *model, const NnImage *content,
                     const NnTransferStyle *styles, int n_styles,
                     const NnTransferSettings *settings, const NnProgress *progress,
                     GError **error);
