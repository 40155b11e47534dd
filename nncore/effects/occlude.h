/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Occlusion (Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2014): by how
 * much the target falls when a patch of the picture is covered. A pixel's value is the mean over the
 * patches that cover it. */
#pragma once

#include "nncore/base/progress.h"
#include "nncore/effects/attribution.h"

#define NN_OCCLUSION_BATCH 32 /* patches at a time, where memory allows it */

/**
 * NnOcclusionSettings:
 * @patch_px: side of the patches, in pixels of the view; 0: a fourteenth of the view's shorter side
 * @stride_px: from one to the next; 0: half a patch. The last ones of a row and column are flush
 *   with the border
 * @fill: what they are covered with
 * @most: patches that are worked on at a time, at most; 0: as suits the context's memory budget
 */
typedef struct {
  int patch_px, stride_px;
  NnBaseline fill;
  int most;
} NnOcclusionSettings;

/** nn_occlusion_patches: their number in a view of @width x @height px; @patch_px: (out): their side. */
double nn_occlusion_patches(const NnOcclusionSettings *settings, int width, int height,
                            int *patch_px);

/**
 * nn_occlude:
 * @target: opened on @view, its program made separate (NnProgramOptions); closed for the memory that this
 *   takes
 * @patches: (out): how many have been covered
 *
 * Exact, and only what a patch can reach is computed (plan/partial.h). Stop ends it, and the map is
 * of the patches so far.
 * Returns: (transfer full): one channel, like @view: above 0 where the picture speaks for the
 *   target, below where it speaks against it. %NN_ERROR_ARGUMENT where the patch is larger than the
 *   view, %NN_ERROR_MEMORY also where all that the network makes of the whole picture is more than the
 *   context's budget, %NN_ERROR_CANCELLED.
 */
NnImage *nn_occlude(const NnNetwork *network, NnContext *context, NnTarget *target,
                    const NnImage *view, const NnOcclusionSettings *settings,
                    const NnProgress *progress, int *patches, GError **error);
