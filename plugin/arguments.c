/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a GimpProcedureConfig to NnArguments. */
#include "plugin/arguments.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "plugin/pixels.h"
#include "plugin/procedure.h"

static bool
read_drawable(SomArguments *self, GimpDrawable *drawable, NnArgument *value, GError **error)
{
  GeglBuffer *buffer = gimp_drawable_get_buffer(drawable);
  NnImage *image = som_pixels_read(buffer, gegl_buffer_get_extent(buffer), error);

  g_object_unref(buffer);
  if (!image)
    return false;
  g_ptr_array_add(self->images, image);
  value->image = image;
  return true;
}

static void
set_file_error(GError **error, GFile *file, const char *reason)
{
  g_autofree char *name = g_file_get_parse_name(file);

  g_set_error(error, NN_ERROR, NN_ERROR_READ,
              _("The picture “%s” cannot be opened: %s. Choose a file that GIMP can open."), name,
              reason);
}

/* GIMP itself opens the file, so every format that it knows will do. Its error is not shown by
 * itself, but becomes a part of ours. */
static GimpImage *
load_image(GFile *file, GError **error)
{
  GimpPlugIn *plug_in = gimp_get_plug_in();
  GimpImage *image;

  if (!g_file_query_exists(file, NULL)) {
    set_file_error(error, file, _("there is no such file"));
    return NULL;
  }
  gimp_plug_in_set_pdb_error_handler(plug_in, GIMP_PDB_ERROR_HANDLER_PLUGIN);
  image = gimp_file_load(GIMP_RUN_NONINTERACTIVE, file);
  if (!image) {
    g_autofree char *reason = g_strdup(gimp_pdb_get_last_error(gimp_get_pdb()));
    set_file_error(error, file, g_strstrip(reason));
  }
  gimp_plug_in_set_pdb_error_handler(plug_in, GIMP_PDB_ERROR_HANDLER_INTERNAL);
  return image;
}

static bool
read_file(SomArguments *self, GFile *file, NnArgument *value, GError **error)
{
  GimpImage *image = load_image(file, error);
  GimpLayer *layer;
  bool done = false;

  if (!image)
    return false;
  layer = gimp_image_merge_visible_layers(image, GIMP_CLIP_TO_IMAGE);
  if (layer)
    done = read_drawable(self, GIMP_DRAWABLE(layer), value, error);
  else
    set_file_error(error, file, _("it has no visible layer"));
  gimp_image_delete(image);
  return done;
}

static bool
read_object(SomArguments *self, const NnParam *param, GimpProcedureConfig *config,
            NnArgument *value, GError **error)
{
  g_autoptr(GObject) object = NULL;

  g_object_get(config, param->key, &object, NULL);
  if (!object)
    return true;
  if (param->kind == NN_PARAM_DRAWABLE)
    return read_drawable(self, GIMP_DRAWABLE(object), value, error);
  /* scripts say "" for no file */
  g_autofree char *uri = g_file_get_uri(G_FILE(object));
  return !uri || !*uri || read_file(self, G_FILE(object), value, error);
}

static void
read_text(SomArguments *self, const NnParam *param, GimpProcedureConfig *config, NnArgument *value)
{
  char *text = NULL;

  g_object_get(config, param->key, &text, NULL);
  if (!text)
    text = g_strdup("");
  g_ptr_array_add(self->texts, text);
  value->text = text;
}

bool
som_arguments_read_choice(const NnParam *param, GimpProcedureConfig *config, int64_t *index,
                          GError **error)
{
  g_autofree char *nick = NULL;

  g_object_get(config, param->key, &nick, NULL);
  *index = som_param_choice_index(param, nick);
  if (*index >= 0)
    return true;
  g_autofree char *nicks = som_param_choice_nicks(param);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("“%s” is no value of the argument %s; it takes one of: %s."), nick ? nick : "",
              param->key, nicks);
  return false;
}

static bool
read_value(SomArguments *self, const NnParam *param, GimpProcedureConfig *config, NnArgument *value,
           GError **error)
{
  int number;
  gboolean flag;

  switch (param->kind) {
  case NN_PARAM_INT:
  case NN_PARAM_SEED:
    g_object_get(config, param->key, &number, NULL);
    value->i = number;
    return true;
  case NN_PARAM_BOOL:
    g_object_get(config, param->key, &flag, NULL);
    value->i = flag;
    return true;
  case NN_PARAM_FLOAT:
    g_object_get(config, param->key, &value->d, NULL);
    return true;
  case NN_PARAM_CHOICE:
    return som_arguments_read_choice(param, config, &value->i, error);
  case NN_PARAM_DRAWABLE:
  case NN_PARAM_FILE:
    return read_object(self, param, config, value, error);
  default:
    read_text(self, param, config, value);
    return true;
  }
}

SomArguments *
som_arguments_new(const NnEffect *effect, GimpProcedureConfig *config, GError **error)
{
  g_autoptr(SomArguments) self = g_new0(SomArguments, 1);

  self->effect = effect;
  self->values = nn_effect_arguments(effect);
  self->texts = g_ptr_array_new_with_free_func(g_free);
  self->images = g_ptr_array_new_with_free_func((GDestroyNotify)nn_image_free);
  for (int i = 0; effect->params[i].key; i++) {
    if (!read_value(self, &effect->params[i], config, &self->values[i], error))
      return NULL;
  }
  return g_steal_pointer(&self);
}

void
som_arguments_free(SomArguments *arguments)
{
  g_free(arguments->values);
  g_ptr_array_unref(arguments->texts);
  g_ptr_array_unref(arguments->images);
  g_clear_pointer(&arguments->networks, g_ptr_array_unref);
  g_free(arguments);
}

bool
som_arguments_complete(SomArguments *arguments, const SomNetworks *networks, GError **error)
{
  const NnParam *params = arguments->effect->params;

  if (arguments->networks)
    return true;
  arguments->networks = g_ptr_array_new_with_free_func((GDestroyNotify)nn_network_free);
  for (int i = 0; params[i].key; i++) {
    if (params[i].kind != NN_PARAM_NETWORK)
      continue;
    NnNetwork *network = som_networks_open(networks, arguments->values[i].text, error);
    if (!network)
      return false;
    g_ptr_array_add(arguments->networks, network);
    arguments->values[i].network = network;
  }
  return nn_effect_check(arguments->effect, arguments->values, error);
}
