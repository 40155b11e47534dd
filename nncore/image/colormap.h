/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Color maps: numbers of 0 to 1 as colours. Viridis, magma and inferno (Smith and van der Walt,
 * CC0) rise in lightness evenly in CAM02-UCS, so that equal steps look equal, also in grey and to
 * colour-blind eyes; turbo (Mikhailov, 2019) tells more levels apart, at the price of that. */
#pragma once

typedef enum {
  NN_COLORMAP_VIRIDIS,
  NN_COLORMAP_MAGMA,
  NN_COLORMAP_INFERNO,
  NN_COLORMAP_TURBO,
  NN_N_COLORMAPS,
} NnColormap;

/** nn_colormap_at: @rgb: (out): the R'G'B' colour of @value, which is clipped to 0..1 (what is no
 * number is 0). */
void nn_colormap_at(NnColormap colormap, float value, float rgb[3]);
