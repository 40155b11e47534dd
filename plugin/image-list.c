/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Items are listed once. Everyday files are decoded on the worker thread; what
 * only GIMP can read, and open images, GIMP reads: libgimp is called from the main thread only, so
 * the job's watcher is asked to. */
#include "plugin/image-list.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/image/resample.h"
#include "plugin/pictures.h"
#include "weights/file-key.h"

#define NAMED_IN_SENTENCES 20 /* pictures that could not be read */

typedef struct {
  char *name;
  GFile *file;        /* (nullable): of an open image */
  NnFileKey key;
  int image_id;       /* of an open image */
} Item;

struct SomImageList {
  NnImageSource source; /* first */
  GArray *items;
  GPtrArray *skipped; /* names with reasons */
  SomRunJob *job;
  NnContext *context;
};

static void
item_clear(gpointer data)
{
  Item *item = data;

  g_free(item->name);
  g_clear_object(&item->file);
  som_file_key_clear(&item->key);
}

static const Item *
item_at(const NnImageSource *source, int index)
{
  const SomImageList *self = (const SomImageList *)source;

  return &g_array_index(self->items, Item, index);
}

static int
source_count(const NnImageSource *source)
{
  return (int)((const SomImageList *)source)->items->len;
}

static const char *
source_name(const NnImageSource *source, int index)
{
  return item_at(source, index)->name;
}

static NnFileKey
source_key(const NnImageSource *source, int index)
{
  return item_at(source, index)->key;
}

/* What GIMP is asked for. */
typedef struct {
  const Item *item;
  NnImage *picture;
  GError *error;
} Request;

static void
read_by_gimp(gpointer data)
{
  Request *request = data;
  const Item *item = request->item;

  if (item->file) {
    request->picture = som_picture_of_file(item->file, &request->error);
  } else if (gimp_image_id_is_valid(item->image_id)) {
    request->picture = som_picture_of_image(gimp_image_get_by_id(item->image_id), &request->error);
  } else {
    g_set_error(&request->error, NN_ERROR, NN_ERROR_READ, _("The image “%s” was closed."),
                item->name);
  }
}

static NnImage *
ask_gimp(SomImageList *self, const Item *item, GError **error)
{
  Request request = {.item = item};

  som_run_job_ask(self->job, read_by_gimp, &request);
  if (request.error)
    g_propagate_error(error, request.error);
  return request.picture;
}

static NnImage *
make_smaller(SomImageList *self, NnImage *picture, int longest_px, GError **error)
{
  g_autoptr(NnImage) whole = picture;
  int longest = MAX(whole->width, whole->height);

  if (longest_px <= 0 || longest <= longest_px)
    return g_steal_pointer(&whole);
  return nn_resample_new(self->context, whole,
                         MAX(1, (int)((double)whole->width * longest_px / longest + 0.5)),
                         MAX(1, (int)((double)whole->height * longest_px / longest + 0.5)), error);
}

static NnImage *
read_item(SomImageList *self, const Item *item, int longest_px, GError **error)
{
  GError *failure = NULL;
  NnImage *picture = NULL;

  if (item->key.path) {
    picture = som_picture_decode(item->key.path, longest_px, &failure);
    if (picture)
      return picture;
    if (!g_error_matches(failure, GDK_PIXBUF_ERROR, GDK_PIXBUF_ERROR_UNKNOWN_TYPE)) {
      if (failure->domain == NN_ERROR)
        g_propagate_error(error, failure);
      else
        som_picture_set_error(error, item->file, failure->message);
      return NULL;
    }
    g_clear_error(&failure);
  }
  picture = ask_gimp(self, item, error);
  return picture ? make_smaller(self, picture, longest_px, error) : NULL;
}

static NnImage *
source_load(NnImageSource *source, int index, int longest_px, GError **error)
{
  SomImageList *self = (SomImageList *)source;
  const Item *item = item_at(source, index);
  GError *failure = NULL;
  NnImage *picture = read_item(self, item, longest_px, &failure);

  if (picture)
    return picture;
  if (g_error_matches(failure, NN_ERROR, NN_ERROR_READ))
    g_ptr_array_add(self->skipped, g_strdup(item->name));
  g_propagate_error(error, failure);
  return NULL;
}

static const NnImageSourceClass list_class = {source_count, source_name, source_key, source_load};

static SomImageList *
list_new(void)
{
  SomImageList *self = g_new0(SomImageList, 1);

  self->source.vtable = &list_class;
  self->items = g_array_new(FALSE, TRUE, sizeof(Item));
  g_array_set_clear_func(self->items, item_clear);
  self->skipped = g_ptr_array_new_with_free_func(g_free);
  return self;
}

void
som_image_list_free(SomImageList *list)
{
  g_array_unref(list->items);
  g_ptr_array_unref(list->skipped);
  g_free(list);
}

static bool
is_picture(GFileInfo *info)
{
  const char *type =
      g_file_info_get_attribute_string(info, G_FILE_ATTRIBUTE_STANDARD_FAST_CONTENT_TYPE);

  return g_file_info_get_file_type(info) == G_FILE_TYPE_REGULAR &&
         !g_file_info_get_is_hidden(info) && type && g_content_type_is_a(type, "image/*");
}

static void
add_file(SomImageList *self, GFile *folder, GFileInfo *info)
{
  Item item = {.name = g_strdup(g_file_info_get_display_name(info)),
               .file = g_file_get_child(folder, g_file_info_get_name(info))};
  g_autofree char *path = g_file_get_path(item.file);

  if (path)
    item.key = som_file_key_new(path, info);
  g_array_append_val(self->items, item);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
  const Item *x = a, *y = b;

  return g_strcmp0(x->name, y->name);
}

static SomImageList *
list_folder(GFile *folder, GError **error)
{
  const char *attributes = G_FILE_ATTRIBUTE_STANDARD_NAME
      "," G_FILE_ATTRIBUTE_STANDARD_DISPLAY_NAME "," G_FILE_ATTRIBUTE_STANDARD_TYPE
      "," G_FILE_ATTRIBUTE_STANDARD_IS_HIDDEN "," G_FILE_ATTRIBUTE_STANDARD_FAST_CONTENT_TYPE
      "," SOM_FILE_KEY_ATTRIBUTES;
  g_autoptr(GFileEnumerator) files =
      g_file_enumerate_children(folder, attributes, G_FILE_QUERY_INFO_NONE, NULL, error);
  SomImageList *self;
  GFileInfo *info;

  if (!files)
    return NULL;
  self = list_new();
  while (g_file_enumerator_iterate(files, &info, NULL, NULL, error)) {
    if (!info) {
      g_array_sort(self->items, compare_names);
      return self;
    }
    if (is_picture(info))
      add_file(self, folder, info);
  }
  som_image_list_free(self);
  return NULL;
}

SomImageList *
som_image_list_new_folder(GFile *folder, GError **error)
{
  g_autoptr(GError) failure = NULL;
  SomImageList *self = list_folder(folder, &failure);

  if (self)
    return self;
  g_autofree char *name = g_file_get_parse_name(folder);
  g_set_error(error, NN_ERROR, NN_ERROR_READ,
              _("The folder “%s” cannot be read: %s. Choose a folder with pictures."), name,
              failure->message);
  return NULL;
}

SomImageList *
som_image_list_new_open(void)
{
  SomImageList *self = list_new();
  g_autofree GimpImage **images = gimp_get_images();

  for (int i = 0; images[i]; i++) {
    Item item = {.name = gimp_image_get_name(images[i]), .image_id = gimp_image_get_id(images[i])};
    g_array_append_val(self->items, item);
  }
  return self;
}

NnImageSource *
som_image_list_source(SomImageList *list)
{
  return &list->source;
}

void
som_image_list_attach(SomImageList *list, SomRunJob *job, NnContext *context)
{
  list->job = job;
  list->context = context;
}

char *
som_image_list_take_skipped(SomImageList *list)
{
  g_autoptr(GString) names = g_string_new(NULL);
  guint n = list->skipped->len;

  if (n == 0)
    return NULL;
  for (guint i = 0; i < MIN(n, NAMED_IN_SENTENCES); i++)
    g_string_append_printf(names, "%s%s", i ? ", " : "", (char *)list->skipped->pdata[i]);
  if (n > NAMED_IN_SENTENCES)
    g_string_append(names, ", …");
  g_ptr_array_set_size(list->skipped, 0);
  return g_strdup_printf(g_dngettext(GETTEXT_PACKAGE,
                                     "%u picture could not be read and was left out: %s.",
                                     "%u pictures could not be read and were left out: %s.", n),
                         n, names->str);
}
