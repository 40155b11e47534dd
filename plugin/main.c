/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plug-in as GIMP meets it: one procedure for every row of the effect table, and one for the
 * preferences. */
#include <libgimp/gimp.h>

#include "plugin/preferences-procedure.h"
#include "plugin/procedure.h"

#define SOM_TYPE_PLUG_IN (som_plug_in_get_type())
G_DECLARE_FINAL_TYPE(SomPlugIn, som_plug_in, SOM, PLUG_IN, GimpPlugIn)

struct _SomPlugIn {
  GimpPlugIn parent_instance;
};

G_DEFINE_FINAL_TYPE(SomPlugIn, som_plug_in, GIMP_TYPE_PLUG_IN)

/* GIMP frees the list and its strings. */
static GList *
som_plug_in_query_procedures(GimpPlugIn *plug_in)
{
  GList *names = NULL;
  const NnEffect *effect;

  for (int i = 0; (effect = nn_effect_at(i)); i++)
    names = g_list_prepend(names, som_procedure_name(effect));
  names = g_list_prepend(names, g_strdup(SOM_PREFERENCES_PROCEDURE));
  return g_list_reverse(names);
}

static GimpProcedure *
som_plug_in_create_procedure(GimpPlugIn *plug_in, const char *name)
{
  const NnEffect *effect;

  if (g_str_equal(name, SOM_PREFERENCES_PROCEDURE))
    return som_preferences_procedure_new(plug_in);
  for (int i = 0; (effect = nn_effect_at(i)); i++) {
    g_autofree char *effect_name = som_procedure_name(effect);
    if (g_str_equal(effect_name, name))
      return som_procedure_new(plug_in, effect);
  }
  return NULL;
}

/* The catalogue lies in locale/ beside the binary; GIMP binds the domain to it. */
static gboolean
som_plug_in_set_i18n(GimpPlugIn *plug_in, const char *procedure_name, char **gettext_domain,
                     char **catalog_dir)
{
  *gettext_domain = g_strdup(GETTEXT_PACKAGE);
  *catalog_dir = g_strdup("locale");
  return TRUE;
}

static void
som_plug_in_class_init(SomPlugInClass *klass)
{
  GimpPlugInClass *plug_in_class = GIMP_PLUG_IN_CLASS(klass);

  plug_in_class->query_procedures = som_plug_in_query_procedures;
  plug_in_class->create_procedure = som_plug_in_create_procedure;
  plug_in_class->set_i18n = som_plug_in_set_i18n;
}

static void
som_plug_in_init(SomPlugIn *self)
{
}

/* Not GIMP_MAIN: babl chooses among its conversions by timing them, and those that it takes for
 * equal (its tolerance) differ in the last bit, so on a busy machine one seed gave two pictures. */
int
main(int argc, char **argv)
{
  g_setenv("BABL_TOLERANCE", "0", FALSE);
  return gimp_main(SOM_TYPE_PLUG_IN, argc, argv);
}
