/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that GIMP is told about an effect comes from its table; nothing here knows a
 * particular one. What GIMP 3.0 would check badly is left to the plug-in: a nick that a GimpChoice
 * lacks, or a file that does not exist, becomes the default on the way from Script-Fu, without an
 * error. So choices are strings here, and files of any kind will do. */
#include "plugin/procedure.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "plugin/run.h"

#define NAME_PREFIX "plug-in-somnium-"

/* In the order of NnMenuGroup. GIMP sorts submenus by name, whatever their order here. */
static const char *const groups[] = {
    N_("_Dream"),
    N_("_Style"),
    N_("_Explain"),
    N_("_Look Inside"),
};

char *
som_procedure_name(const NnEffect *effect)
{
  return g_strconcat(NAME_PREFIX, effect->id, NULL);
}

/* The length of a "(_X)" at the end, as Chinese and Japanese labels have it, or 0. */
static int
mnemonic_suffix(const char *label)
{
  size_t length = strlen(label);

  return length > 4 && label[length - 4] == '(' && label[length - 3] == '_' ? 4 : 0;
}

char *
som_param_label(const NnParam *param)
{
  const char *label = _(param->label);

  if (!param->unit)
    return g_strdup(label);
  int length = (int)strlen(label), suffix = mnemonic_suffix(label);
  g_autofree char *words = g_strndup(label, length - suffix);
  /* Translators: a label and its unit */
  g_autofree char *text = g_strdup_printf(_("%s (%s)"), words, _(param->unit));
  return g_strconcat(text, label + length - suffix, NULL);
}

bool
som_has_display(GError **error)
{
  if (gimp_display_name() || g_getenv("DISPLAY") || g_getenv("WAYLAND_DISPLAY"))
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("There is no screen to show the dialog on; call the procedure with the run mode "
                "RUN-NONINTERACTIVE."));
  return false;
}

int
som_param_choice_index(const NnParam *param, const char *nick)
{
  for (int i = 0; param->choices[i].nick; i++) {
    if (g_strcmp0(param->choices[i].nick, nick) == 0)
      return i;
  }
  return -1;
}

char *
som_param_choice_nicks(const NnParam *param)
{
  GString *nicks = g_string_new(NULL);

  for (int i = 0; param->choices[i].nick; i++)
    g_string_append_printf(nicks, "%s%s", i ? ", " : "", param->choices[i].nick);
  return g_string_free(nicks, FALSE);
}

char *
som_label_plain(const char *label)
{
  g_autofree char *plain = gimp_strip_uline(_(label));

  if (g_str_has_suffix(plain, "..."))
    plain[strlen(plain) - 3] = '\0';
  else if (g_str_has_suffix(plain, "…"))
    plain[strlen(plain) - strlen("…")] = '\0';
  return g_steal_pointer(&plain);
}

static void
add_choice(GimpProcedure *procedure, const NnParam *param, const char *label, const char *help)
{
  g_autofree char *nicks = som_param_choice_nicks(param);
  /* Translators: what an argument does, then the values that it takes */
  g_autofree char *text = g_strdup_printf(_("%s (one of: %s)"), help, nicks);

  gimp_procedure_add_string_argument(procedure, param->key, label, text,
                                     param->choices[(int)param->initial].nick, G_PARAM_READWRITE);
}

static void
add_argument(GimpProcedure *procedure, const NnParam *param)
{
  g_autofree char *label = som_param_label(param);
  const char *help = _(param->help);
  const char *key = param->key;

  switch (param->kind) {
  case NN_PARAM_INT:
  case NN_PARAM_SEED:
    gimp_procedure_add_int_argument(procedure, key, label, help, (int)param->min, (int)param->max,
                                    (int)param->initial, G_PARAM_READWRITE);
    break;
  case NN_PARAM_FLOAT:
    gimp_procedure_add_double_argument(procedure, key, label, help, param->min, param->max,
                                       param->initial, G_PARAM_READWRITE);
    break;
  case NN_PARAM_BOOL:
    gimp_procedure_add_boolean_argument(procedure, key, label, help, param->initial != 0,
                                        G_PARAM_READWRITE);
    break;
  case NN_PARAM_CHOICE:
    add_choice(procedure, param, label, help);
    break;
  case NN_PARAM_TEXT:
  case NN_PARAM_NETWORK:
  case NN_PARAM_LAYERS:
  case NN_PARAM_CLASS:
    gimp_procedure_add_string_argument(procedure, key, label, help, param->text ? param->text : "",
                                       G_PARAM_READWRITE);
    break;
  case NN_PARAM_DRAWABLE:
  case NN_PARAM_REGION:
    /* GIMP cannot write drawables into its file of last values: see plugin/remember.h */
    gimp_procedure_add_drawable_argument(procedure, key, label, help, TRUE,
                                         G_PARAM_READWRITE | GIMP_PARAM_DONT_SERIALIZE);
    break;
  case NN_PARAM_FILE:
  case NN_PARAM_FOLDER:
    gimp_procedure_add_file_argument(procedure, key, label, help, GIMP_FILE_CHOOSER_ACTION_ANY,
                                     TRUE, NULL, G_PARAM_READWRITE);
    break;
  }
}

static void
add_arguments(GimpProcedure *procedure, const NnEffect *effect)
{
  const NnParam *param;

  for (int i = 0; (param = som_param_at(effect, i)); i++)
    add_argument(procedure, param);
}

/* The same for all effects, so that scripts can rely on it. */
static void
add_return_values(GimpProcedure *procedure)
{
  gimp_procedure_add_core_object_array_return_value(procedure, "layers", _("Layers"),
                                                    _("The layers that were made or changed"),
                                                    GIMP_TYPE_LAYER, G_PARAM_READWRITE);
  gimp_procedure_add_core_object_array_return_value(procedure, "images", _("Images"),
                                                    _("The images that were made"), GIMP_TYPE_IMAGE,
                                                    G_PARAM_READWRITE);
  gimp_procedure_add_string_return_value(
      procedure, "text", _("Text"), _("What was found out, line by line"), "", G_PARAM_READWRITE);
}

void
som_procedure_set_attribution(GimpProcedure *procedure)
{
  gimp_procedure_set_attribution(procedure, "The Somnium developers", "The Somnium developers",
                                 "2026");
}

/* Where GIMP lets it be run from. */
static void
set_sensitivity(GimpProcedure *procedure, const NnEffect *effect)
{
  int mask = GIMP_PROCEDURE_SENSITIVE_DRAWABLE | GIMP_PROCEDURE_SENSITIVE_DRAWABLES;

  if (effect->content != NN_CONTENT_REQUIRED)
    mask |= GIMP_PROCEDURE_SENSITIVE_NO_DRAWABLES | GIMP_PROCEDURE_SENSITIVE_NO_IMAGE;
  gimp_procedure_set_image_types(procedure,
                                 effect->content == NN_CONTENT_NONE ? "*" : "RGB*, GRAY*");
  gimp_procedure_set_sensitivity_mask(procedure, mask);
}

GimpProcedure *
som_procedure_new(GimpPlugIn *plug_in, const NnEffect *effect)
{
  g_autofree char *name = som_procedure_name(effect);
  GimpProcedure *procedure = gimp_image_procedure_new(plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN,
                                                      som_run, (gpointer)effect, NULL);

  g_autofree char *path = g_strconcat(SOM_MENU "/", _(groups[effect->group]), NULL);

  set_sensitivity(procedure, effect);
  gimp_procedure_set_menu_label(procedure, _(effect->label));
  gimp_procedure_add_menu_path(procedure, path);
  /* no help id: the manual has no page, so there should be no button that opens it */
  gimp_procedure_set_documentation(procedure, _(effect->blurb), _(effect->help), NULL);
  som_procedure_set_attribution(procedure);
  add_arguments(procedure, effect);
  add_return_values(procedure);
  return procedure;
}
