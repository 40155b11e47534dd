/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dialog of any effect, made from its table. */
#pragma once

#include <libgimp/gimpui.h>

#include "nncore/effects/effect.h"

/**
 * som_dialog_new:
 * @image: (nullable)
 * @size: of what the effect would see, for the estimate: 0 x 0 where it sees no picture
 *
 * Returns: (transfer none): a GimpProcedureDialog, for gimp_procedure_dialog_run(), with a frame
 *   for each section of the effect's parameters; gtk_widget_destroy() it afterwards.
 */
GtkWidget *som_dialog_new(const NnEffect *effect, GimpImage *image, GeglRectangle size,
                          GimpProcedure *procedure, GimpProcedureConfig *config);
