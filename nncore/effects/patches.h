/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The patches of many pictures that excite the channels of a layer most (Girshick, Donahue, Darrell and
 * Malik, "Rich feature hierarchies for accurate object detection and semantic segmentation", 2014:
 * top regions; Zeiler and Fergus 2014). A patch is what the place with the highest value sees: its
 * receptive field (analysis/receptive-field.h). Pictures are looked at one after the other; kept are
 * numbers and places of the best patches only. */
#pragma once

#include "nncore/base/progress.h"
#include "nncore/effects/image-source.h"
#include "nncore/effects/probe.h"
#include "nncore/image/crop.h"

#define NN_PATCHES_PER_PICTURE 16 /* at most */
#define NN_PATCHES_PROGRESS 0.9 /* what nn_patches_find() reports when all pictures are done */

/**
 * NnPatch:
 * @picture: its number; @width, @height: of the view of it that the network saw, px
 * @peak: value and place on the map
 * @box: in px of the view: may reach past its borders; along an axis on which the field is longer
 *   than the view, it is the part of the view that is seen
 */
typedef struct {
  int picture, width, height;
  NnPeak peak;
  NnRectangle box;
} NnPatch;

/**
 * NnPatchSettings:
 * @channels: (array length=n_channels): those that are watched, in the order in which they are told;
 *   %NULL: all
 * @per_channel: patches that are kept
 * @per_picture: of one picture and channel, 1 to %NN_PATCHES_PER_PICTURE: further ones are at least
 *   half a field away from those before
 * @working_px: as nn_view_new() takes it
 */
typedef struct {
  const int *channels;
  int64_t n_channels;
  int per_channel, per_picture, working_px;
} NnPatchSettings;

typedef struct NnPatches NnPatches;

/**
 * nn_patches_find:
 * @probe, @source: must outlive the result
 *
 * Pictures that cannot be read are left to the host to tell; those that the network cannot look at
 * (all transparent, too small) are told by nn_patches_refused(). Values of exactly 0, which
 * rectifiers give where there is nothing, are no patches. Stop ends it after the picture at hand.
 * Returns: (transfer full): %NN_ERROR_ARGUMENT where no picture could be looked at or there is no
 *   such channel, %NN_ERROR_CANCELLED, and all errors of evaluations.
 */
NnPatches *nn_patches_find(NnProbe *probe, NnImageSource *source, const NnPatchSettings *settings,
                           const NnProgress *progress, GError **error);
void nn_patches_free(NnPatches *patches);

/** nn_patches_n_channels: those that are watched. */
int64_t nn_patches_n_channels(const NnPatches *patches);

/** nn_patches_channel: the number of watched channel @index. */
int64_t nn_patches_channel(const NnPatches *patches, int64_t index);

/** nn_patches_of: (array length=n): (transfer none): of watched channel @index, the best first; of
 * equal ones, the one that was seen first. */
const NnPatch *nn_patches_of(const NnPatches *patches, int64_t index, int *n);

/** nn_patches_distinction: how far the kept patches of watched channel @index stand out: by how many
 * standard deviations of the pictures' highest values their mean is above the mean of these. */
double nn_patches_distinction(const NnPatches *patches, int64_t index);

/** nn_patches_refused: (transfer full) (nullable): translated. */
char *nn_patches_refused(const NnPatches *patches);

/**
 * nn_patches_view:
 * Returns: (transfer full) (nullable): picture @picture as the network sees it, RGB; %NULL without an
 *   error where it cannot be read (any more) or be looked at.
 */
NnImage *nn_patches_view(const NnPatches *patches, int picture, GError **error);

/** nn_patch_cut: (transfer full): @patch of @view, RGB; what lies past the border is @fill. */
NnImage *nn_patch_cut(const NnPatch *patch, const NnImage *view, float fill, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnPatches, nn_patches_free)
