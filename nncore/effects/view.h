/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a network is shown of a layer: without holes, and at a size at which it can make something
 * of it. */
#pragma once

#include "nncore/effects/network.h"
#include "nncore/image/image.h"
#include "nncore/plan/program.h"

/** nn_network_own_px: side of the square pictures that the network was made for: what is known
 * (NnInputSpec.own_px), else what its file declares (of an oblong one the side of a square as
 * large), else 224, for which most are made. */
int nn_network_own_px(const NnNetwork *network);

/** nn_view_size: @width, @height: (inout): of the content; of the view that nn_view_new() makes of it
 * where the network takes that size. */
void nn_view_size(const NnNetwork *network, int working_px, int *width, int *height);

/**
 * nn_view_new:
 * @program: that will see it
 * @content: RGBA
 * @working_px: longest side; 0: as many pixels as the pictures that the network was made for have,
 *   at the content's own proportions; or, where the network takes no other, those pictures' size
 *
 * Never larger than the content, but for networks that take one size only or nothing so small.
 * Returns: (transfer full): RGB within 0..1; %NULL with %NN_ERROR_MEMORY, or %NN_ERROR_ARGUMENT
 *   where all of @content is transparent.
 */
NnImage *nn_view_new(const NnNetwork *network, NnContext *context, NnProgram *program,
                     const NnImage *content, int working_px, GError **error);
