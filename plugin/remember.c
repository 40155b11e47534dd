/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A parasite for each drawable argument, its number (-1 for none) as text. As with GIMP's own last
 * values, those of the image at hand come before those of the last run on any image. */
#include "plugin/remember.h"

#include <stdlib.h>
#include <string.h>

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "plugin/procedure.h"

#define PARASITE_FLAGS 0 /* neither saved nor undone */

static char *
parasite_name(const NnEffect *effect, const NnParam *param)
{
  g_autofree char *procedure_name = som_procedure_name(effect);

  return g_strdup_printf("%s-%s-last", procedure_name, param->key);
}

void
som_remember_drawables(const NnEffect *effect, GimpImage *image, GimpProcedureConfig *config)
{
  for (const NnParam *param = effect->params; param->key; param++) {
    g_autoptr(GObject) drawable = NULL;
    GimpParasite *parasite;

    if (!som_param_is_item(param))
      continue;
    g_object_get(config, param->key, &drawable, NULL);
    g_autofree char *name = parasite_name(effect, param);
    g_autofree char *text =
        g_strdup_printf("%d", drawable ? gimp_item_get_id(GIMP_ITEM(drawable)) : -1);
    parasite = gimp_parasite_new(name, PARASITE_FLAGS, strlen(text) + 1, text);
    if (image && gimp_image_is_valid(image))
      gimp_image_attach_parasite(image, parasite);
    gimp_attach_parasite(parasite);
    gimp_parasite_free(parasite);
  }
}

/* The remembered number, or -1. */
static int
recall_id(const char *name, GimpImage *image)
{
  GimpParasite *parasite = image ? gimp_image_get_parasite(image, name) : NULL;
  const char *data;
  guint32 size;

  if (!parasite)
    parasite = gimp_get_parasite(name);
  if (!parasite)
    return -1;
  data = gimp_parasite_get_data(parasite, &size);
  g_autofree char *text = g_strndup(data, size);
  gimp_parasite_free(parasite);
  return atoi(text);
}

/* Whether the item of that number will do for @param again. Only regions lie over the image. */
static bool
check_item(const NnParam *param, int id, GimpImage *image, GError **error)
{
  g_autofree char *label = som_label_plain(param->label);

  if (!gimp_item_id_is_drawable(id)) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The layer that was used as “%s” the last time is gone; run the filter from "
                  "its menu entry and choose another one."),
                label);
    return false;
  }
  if (param->kind == NN_PARAM_REGION && gimp_item_get_image(gimp_item_get_by_id(id)) != image) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("What was used as “%s” the last time belongs to another image; run the filter "
                  "from its menu entry and choose another one."),
                label);
    return false;
  }
  return true;
}

bool
som_recall_drawables(const NnEffect *effect, GimpImage *image, GimpProcedureConfig *config,
                     bool must_exist, GError **error)
{
  for (const NnParam *param = effect->params; param->key; param++) {
    g_autoptr(GObject) drawable = NULL;
    int id;

    if (!som_param_is_item(param))
      continue;
    g_object_get(config, param->key, &drawable, NULL);
    g_autofree char *name = parasite_name(effect, param);
    id = drawable ? -1 : recall_id(name, image);
    if (id < 0)
      continue;
    if (check_item(param, id, image, must_exist ? error : NULL))
      g_object_set(config, param->key, gimp_item_get_by_id(id), NULL);
    else if (must_exist)
      return false;
  }
  return true;
}
