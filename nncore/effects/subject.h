/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The subject of a picture, cut out along its edges at full size: GrabCut (analysis/grab-cut.h) at a
 * working size, from a person's rough outline or from a map of what matters to a network, and then
 * again at each size twice as large, in a band around the edge. */
#pragma once

#include "nncore/analysis/grab-cut.h"

/**
 * NnOutline: what a selection says of the subject.
 * @NN_OUTLINE_AROUND: it lies within; what is outside is background
 * @NN_OUTLINE_INSIDE: what is selected surely belongs to it
 */
typedef enum { NN_OUTLINE_AROUND, NN_OUTLINE_INSIDE } NnOutline;

/**
 * NnSubjectHints: where the subject is; one of both.
 * @outline: (nullable): one channel, like the picture: a selection, not 0 everywhere; what is above half
 *   of its highest value counts
 * @meaning: of the outline
 * @map: (nullable): one channel, of any size, the higher the surer; the parts @sure_subject and
 *   @sure_background of the picture where it is highest and lowest stay what they are
 */
typedef struct {
  const NnImage *outline;
  NnOutline meaning;
  const NnImage *map;
  double sure_subject, sure_background;
} NnSubjectHints;

/**
 * NnSubjectSettings:
 * @working_px: longest side of the picture that is cut first; 0: full size
 * @seeded_only: whether pieces without a pixel that is surely subject are dropped; where no pixel is
 *   (%NN_OUTLINE_AROUND), none are
 * @soft_px: width of the mask's edge, from 10 % to 90 %; 0: hard
 */
typedef struct {
  NnGrabCutSettings cut;
  int working_px;
  bool seeded_only;
  double soft_px;
} NnSubjectSettings;

/** nn_subject_bytes: what nn_subject_mask() takes at its highest, about; @working_px as in
 * NnSubjectSettings. */
double nn_subject_bytes(int width, int height, int working_px);

/** nn_subject_held_bytes: what of the context's memory it holds meanwhile: all but cuts. */
double nn_subject_held_bytes(int width, int height);

/**
 * nn_subject_mask:
 * @content: RGBA; where alpha is 0, there is no subject
 * @progress: (nullable): of this alone, from 0 to 1
 * @iterations: (out): cuts at the working size
 *
 * Stop keeps the last cut and brings it to full size.
 * Returns: (transfer full): one channel, as large as @content: 1 on the subject, 0 elsewhere.
 *   %NN_ERROR_ARGUMENT where there is no subject or no background, %NN_ERROR_CANCELLED,
 *   %NN_ERROR_MEMORY.
 */
NnImage *nn_subject_mask(NnContext *context, const NnImage *content, const NnSubjectHints *hints,
                         const NnSubjectSettings *settings, const NnProgress *progress,
                         int *iterations, GError **error);
