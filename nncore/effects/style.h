/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A style model: the criterion that style transfer and texture synthesis descend on: how far
 * features of a picture are from a content's, and their statistics from those of styles. */
#pragma once

#include "nncore/effects/criterion.h"
#include "nncore/loss/style.h"

/**
 * NnStyleSource: pictures are the caller's.
 * @picture: RGB, at the size at which it is to be seen
 * @weight: above 0
 * @mask: (nullable): one channel, of @picture's size: what of it counts
 * @region: (nullable): one channel, 0 to 1, of any size: lies over the picture to be made and says
 *   where this style goes
 */
typedef struct {
  const NnImage *picture;
  double weight;
  const NnImage *mask, *region;
} NnStyleSource;

typedef struct NnStyleModel NnStyleModel;

/**
 * nn_style_model_new:
 * @network, @context: must outlive the model
 * @style_layers, @content_layers: as nn_network_parse_layers() takes them, for the uses "style" and
 *   "content"; a layer may be in both. @content_layers %NULL: no content
 *
 * Weights of layers are relative to each other.
 */
NnStyleModel *nn_style_model_new(const NnNetwork *network, NnContext *context, NnStyle kind,
                                 const char *style_layers, const char *content_layers,
                                 NnProgramOptions options, GError **error);
void nn_style_model_free(NnStyleModel *model);

/** nn_style_model_criterion: (transfer none) */
NnCriterion *nn_style_model_criterion(const NnStyleModel *model);

/** nn_style_model_set_edges: what is beside pictures to be made and beside styles; both padded unless
 * told. Others than padded are not for models with content. Errors as nn_criterion_set_edges(),
 * which change nothing. */
bool nn_style_model_set_edges(NnStyleModel *model, NnEdges of_pictures, NnEdges of_styles,
                              GError **error);

/**
 * nn_style_model_prepare:
 * @width, @height: of the picture to be made
 * @style_weight: of all styles together
 * @content: (nullable): RGB, of that size; of a model with content layers
 * @content_weight: 0 does without the content
 *
 * Makes the losses anew: looks at all sources and the content. Styles without a region are mixed;
 * where others have regions, they go where none of these is. Each region weighs as much as its
 * area.
 * Returns: (transfer full): for evaluating the criterion; errors also as nn_criterion_evaluator(),
 *   %NN_ERROR_ARGUMENT where a mask or region is empty, %NN_ERROR_CANCELLED.
 */
NnEvaluator *nn_style_model_prepare(NnStyleModel *model, const NnStyleSource *sources,
                                    int n_sources, double style_weight, const NnImage *content,
                                    double content_weight, int width, int height, GError **error);

/** nn_style_model_content_loss, nn_style_model_style_loss: the weighted sum of the terms of that
 * kind in the last evaluation. */
double nn_style_model_content_loss(const NnStyleModel *model);
double nn_style_model_style_loss(const NnStyleModel *model);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnStyleModel, nn_style_model_free)
