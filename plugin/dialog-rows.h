/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A row of a dialog for each kind of parameter: label, and a control bound to the config. */
#pragma once

#include "plugin/dialog-state.h"

/** som_dialog_add_row: appends row @row to @grid; its label joins @labels. */
void som_dialog_add_row(SomDialogState *state, GtkGrid *grid, int row, const NnParam *param,
                        GtkSizeGroup *labels);
