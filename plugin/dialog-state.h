/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of a dialog share: its rows, and which of them count; the networks that it looks
 * at. */
#pragma once

#include <libgimp/gimpui.h>

#include "plugin/host-params.h"
#include "weights/networks.h"

typedef struct SomDialogState SomDialogState;

/** som_dialog_state_new: @image: (nullable): whose items can be chosen. Everything lives as long as
 * @dialog, which owns it. */
SomDialogState *som_dialog_state_new(GtkWidget *dialog, const NnEffect *effect, GimpImage *image,
                                     GimpProcedureConfig *config);

const NnEffect *som_dialog_state_effect(SomDialogState *state);
GimpImage *som_dialog_state_image(SomDialogState *state);
GimpProcedureConfig *som_dialog_state_config(SomDialogState *state);

/** som_dialog_state_add_row: @label: (nullable). */
void som_dialog_state_add_row(SomDialogState *state, const NnParam *param, GtkWidget *label,
                              GtkWidget *control);

/** som_dialog_state_follow: from now on, rows that do not count (NnParam.enabled_by) are grey, and of
 * rows that are numbered (style-2-file) those are hidden that come after an unused number. */
void som_dialog_state_follow(SomDialogState *state);

/**
 * som_dialog_state_network:
 * @param: of kind NETWORK, or of one that belongs to the network whose row comes last before it
 *
 * Returns: (transfer none) (nullable): looked at, as long as the dialog lives; %NULL where there is
 *   none, which the network's own row explains.
 */
const NnNetwork *som_dialog_state_network(SomDialogState *state, const NnParam *param);

/** som_dialog_state_network_param: (nullable): the row of the network that @param belongs to. */
const NnParam *som_dialog_state_network_param(SomDialogState *state, const NnParam *param);

/** som_param_number: the number in a key like "style-2-file", or 0 where there is none; @length: (out)
 * (optional): of what stands before it. */
int som_param_number(const NnParam *param, size_t *length);
