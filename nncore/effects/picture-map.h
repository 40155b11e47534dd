/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where pictures lie on a map, and the map. Points of the plane, of any scale, come onto paper either
 * where they are, or each in a cell of its own of a grid so that the sum of squares of the ways to the
 * cells is the least (analysis/assignment.h). */
#pragma once

#include "nncore/effects/picture-features.h"

/**
 * NnMapLayout:
 * @width, @height: of the paper, px
 * @grid: whether each picture gets a cell of its own
 * @picture_px: longest side of a picture; on a grid as large as the cells allow; 0: as suits their
 *   number, so that groups overlap a little
 */
typedef struct {
  int width, height;
  bool grid;
  int picture_px;
} NnMapLayout;

/**
 * nn_map_layout_check:
 * @count: of pictures
 *
 * Sets @layout->picture_px of a grid, or where it is 0. Returns: false with %NN_ERROR_ARGUMENT where pictures would be
 * too small to be seen, or do not fit onto the paper.
 */
bool nn_map_layout_check(NnMapLayout *layout, int count, GError **error);

/** nn_map_grid_bytes: that nn_map_place() takes for a grid, about. */
double nn_map_grid_bytes(const NnMapLayout *layout, int count);

/**
 * nn_map_place:
 * @points: pairs x and y
 * @centres: (out): pairs: of the pictures, px, so that all of them lie on the paper
 * @proceed: (nullable): where it ends the search for a grid, pictures lie where their points are
 *
 * Returns: false with %NN_ERROR_MEMORY.
 */
bool nn_map_place(const NnMapLayout *layout, const double *points, int count, double *centres,
                  NnProceed proceed, gpointer data, GError **error);

/**
 * nn_map_draw:
 * @load: whether pictures are read again where what is kept of them is too small
 * @proceed: (nullable): asked before each picture; where it ends the drawing, the others are drawn from
 *   what is kept
 *
 * Lays the pictures from the top of the paper to its end, so that each lies over those above it.
 * Returns: (transfer full): RGB.
 */
NnImage *nn_map_draw(const NnMapLayout *layout, NnContext *context,
                     const NnPictureFeatures *features, const double *centres, bool load,
                     NnProceed proceed, gpointer data, GError **error);
