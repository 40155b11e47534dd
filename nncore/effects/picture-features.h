/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a layer of a network has to say of pictures: a vector each, the mean of every channel over the
 * picture, and a small picture for showing them. Those of a folder are kept from run to run
 * (effects/feature-cache.h). */
#pragma once

#include "nncore/effects/effect.h"
#include "nncore/effects/feature-cache.h"

/** NnSpace: how far it is from one vector to another; in the order of nn_space_choices.
 * @NN_SPACE_COSINE: 1 - a b / (|a| |b|)
 * @NN_SPACE_EUCLIDEAN: |a - b| */
typedef enum { NN_SPACE_COSINE, NN_SPACE_EUCLIDEAN } NnSpace;

extern const NnChoice nn_space_choices[];

#define NN_FEATURE_SECTION N_("Features")

/** NN_FEATURE_PARAMS: rows for nn_picture_features_new(): network, layer, working-size, distance. */
#define NN_FEATURE_PARAMS \
  { \
      .key = "network", \
      .label = N_("_Network"), \
      .section = NN_FEATURE_SECTION, \
      .help = N_("The network that compares the pictures. Those are alike that it has much the " \
                 "same to say of."), \
      .kind = NN_PARAM_NETWORK, \
  }, \
      { \
          .key = "layer", \
          .label = N_("La_yer"), \
          .section = NN_FEATURE_SECTION, \
          .help = \
              N_("The layer whose channels' means are compared. Earlier ones go by colors and " \
                 "textures. Empty takes the one that the class scores are made from, which " \
                 "goes by what is on the picture."), \
          .kind = NN_PARAM_LAYERS, \
          .when_empty = N_("what the class scores are made from"), \
      }, \
      { \
          .key = "working-size", \
          .label = N_("Working si_ze"), \
          .section = NN_FEATURE_SECTION, \
          .help = N_("Longest side of the pictures that the network sees. 0 takes the size that " \
                     "it was made for, at which it knows things best. Larger takes longer."), \
          .unit = N_("px"), \
          .kind = NN_PARAM_INT, \
          .max = 32768, \
      }, \
  { \
    .key = "distance", .label = N_("_Distance"), .section = NN_FEATURE_SECTION, \
    .help = \
        N_("Cosine: what features there are beside each other counts, and not how strong they " \
           "are. Euclidean: that as well."), \
    .kind = NN_PARAM_CHOICE, .choices = nn_space_choices, \
  }

/** nn_picture_features_bytes: what is kept of so many pictures, at most, in a run. */
double nn_picture_features_bytes(int64_t count, int64_t dimensions);

/**
 * nn_picture_features_add_cost:
 * @others: pictures that are not in the folder
 *
 * For NnEffect.estimate: of the pictures of the argument "folder" as if the network knew none of them
 * and all were square; no time where they cannot be counted. Reading their files is not counted, and
 * of what is kept of them, which is held while they are gathered, no features.
 */
bool nn_picture_features_add_cost(const NnEffectRun *run, int others, NnEstimate *estimate,
                                  GError **error);

typedef struct NnPictureFeatures NnPictureFeatures;

/**
 * nn_picture_features_new:
 * @run: with arguments for %NN_FEATURE_PARAMS; must outlive the result
 *
 * Returns: (transfer full): with no picture; the network is read once it is wanted.
 *   %NN_ERROR_ARGUMENT where there is no such layer.
 */
NnPictureFeatures *nn_picture_features_new(const NnEffectRun *run, GError **error);
void nn_picture_features_free(NnPictureFeatures *features);

/**
 * nn_picture_features_look:
 * @picture: RGBA
 * @entry: (out): its memory is that of @features
 *
 * Shows one picture to the network, of no folder. %NN_ERROR_ARGUMENT where it is transparent
 * everywhere, the layer has no channels, or the network gives no numbers; %NN_ERROR_SHAPE where it is
 * too small; all errors of the network.
 */
bool nn_picture_features_look(NnPictureFeatures *features, const NnImage *picture,
                              NnFeatureEntry *entry, GError **error);

/**
 * nn_picture_features_gather:
 * @source: with pictures; must outlive @features
 * @share: of the run's progress that this takes, from 0 on
 *
 * Adds the pictures of @source that can be read and that the network can make something of. Ends
 * early where the person stops it; what has been computed is kept in any case. Holds the context's
 * memory for what is kept of all of them as long as @features live. Returns: false with
 * %NN_ERROR_CANCELLED, %NN_ERROR_MEMORY, or with what was wrong with the first picture where there
 * is none left.
 */
bool nn_picture_features_gather(NnPictureFeatures *features, NnImageSource *source, double share,
                                GError **error);

/** nn_picture_features_close: gives back what the network takes; it is read again where it is wanted. */
void nn_picture_features_close(NnPictureFeatures *features);

/** nn_picture_features_count: that have been gathered. */
int nn_picture_features_count(const NnPictureFeatures *features);

/** nn_picture_features_at: (transfer none) */
const NnFeatureEntry *nn_picture_features_at(const NnPictureFeatures *features, int index);

/** nn_picture_features_number: of the picture in its source. */
int nn_picture_features_number(const NnPictureFeatures *features, int index);

/** nn_picture_features_dimensions: 0 before there is a picture. */
int64_t nn_picture_features_dimensions(const NnPictureFeatures *features);

/** nn_picture_features_layer: (transfer none): for people. */
const char *nn_picture_features_layer(const NnPictureFeatures *features);

/** nn_picture_features_tell: (transfer full): sentences: how many pictures there are, how many of
 * them the network was shown this time, and what was left out. */
char *nn_picture_features_tell(const NnPictureFeatures *features);

/** nn_feature_distance: of two vectors. Cosine: 1 from or to one that is 0. */
double nn_feature_distance(const float *a, const float *b, int64_t dimensions, NnSpace space);

/**
 * nn_picture_features_picture:
 * @index: of those gathered
 * @longest_px: of its sides
 * @load: whether to read the picture's file again where what is kept of it is smaller
 *
 * Returns: (transfer full): RGB, for showing; what is kept of it where its file is gone meanwhile.
 */
NnImage *nn_picture_features_picture(const NnPictureFeatures *features, int index, int longest_px,
                                     bool load, GError **error);

/** nn_feature_entry_picture: (transfer full): the small picture, RGB, made smaller so that no side is
 * longer than @longest_px. */
NnImage *nn_feature_entry_picture(NnContext *context, const NnFeatureEntry *entry, int longest_px,
                                  GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnPictureFeatures, nn_picture_features_free)
