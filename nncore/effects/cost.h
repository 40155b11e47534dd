/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What effects need for NnEffect.estimate: the cost of showing pictures to a network, told from its
 * file's structure, in no time. */
#pragma once

#include "nncore/effects/effect.h"

/**
 * NnPasses: pictures that a network is shown.
 * @layers: (array zero-terminated=1): tensors of the file, up to which it is run
 * @width, @height: of a picture, px; the network sees nn_input_size() of them
 * @forward, @back: how often it runs; a way back costs as much as one forward
 * @gradient: whether it runs back at all, be it a part of the way
 * @whole: whether it is never cut into tiles
 * @separate: as in nn_footprint()
 * @cropped: losses see what lies over the picture alone (NnEdges): crops of a layer and its gradient are
 *   there beside it
 * @patches, @patch_px: how often a square is exchanged, and only what that reaches is run anew
 *   (plan/partial.h), for which everything made on the way is kept
 * @batch: squares at a time, at most, where half of the context's budget does
 */
typedef struct {
  const NnNetwork *network;
  const char *const *layers;
  int width, height;
  double forward, back;
  bool gradient, whole, separate, cropped;
  double patches;
  int patch_px, batch;
} NnPasses;

/**
 * nn_cost_add_passes:
 * @estimate: (inout): their multiply-adds are added; its memory becomes theirs, if that is more, with
 *   that of the network's weights
 *
 * Layers that do not follow at this size (a head that was made for another) are left out: they are
 * cheap. %NN_ERROR_MEMORY, %NN_ERROR_READ.
 */
bool nn_cost_add_passes(NnEstimate *estimate, NnContext *context, const NnPasses *passes,
                        GError **error);

/** nn_cost_add_held: @bytes that are there all the time. Comes after the passes. */
void nn_cost_add_held(NnEstimate *estimate, double bytes);

/** nn_cost_add_pictures: nn_cost_add_held() for @count pictures of @channels floats a pixel. */
void nn_cost_add_pictures(NnEstimate *estimate, double count, int width, int height, int channels);

/** nn_cost_add_result: nn_cost_add_held() for a change of @width x @height px that is brought to a picture
 * of @full_width x @full_height: what that makes, RGBA, and, of another size, the change as large. */
void nn_cost_add_result(NnEstimate *estimate, int width, int height, int full_width,
                        int full_height);

/** nn_cost_add_remembered: what content losses on @layers (an array as in NnPasses) hold, of pictures of
 * @width x @height px. Comes after the passes; errors as theirs. */
bool nn_cost_add_remembered(NnEstimate *estimate, const NnNetwork *network,
                            const char *const *layers, int width, int height, GError **error);

/** nn_cost_raise: to @bytes at a time of their own, when there are no tiles. */
void nn_cost_raise(NnEstimate *estimate, double bytes);

/** nn_cost_add_layers: adds the names of nn_network_parse_layers(), whose errors these are. */
bool nn_cost_add_layers(GStrvBuilder *names, const NnNetwork *network, const char *text,
                        const char *use, GError **error);
