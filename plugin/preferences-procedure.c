/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GimpProcedureDialog over the values of somnium.ini. GIMP's own memory of last values does not
 * count: the file does. */
#include "plugin/preferences-procedure.h"

#include <gegl.h>
#include <glib/gi18n-lib.h>
#include <libgimp/gimpui.h>

#include "nncore/base/error.h"
#include "plugin/preferences.h"
#include "plugin/procedure.h"

static void
fill_config(GimpProcedureConfig *config)
{
  g_autoptr(SomPreferences) saved = som_preferences_load();

  g_object_set(config, SOM_KEY_MEMORY, saved->memory_mb, SOM_KEY_THREADS, saved->threads,
               SOM_KEY_FOLDERS, saved->folders, NULL);
}

static bool
save_config(GimpProcedureConfig *config, GError **error)
{
  SomPreferences wanted = {0};
  bool saved;

  g_object_get(config, SOM_KEY_MEMORY, &wanted.memory_mb, SOM_KEY_THREADS, &wanted.threads,
               SOM_KEY_FOLDERS, &wanted.folders, NULL);
  if (!wanted.folders)
    wanted.folders = g_strdup("");
  saved = som_preferences_save(&wanted, error);
  g_free(wanted.folders);
  return saved;
}

static bool
ask(GimpProcedure *procedure, GimpProcedureConfig *config)
{
  GtkWidget *dialog;
  bool confirmed;

  gimp_ui_init("somnium");
  fill_config(config);
  dialog = gimp_procedure_dialog_new(procedure, config, _("Somnium: Preferences"));
  gimp_procedure_dialog_fill(GIMP_PROCEDURE_DIALOG(dialog), SOM_KEY_MEMORY, SOM_KEY_THREADS,
                             SOM_KEY_FOLDERS, NULL);
  confirmed = gimp_procedure_dialog_run(GIMP_PROCEDURE_DIALOG(dialog));
  gtk_widget_destroy(dialog);
  return confirmed;
}

static GimpValueArray *
run(GimpProcedure *procedure, GimpProcedureConfig *config, gpointer run_data)
{
  GimpRunMode run_mode;
  GError *error = NULL;

  gegl_init(NULL, NULL);
  g_object_get(config, "run-mode", &run_mode, NULL);
  if (run_mode != GIMP_RUN_NONINTERACTIVE) {
    if (!som_has_display(&error))
      return gimp_procedure_new_return_values(procedure, GIMP_PDB_CALLING_ERROR, error);
    if (!ask(procedure, config))
      return gimp_procedure_new_return_values(procedure, GIMP_PDB_CANCEL, NULL);
  }
  if (!save_config(config, &error))
    return gimp_procedure_new_return_values(procedure, GIMP_PDB_EXECUTION_ERROR, error);
  return gimp_procedure_new_return_values(procedure, GIMP_PDB_SUCCESS, NULL);
}

GimpProcedure *
som_preferences_procedure_new(GimpPlugIn *plug_in)
{
  GimpProcedure *procedure = gimp_procedure_new(plug_in, SOM_PREFERENCES_PROCEDURE,
                                                GIMP_PDB_PROC_TYPE_PLUGIN, run, NULL, NULL);

  gimp_procedure_set_menu_label(procedure, _("_Preferences..."));
  gimp_procedure_add_menu_path(procedure, SOM_MENU);
  gimp_procedure_set_documentation(
      procedure, _("Memory, threads and networks for all of Somnium's filters"),
      _("Sets what holds for every run: how much memory it may take, how many threads it uses, and "
        "where else networks are looked for. Without a dialog, all three values are set as given."),
      NULL);
  som_procedure_set_attribution(procedure);
  gimp_procedure_add_enum_argument(procedure, "run-mode", _("Run mode"), _("The run mode"),
                                   GIMP_TYPE_RUN_MODE, GIMP_RUN_NONINTERACTIVE, G_PARAM_READWRITE);
  gimp_procedure_add_int_argument(
      procedure, SOM_KEY_MEMORY, _("_Memory (MB)"),
      _("How much memory a run may take. 0: half of what is available."), 0, SOM_MAX_MEMORY_MB, 0,
      G_PARAM_READWRITE);
  gimp_procedure_add_int_argument(procedure, SOM_KEY_THREADS, _("_Threads"),
                                  _("How many threads a run uses. 0: as many as GIMP does."), 0,
                                  SOM_MAX_THREADS, 0, G_PARAM_READWRITE);
  gimp_procedure_add_string_argument(
      procedure, SOM_KEY_FOLDERS, _("_Network folders"),
      _("Folders with .onnx files, beside the usual ones; several are separated by colons."), "",
      G_PARAM_READWRITE);
  return procedure;
}
