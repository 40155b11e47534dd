/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What GIMP calls: a run in each of the three run modes. */
#pragma once

#include <libgimp/gimp.h>

/** som_run: a GimpRunImageFunc; @run_data is the NnEffect. */
GimpValueArray *som_run(GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image,
                        GimpDrawable **drawables, GimpProcedureConfig *config, gpointer run_data);
