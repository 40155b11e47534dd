/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layers that a run works on, and the rules which ones may be chosen:
 *
 * - layers of RGB and greyscale images, with or without alpha; indexed images are refused;
 * - a layer with a mask: its pixels are worked on, not the mask; a new layer gets a copy of it;
 * - a layer with effects (filters that GIMP keeps editable): the pixels beneath them;
 * - a text layer or a layer group: its look goes to a new layer; in place is refused;
 * - a layer whose pixels are locked: in place is refused;
 * - channels, layer masks, the selection and floating selections are refused;
 * - a selection that misses a layer is refused. */
#pragma once

#include <stdbool.h>

#include <libgimp/gimp.h>

/**
 * SomTarget: rectangles are in the layer's pixels.
 * @bounds: where pixels may change: the layer, or the selection's part of it
 * @region: what the effect sees: @bounds and some context around it, inside the layer
 */
typedef struct {
  GimpLayer *layer;
  GeglRectangle bounds, region;
} SomTarget;

/**
 * som_targets_new:
 * @drawables: (array zero-terminated=1)
 *
 * Returns: (transfer full) (element-type SomTarget): at least one, in order; or %NULL with the
 *   sentence that says which rule @drawables break.
 */
GArray *som_targets_new(GimpImage *image, GimpDrawable **drawables, bool in_place, GError **error);
