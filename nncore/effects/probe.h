/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A layer of a network, looked at picture by picture: what effects need that show what its channels
 * respond to. Pictures of any size, within the context's memory budget. */
#pragma once

#include "nncore/analysis/inventory.h"
#include "nncore/effects/criterion.h"

typedef struct NnProbe NnProbe;

/**
 * nn_probe_new:
 * @network, @context: must outlive the probe
 * @layer: as nn_network_parse_layers() takes it; the first one counts, empty: the preset "dream"
 *
 * Makes the program, which takes its time. %NN_ERROR_ARGUMENT where there is no such layer.
 */
NnProbe *nn_probe_new(const NnNetwork *network, NnContext *context, const char *layer,
                      GError **error);
void nn_probe_free(NnProbe *probe);

/** nn_probe_layer: (transfer none): the file's tensor. */
const char *nn_probe_layer(const NnProbe *probe);

/** nn_probe_name: (transfer none): the layer for people. */
const char *nn_probe_name(const NnProbe *probe);

/** nn_probe_own_px: nn_network_own_px() of its network. */
int nn_probe_own_px(const NnProbe *probe);

/** nn_probe_inventory: (transfer full): nn_inventory_new() of its network, for views of this size. */
NnInventory *nn_probe_inventory(const NnProbe *probe, int width, int height, GError **error);

/** nn_probe_watch: as nn_criterion_watch(). */
void nn_probe_watch(NnProbe *probe, NnProceed proceed, gpointer data);

/** nn_probe_view: as nn_view_new(), or as its @working_px of 0 has it where the network takes no other
 * size; and of a size that it takes as it is (nn_input_size()), so that it sees no other pixels than
 * the view's. */
NnImage *nn_probe_view(NnProbe *probe, const NnImage *content, int working_px, GError **error);

/**
 * nn_probe_open:
 * Makes ready for pictures of @width x @height px; at once where the last ones were as large.
 * Errors as nn_criterion_evaluator(); %NN_ERROR_ARGUMENT where the layer has no channels.
 */
bool nn_probe_open(NnProbe *probe, int width, int height, GError **error);

/** nn_probe_foresee: what nn_probe_size() will tell once it is open for pictures of @width x @height px.
 * Errors as nn_probe_open(). */
bool nn_probe_foresee(const NnProbe *probe, int width, int height, int64_t *channels,
                      int *map_height, int *map_width, GError **error);

/** nn_probe_size: of the layer for the pictures at hand; scores are one place. */
void nn_probe_size(const NnProbe *probe, int64_t *channels, int *height, int *width);

/** nn_probe_set_loss: (transfer full): what observes, from now on; in place of all others. */
void nn_probe_set_loss(NnProbe *probe, NnLoss *loss);

/** nn_probe_add_loss: (transfer full): observes, too. */
void nn_probe_add_loss(NnProbe *probe, NnLoss *loss);

/** nn_probe_observe: has the loss observe @view, RGB, of the size at hand. Errors as
 * nn_criterion_observe(). */
bool nn_probe_observe(NnProbe *probe, const NnImage *view, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnProbe, nn_probe_free)
