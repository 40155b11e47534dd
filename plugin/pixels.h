/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pixels of layers to and from the engine's pictures. The engine sees sRGB with its transfer
 * curve, as networks were trained on, whatever profile and precision an image has; values outside
 * 0..1 carry colours that sRGB lacks. */
#pragma once

#include <stdbool.h>

#include <gegl.h>

#include "nncore/image/image.h"

/** som_pixels_read: the pixels of @rectangle, RGBA. */
NnImage *som_pixels_read(GeglBuffer *buffer, const GeglRectangle *rectangle, GError **error);

/**
 * som_pixels_read_mask:
 * @rectangle: may reach beyond @buffer, where all is 0
 * @is_picture: of a layer the perceptual luminance times alpha; else the values of a channel or mask
 *
 * Returns: (transfer full): one channel, 0..1
 */
NnImage *som_pixels_read_mask(GeglBuffer *buffer, const GeglRectangle *rectangle, bool is_picture,
                              GError **error);

/** som_pixels_any: whether a channel or mask is above 0 anywhere in @rectangle, which may reach beyond
 * it. */
bool som_pixels_any(GeglBuffer *buffer, const GeglRectangle *rectangle);

/**
 * SomMask: a selection as seen from a buffer.
 * @buffer: (nullable): the selection's pixels; %NULL where everything is selected
 * @x, @y: the place in it of the layer's pixel 0, 0
 */
typedef struct {
  GeglBuffer *buffer;
  int x, y;
} SomMask;

/**
 * som_pixels_compose:
 * @source: the layer before the run
 * @destination: written inside @bounds only; of @source's format
 * @bounds: in both buffers
 * @picture: 1, 3 or 4 channels; its pixel 0, 0 belongs to (@picture_x, @picture_y)
 * @mask: how much of @picture counts; blended in linear light, as GIMP does
 *
 * Alpha stays what it was. Pixels that are not selected at all, or wholly transparent, are copied
 * from @source to the bit.
 */
void som_pixels_compose(GeglBuffer *source, GeglBuffer *destination, const GeglRectangle *bounds,
                        const NnImage *picture, int picture_x, int picture_y, const SomMask *mask);

/** som_pixels_lay: @picture (RGBA) with its own alpha, times @mask, into @bounds of @destination; else
 * as som_pixels_compose(). */
void som_pixels_lay(GeglBuffer *destination, const GeglRectangle *bounds, const NnImage *picture,
                    int picture_x, int picture_y, const SomMask *mask);

/** som_pixels_blend_mask: @picture (one channel) into @bounds of the layer mask or channel
 * @destination, by as much as @mask says; else as som_pixels_compose(). */
void som_pixels_blend_mask(GeglBuffer *destination, const GeglRectangle *bounds,
                           const NnImage *picture, int picture_x, int picture_y,
                           const SomMask *mask);
