/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A row of a dialog for each kind of parameter: label, and a control bound to the config. */
#pragma once

#include <libgimp/gimpui.h>

#include "nncore/effects/effect.h"

/** som_dialog_add_row: appends row @row to @grid; its label joins @labels. */
void som_dialog_add_row(GtkGrid *grid, int row, const NnParam *param, GimpProcedureConfig *config,
                        GtkSizeGroup *labels);
