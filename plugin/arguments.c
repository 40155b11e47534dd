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

/* GIMP itself opens the file, so every format that it knows will do. */
static bool
read_file(SomArguments *self, GFile *file, NnArgument *value, GError **error)
{
  GimpImage *image = gimp_file_load(GIMP_RUN_NONINTERACTIVE, file);
  GimpLayer *layer;
  bool done;

  if (!image) {
    g_autofree char *name = g_file_get_parse_name(file);
    g_autofree char *reason = g_strdup(gimp_pdb_get_last_error(gimp_get_pdb()));
    g_set_error(error, NN_ERROR, NN_ERROR_READ,
                _("“%s” cannot be opened as a picture (%s); choose a file that GIMP can open."),
                name, g_strstrip(reason));
    return false;
  }
  layer = gimp_image_merge_visible_layers(image, GIMP_CLIP_TO_IMAGE);
  if (layer) {
    done = read_drawable(self, GIMP_DRAWABLE(layer), value, error);
  } else {
    g_autofree char *name = g_file_get_parse_name(file);
    g_set_error(error, NN_ERROR, NN_ERROR_READ,
                _("“%s” shows nothing: it has no visible layer; choose another file."), name);
    done = false;
  }
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
  if (param->kind == NN_PARAM_FILE)
    return read_file(self, G_FILE(object), value, error);
  return read_drawable(self, GIMP_DRAWABLE(object), value, error);
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

static bool
read_value(SomArguments *self, const NnParam *param, GimpProcedureConfig *config,
           NnArgument *value, GError **error)
{
  int number;
  gboolean flag;

  if (som_param_is_text(param)) {
    read_text(self, param, config, value);
    return true;
  }
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
    value->i = gimp_procedure_config_get_choice_id(config, param->key);
    return true;
  default:
    return read_object(self, param, config, value, error);
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
