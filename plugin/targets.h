/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layers that a run works on, and the rules which ones may be chosen:
 *
 * - layers of RGB and greyscale images, with or without alpha; indexed images are refused;
 * - a layer with a mask: its pixels are worked on, not the mask; a new layer gets a copy of it;
 * - a layer with effects (filters that GIMP keeps editable): the pixels beneath them;
 * - a text layer or a layer group: its look goes to a new layer; in place is refused;
 * - a layer whose pixels are locked: in place is refused;
 * - channels, layer masks, the selection and floating selections are refused;
 * - a selection that misses a layer is refused.
 *
 * An effect that never looks at a picture has no targets; one to which it is optional has none where
 * nothing is chosen. Over all open images, those that a rule forbids are left out and named. */
#pragma once

#include <stdbool.h>

#include <libgimp/gimp.h>

#include "nncore/effects/effect.h"

/**
 * SomTarget: rectangles are in the layer's pixels.
 * @bounds: where pixels may change: the layer, or the selection's part of it
 * @region: what the effect sees: @bounds and some context around it, inside the layer; all of the
 *   layer where a selection only informs the effect
 */
typedef struct {
  GimpLayer *layer;
  GeglRectangle bounds, region;
} SomTarget;

/**
 * SomBatch: what becomes one undo step.
 * @image: (nullable): where the effect needs none
 * @targets: (element-type SomTarget): empty where the effect works without a picture
 */
typedef struct {
  GimpImage *image;
  GArray *targets;
} SomBatch;

/**
 * som_batches_new:
 * @image: (nullable)
 * @drawables: (array zero-terminated=1) (nullable)
 * @all_images: every open image, with the layers that are chosen in it; @image and @drawables do not
 *   count
 * @left_out: a sentence for each image that was left out is appended
 *
 * Returns: (transfer full) (element-type SomBatch): at least one, in order; or %NULL with the
 *   sentence that says which rule is broken.
 */
GArray *som_batches_new(const NnEffect *effect, GimpImage *image, GimpDrawable **drawables,
                        bool all_images, bool in_place, GString *left_out, GError **error);

/** som_name_left_out: appends the sentence that @image was left out for @reason. */
void som_name_left_out(GString *left_out, GimpImage *image, const GError *reason);
