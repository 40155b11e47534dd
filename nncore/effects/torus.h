/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures without borders: a torus, whose left edge goes on at the right one and whose top at the
 * bottom, so that copies of it tile the plane. A network is shown the picture going on periodically
 * for as far as its layers see, the margin; of each layer, only the places over one period count.
 * None of these sees the padding at the borders of what the network is shown, so they are what
 * padding that wraps around in every layer would make of them, for sides that are multiples of
 * the layer's stride; for others, the places over a period are as many as come nearest. */
#pragma once

#include "nncore/effects/network.h"
#include "nncore/tensor/piece.h"

typedef struct NnTorus NnTorus;

/**
 * nn_torus_new:
 * @layers: tensors of the file
 *
 * Returns: (transfer full): %NN_ERROR_ARGUMENT where a layer looks at all of the picture or has
 *   no places, %NN_ERROR_MEMORY, %NN_ERROR_READ.
 */
NnTorus *nn_torus_new(const NnNetwork *network, const char *const *layers, int n_layers,
                      GError **error);
void nn_torus_free(NnTorus *torus);

/** nn_torus_margin: px that the network is shown around the picture, on each side. */
int nn_torus_margin(const NnTorus *torus);

/** nn_torus_box: the places of layer @layer over one period of a picture of @width x @height px. */
NnBox nn_torus_box(const NnTorus *torus, int layer, int width, int height);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnTorus, nn_torus_free)
