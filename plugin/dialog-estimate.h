/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line of a dialog that says how long a run will take, and how much memory. */
#pragma once

#include "plugin/dialog-state.h"

/** som_estimate_label_new: for an effect that can estimate; follows the values of the dialog. @size:
 * of what the effect would see, 0 x 0 where it sees no picture. */
GtkWidget *som_estimate_label_new(SomDialogState *state, GeglRectangle size);
