/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small picture to show, made of a large one. Plain cairo, so that any thread may do it. */
#pragma once

#include <cairo.h>

#include "nncore/image/image.h"

/**
 * som_image_surface_new:
 * @image: 1, 3 or 4 channels
 * @max_width, @max_height: the surface has @image's proportions and fits into these; pictures
 *   are made smaller, never larger
 *
 * Returns: (transfer full) (nullable): ARGB32, or %NULL where memory ran out
 */
cairo_surface_t *som_image_surface_new(const NnImage *image, int max_width, int max_height);
