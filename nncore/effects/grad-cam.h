/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Grad-CAM (Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
 * Localization, 2017): the maps A_k of a late layer, each weighted by the mean gradient of the target
 * S to it,
 *   L = max (sum over k of w_k A_k, 0),   w_k = mean over positions of dS/dA_k. */
#pragma once

#include "nncore/analysis/inventory.h"
#include "nncore/effects/target.h"

/** nn_last_map: (transfer full): the last tensor before @goal (the file's) that still is a map with
 * more than one place, by its shapes in @inventory, and not a mere smaller copy of another;
 * %NN_ERROR_ARGUMENT where there is none, %NN_ERROR_MEMORY. */
char *nn_last_map(const NnInventory *inventory, const char *goal, GError **error);

/**
 * nn_grad_cam:
 * @target: opened on @view; closed for the memory that this takes
 * @layer: as nn_network_parse_layers() takes it (the first counts); empty: the last layer before the
 *   target that still is a map
 * @name: (out) (transfer full) (optional): the layer that it was, for people
 *
 * Returns: (transfer full): one channel, of the size of the layer's map; %NN_ERROR_ARGUMENT where the
 *   target does not depend on such a layer, %NN_ERROR_MEMORY also where the network's work on the whole
 *   picture is more than the context's budget: it is not cut into tiles.
 */
NnImage *nn_grad_cam(const NnNetwork *network, NnContext *context, NnTarget *target,
                     const NnImage *view, const char *layer, char **name, GError **error);
