/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layers that a run works on, and the rules which ones may be chosen:
 *
 * - layers of RGB and greyscale images, with or without alpha; indexed images are refused;
 * - a layer with a mask: its pixels are worked on, not the mask; a new layer gets a copy of it;
 * - a layer with effects (filters that GIMP keeps editable): the pixels beneath them;
 * - a text layer or a layer group: its look goes to a new layer; in place is refused;
 * - a layer whose pixels are locked, by itself or by a group around it: in place is refused; a mask that
 *   an effect makes of it is left out;
 * - channels, layer masks, the selection and floating selections are refused;
 * - a selection that misses a layer is refused;
 * - a layer that is removed between the dialog and the end of the run is left out and named.
 *
 * An effect that never looks at a picture has no targets; one to which it is optional has none where
 * nothing is chosen. Over all open images, those that a rule forbids are left out and named. */
#pragma once

#include <stdbool.h>

#include <libgimp/gimp.h>

#include "nncore/effects/effect.h"
#include "plugin/pixels.h"

/**
 * SomTarget: a layer as it was when the run began; rectangles are in its pixels.
 * @name: cannot be asked for any more once the layer is removed
 * @bounds: where pixels may change: the layer, or the selection's part of it
 * @region: what the effect sees: @bounds and some context around it, inside the layer; all of the
 *   layer where a selection only informs the effect
 * @selected: what was selected; its x and y are the layer's place in the image
 */
typedef struct {
  GimpLayer *layer;
  char *name;
  GeglRectangle bounds, region;
  SomMask selected;
} SomTarget;

/**
 * SomBatch: what becomes one undo step.
 * @image: (nullable): where the effect needs none; may be closed meanwhile
 * @name: (nullable): of @image
 * @targets: (element-type SomTarget): empty where the effect works without a picture
 */
typedef struct {
  GimpImage *image;
  char *name;
  GArray *targets;
} SomBatch;

/**
 * som_batches_new:
 * @image: (nullable)
 * @drawables: (array zero-terminated=1) (nullable)
 * @all_images: every open image, with the layers that are chosen in it; @image and @drawables do not
 *   count
 * @left_out: a sentence for each image or layer that was left out is appended
 *
 * Returns: (transfer full) (element-type SomBatch): at least one, in order; or %NULL with the
 *   sentence that says which rule is broken.
 */
GArray *som_batches_new(const NnEffect *effect, GimpImage *image, GimpDrawable **drawables,
                        bool all_images, bool in_place, GString *left_out, GError **error);

/** som_target_check: whether the layer is still there. */
bool som_target_check(const SomTarget *target, GError **error);

/** som_find_locked: (transfer none) (nullable): the layer whose lock keeps the pixels of @item and its
 * mask from changing: itself or a group around it. */
GimpItem *som_find_locked(GimpItem *item);

/** som_left_out_add: @sentence on a line of its own; an empty one is nothing. */
void som_left_out_add(GString *left_out, const char *sentence);

/** som_name_left_out: adds the sentence that the image @name was left out for @reason. */
void som_name_left_out(GString *left_out, const char *name, const GError *reason);
