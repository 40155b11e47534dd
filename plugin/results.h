/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the engine's results to layers, masks, selections and images. */
#pragma once

#include <stdbool.h>

#include "plugin/targets.h"

/** SomMade: what a run gave; the arrays do not own the layers and images, GIMP does. */
typedef struct {
  GPtrArray *layers; /* of GimpLayer */
  GPtrArray *images; /* of GimpImage */
  GString *text;
} SomMade;

/** som_made_new: (transfer full): nothing yet. */
SomMade *som_made_new(void);
void som_made_free(SomMade *made);

/** som_made_add_text: a line; empty ones are nothing. */
void som_made_add_text(SomMade *made, const char *line);

/**
 * som_results_write:
 * @results: (element-type GArray): parallel to the first of @batch's targets; changes
 * @in_place: whether the first picture over each source goes into it
 * @left_out: a sentence for each layer over which nothing could be written is added
 *
 * Adds to @made. Writes everything as one undo step, blended by what was selected when the run began.
 *
 * - Captions of a layer are drawn onto its picture.
 * - A new layer lies right above its source, in normal mode, with the source's size, offsets,
 *   precision, alpha and mask; outside the selection it is a copy of the source, so that it can
 *   also be shown alone. One with an alpha of its own is transparent there. In a greyscale image it
 *   is grey.
 * - A new image has the precision and, unless it is grey, the colour profile of the source; without
 *   a source, 8 bits and sRGB. One channel makes it greyscale. Captions lie on a layer above it.
 * - A mask is blended into the one that the source has, else into a white one.
 * - A selection takes the place of the one before or, where that limits the effect, is its part.
 *
 * Returns: false with @error set where something failed and nothing but text is left.
 */
bool som_results_write(SomMade *made, const NnEffect *effect, const SomBatch *batch,
                       GPtrArray *results, bool in_place, GString *left_out, GError **error);

/** som_made_return: (transfer full): success and the return values that stand for @made. */
GimpValueArray *som_made_return(const SomMade *made, GimpProcedure *procedure);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SomMade, som_made_free)
