/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a GimpProcedureConfig to NnArguments. */
#include "plugin/arguments.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "plugin/pictures.h"
#include "plugin/pixels.h"
#include "plugin/procedure.h"

/* Takes @image. */
static bool
keep_image(SomArguments *self, NnImage *image, NnArgument *value)
{
  if (!image)
    return false;
  g_ptr_array_add(self->images, image);
  value->image = image;
  return true;
}

/* (transfer full) (nullable): scripts say "" for no file */
static GFile *
get_file(GimpProcedureConfig *config, const char *key)
{
  g_autoptr(GFile) file = NULL;

  g_object_get(config, key, &file, NULL);
  g_autofree char *uri = file ? g_file_get_uri(file) : NULL;
  return uri && *uri ? g_steal_pointer(&file) : NULL;
}

static bool
read_file(SomArguments *self, const NnParam *param, GimpProcedureConfig *config, NnArgument *value,
          GError **error)
{
  g_autoptr(GFile) file = get_file(config, param->key);

  return !file || keep_image(self, som_picture_of_file(file, error), value);
}

/* Takes @list. */
static bool
keep_list(SomArguments *self, SomImageList *list, NnArgument *value)
{
  if (!list)
    return false;
  g_ptr_array_add(self->lists, list);
  value->source = som_image_list_source(list);
  return true;
}

/* A folder itself is listed later. */
static void
read_folder(SomArguments *self, int index, GimpProcedureConfig *config)
{
  const NnParam *param = &self->effect->params[index];

  self->folders[index] = get_file(config, param->key);
  if (!self->folders[index] && param->open_images)
    keep_list(self, som_image_list_new_open(), &self->values[index]);
}

/* Whether it is still there: people remove layers while the dialog is open. */
static bool
check_drawable(const NnParam *param, GimpDrawable *drawable, GError **error)
{
  if (gimp_item_is_valid(GIMP_ITEM(drawable)))
    return true;
  g_autofree char *label = som_label_plain(param->label);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("What was chosen as “%s” was removed meanwhile; choose another one and run this "
                "again."),
              label);
  return false;
}

/* A copy, since layers are worked on one after the other, and the region must not change or go. */
static void
read_region(SomRegion *region, GimpDrawable *drawable)
{
  g_autoptr(GeglBuffer) buffer = gimp_drawable_get_buffer(drawable);

  region->pixels = gegl_buffer_dup(buffer);
  region->is_picture = gimp_item_is_layer(GIMP_ITEM(drawable));
  gimp_drawable_get_offsets(drawable, &region->x, &region->y);
}

static bool
read_drawable(SomArguments *self, const NnParam *param, GimpProcedureConfig *config, int index,
              GError **error)
{
  g_autoptr(GimpDrawable) drawable = NULL;

  g_object_get(config, param->key, &drawable, NULL);
  if (!drawable)
    return true;
  if (!check_drawable(param, drawable, error))
    return false;
  if (param->kind == NN_PARAM_REGION) {
    read_region(&self->regions[index], drawable);
    return true;
  }
  return keep_image(self, som_picture_of_drawable(drawable, error), &self->values[index]);
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
read_value(SomArguments *self, int index, GimpProcedureConfig *config, GError **error)
{
  const NnParam *param = &self->effect->params[index];
  NnArgument *value = &self->values[index];
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
  case NN_PARAM_REGION:
    return read_drawable(self, param, config, index, error);
  case NN_PARAM_FILE:
    return read_file(self, param, config, value, error);
  case NN_PARAM_FOLDER:
    read_folder(self, index, config);
    return true;
  default:
    read_text(self, param, config, value);
    return true;
  }
}

static bool
is_picture(const NnParam *param)
{
  return som_param_is_item(param) || param->kind == NN_PARAM_FILE;
}

SomArguments *
som_arguments_new(const NnEffect *effect, GimpProcedureConfig *config, SomArgumentsKind kind,
                  GError **error)
{
  g_autoptr(SomArguments) self = g_new0(SomArguments, 1);

  self->effect = effect;
  self->values = nn_effect_arguments(effect);
  self->texts = g_ptr_array_new_with_free_func(g_free);
  self->images = g_ptr_array_new_with_free_func((GDestroyNotify)nn_image_free);
  self->masks = g_ptr_array_new_with_free_func((GDestroyNotify)nn_image_free);
  self->lists = g_ptr_array_new_with_free_func((GDestroyNotify)som_image_list_free);
  self->regions = g_new0(SomRegion, nn_effect_n_params(effect) + 1);
  self->folders = g_new0(GFile *, nn_effect_n_params(effect) + 1);
  for (int i = 0; effect->params[i].key; i++) {
    if (kind == SOM_ARGUMENTS_PLAIN && is_picture(&effect->params[i]))
      continue;
    if (!read_value(self, i, config, error))
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
  g_ptr_array_unref(arguments->masks);
  g_ptr_array_unref(arguments->lists);
  for (int i = 0; arguments->effect->params[i].key; i++) {
    g_clear_object(&arguments->regions[i].pixels);
    g_clear_object(&arguments->folders[i]);
  }
  g_free(arguments->regions);
  g_free(arguments->folders);
  g_clear_pointer(&arguments->networks, g_ptr_array_unref);
  g_free(arguments);
}

bool
som_arguments_aim(SomArguments *arguments, const SomTarget *target, GError **error)
{
  g_ptr_array_set_size(arguments->masks, 0);
  for (int i = 0; arguments->effect->params[i].key; i++) {
    const SomRegion *region = &arguments->regions[i];

    if (!region->pixels)
      continue;
    arguments->values[i].image = NULL;
    if (!target)
      continue;
    GeglRectangle seen = target->region;
    seen.x += target->selected.x - region->x;
    seen.y += target->selected.y - region->y;
    NnImage *mask = som_pixels_read_mask(region->pixels, &seen, region->is_picture, error);
    if (!mask)
      return false;
    g_ptr_array_add(arguments->masks, mask);
    arguments->values[i].image = mask;
  }
  return true;
}

/* the network of a parameter, owned by @arguments; an optional one may be none */
static bool
open_network(SomArguments *arguments, int index, const SomNetworks *networks, bool certain,
             GError **error)
{
  const NnParam *param = &arguments->effect->params[index];
  g_autofree char *name = g_strdup(arguments->values[index].text);
  NnNetwork *network;

  if (!*name && param->optional)
    return true;
  if (!*name) {
    g_free(name);
    name = som_networks_default(networks, param, error);
    if (!name)
      return false;
  }
  network =
      certain ? som_networks_open(networks, name, error) : som_networks_look(networks, name, error);
  if (!network)
    return false;
  g_ptr_array_add(arguments->networks, network);
  arguments->values[index].network = network;
  return true;
}

static bool
complete_value(SomArguments *arguments, int index, const SomNetworks *networks, bool certain,
               GError **error)
{
  GFile *folder = arguments->folders[index];

  if (arguments->effect->params[index].kind == NN_PARAM_NETWORK)
    return open_network(arguments, index, networks, certain, error);
  if (!folder || arguments->values[index].source)
    return true;
  return keep_list(arguments, som_image_list_new_folder(folder, error), &arguments->values[index]);
}

static bool
complete_all(SomArguments *arguments, const SomNetworks *networks, bool certain, GError **error)
{
  for (int i = 0; arguments->effect->params[i].key; i++) {
    if (!complete_value(arguments, i, networks, certain, error))
      return false;
  }
  return nn_effect_check(arguments->effect, arguments->values, error);
}

static void
close_networks(SomArguments *arguments)
{
  g_clear_pointer(&arguments->networks, g_ptr_array_unref);
  for (int i = 0; arguments->effect->params[i].key; i++)
    arguments->values[i].network = NULL;
}

bool
som_arguments_complete(SomArguments *arguments, const SomNetworks *networks, bool certain,
                       GError **error)
{
  if (arguments->networks)
    return true;
  arguments->networks = g_ptr_array_new_with_free_func((GDestroyNotify)nn_network_free);
  if (complete_all(arguments, networks, certain, error))
    return true;
  close_networks(arguments);
  return false;
}
