/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A row of the effect table as a GIMP procedure: its name, arguments, return values, menu. */
#pragma once

#include <stdbool.h>

#include <libgimp/gimp.h>

#include "nncore/effects/effect.h"
#include "plugin/host-params.h"

#define SOM_MENU "<Image>/Filters/Somnium"

/* Places of the return values, after the status. */
enum { SOM_RETURN_LAYERS = 1, SOM_RETURN_IMAGES, SOM_RETURN_TEXT };

/** som_procedure_name: (transfer full): "plug-in-somnium-" and the effect's id. */
char *som_procedure_name(const NnEffect *effect);

/** som_procedure_new: (transfer full): ready to be registered and run. */
GimpProcedure *som_procedure_new(GimpPlugIn *plug_in, const NnEffect *effect);

/** som_has_display: whether a window can be shown; an error that says what to do if not. */
bool som_has_display(GError **error);

/** som_param_label: (transfer full): translated, with its unit and mnemonic. */
char *som_param_label(const NnParam *param);

/** som_param_choice_index: of @nick, or -1. */
int som_param_choice_index(const NnParam *param, const char *nick);

/** som_param_choice_nicks: (transfer full): all of them, separated by commas. */
char *som_param_choice_nicks(const NnParam *param);

/** som_label_plain: (transfer full): a menu label, translated, without mnemonic and ellipsis. */
char *som_label_plain(const char *label);

/** som_procedure_set_attribution: who made it. */
void som_procedure_set_attribution(GimpProcedure *procedure);
