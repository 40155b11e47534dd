/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Maps of some channels of a layer, as pictures, at no more pixels than asked for: a loss that only
 * observes (loss/loss.h). */
#pragma once

#include "nncore/image/image.h"
#include "nncore/loss/loss.h"

/**
 * nn_gather_new:
 * @channels: (array length=n_channels): which; copied
 * @height, @width: of the maps; not larger than the layer's
 *
 * A pixel is the mean of the layer's places whose middle lies in it: the place itself where the sizes
 * are the same.
 * Returns: (transfer full): or %NULL with %NN_ERROR_MEMORY.
 */
NnLoss *nn_gather_new(const int64_t *channels, int n_channels, int height, int width,
                      GError **error);

/** nn_gather_bytes: what it takes. */
double nn_gather_bytes(int64_t n_channels, int height, int width);

/** nn_gather_map: (transfer full): the map of @channels[@index], one channel; after all pieces have
 * been observed. */
NnImage *nn_gather_map(const NnLoss *gather, int index, GError **error);
