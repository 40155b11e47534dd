/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The procedure that sets the preferences: from a dialog, or by a script. */
#pragma once

#include <libgimp/gimp.h>

#define SOM_PREFERENCES_PROCEDURE "plug-in-somnium-preferences"

/** som_preferences_procedure_new: (transfer full): ready to be registered and run. */
GimpProcedure *som_preferences_procedure_new(GimpPlugIn *plug_in);
