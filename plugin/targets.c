/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of targets.h, each with its sentence. */
#include "plugin/targets.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"

/* The network should see what surrounds a selection: about the reach of a middle layer. */
#define CONTEXT_PX 64

static bool
check_open(GimpImage *image, GError **error)
{
  if (gimp_image_is_valid(image))
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The image was closed meanwhile; open it and run this again."));
  return false;
}

static bool
check_image(GimpImage *image, GimpDrawable **drawables, GError **error)
{
  if (!image || !drawables || !drawables[0]) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("There is no layer to work on; choose one or more layers and run this again."));
    return false;
  }
  if (!check_open(image, error))
    return false;
  if (gimp_image_get_base_type(image) == GIMP_INDEXED) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("This image has indexed colors, and a neural network makes new ones; "
                  "convert it with Image > Mode > RGB first."));
    return false;
  }
  if (gimp_image_get_floating_sel(image)) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("This image has a floating selection; anchor it or make it a layer first "
                  "(Layer menu)."));
    return false;
  }
  return true;
}

static bool
check_is_layer(GimpImage *image, GimpItem *item, GError **error)
{
  g_autofree char *name = gimp_item_get_name(item);

  if (gimp_item_get_image(item) != image) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The layer “%s” belongs to another image; pass layers of the image itself."),
                name);
    return false;
  }
  if (!gimp_item_is_layer(item)) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("“%s” is a channel or mask, not a layer; choose a layer in the Layers dialog "
                  "(click on its picture, not on its mask)."),
                name);
    return false;
  }
  return true;
}

GimpItem *
som_find_locked(GimpItem *item)
{
  while (item && !gimp_item_get_lock_content(item))
    item = gimp_item_get_parent(item);
  return item;
}

static bool
check_unlocked(GimpItem *item, GError **error)
{
  GimpItem *locked = som_find_locked(item);

  if (!locked)
    return true;
  g_autofree char *name = gimp_item_get_name(locked);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The pixels of the layer “%s” are locked; unlock them in the Layers dialog, or "
                "let the result go to a new layer."),
              name);
  return false;
}

static bool
check_in_place(GimpItem *item, GError **error)
{
  g_autofree char *name = gimp_item_get_name(item);

  if (gimp_item_is_group(item)) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("“%s” is a layer group and has no pixels of its own to change in place; let "
                  "the result go to a new layer, or choose layers inside the group."),
                name);
    return false;
  }
  if (gimp_item_is_text_layer(item)) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("“%s” is a text layer, whose text a change in place would destroy; let the "
                  "result go to a new layer, or use Layer > Discard Text Information first."),
                name);
    return false;
  }
  return check_unlocked(item, error);
}

/* (transfer full) (nullable): what is selected now, whatever will be selected later */
static GeglBuffer *
copy_selection(GimpImage *image)
{
  if (gimp_selection_is_empty(image))
    return NULL;
  g_autoptr(GeglBuffer) selection =
      gimp_drawable_get_buffer(GIMP_DRAWABLE(gimp_image_get_selection(image)));
  return gegl_buffer_dup(selection);
}

/* A selection's bounds may lie over a layer of which nothing is selected. */
static bool
any_selected(const SomTarget *target)
{
  GeglRectangle seen = target->bounds;

  seen.x += target->selected.x;
  seen.y += target->selected.y;
  return !target->selected.buffer || som_pixels_any(target->selected.buffer, &seen);
}

static bool
find_bounds(const NnEffect *effect, SomTarget *target, GError **error)
{
  GimpDrawable *drawable = GIMP_DRAWABLE(target->layer);
  GeglRectangle whole = {0, 0, gimp_drawable_get_width(drawable),
                         gimp_drawable_get_height(drawable)};
  GeglRectangle wide;
  GeglRectangle *bounds = &target->bounds;

  if (!gimp_drawable_mask_intersect(drawable, &bounds->x, &bounds->y, &bounds->width,
                                    &bounds->height) ||
      !any_selected(target)) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("Nothing of the layer “%s” is selected; move the selection over it, or use "
                  "Select > None to work on the whole layer."),
                target->name);
    return false;
  }
  if (effect->selection == NN_SELECTION_INFORMS) {
    *bounds = target->region = whole;
    return true;
  }
  wide.x = bounds->x - CONTEXT_PX;
  wide.y = bounds->y - CONTEXT_PX;
  wide.width = bounds->width + 2 * CONTEXT_PX;
  wide.height = bounds->height + 2 * CONTEXT_PX;
  gegl_rectangle_intersect(&target->region, &wide, &whole);
  return true;
}

static void
target_clear(gpointer data)
{
  SomTarget *target = data;

  g_free(target->name);
  g_clear_object(&target->selected.buffer);
}

/* @selection: (nullable) */
static bool
add_target(GArray *targets, const NnEffect *effect, GimpLayer *layer, GeglBuffer *selection,
           GError **error)
{
  SomTarget target = {.layer = layer, .name = gimp_item_get_name(GIMP_ITEM(layer))};

  if (selection)
    target.selected.buffer = g_object_ref(selection);
  gimp_drawable_get_offsets(GIMP_DRAWABLE(layer), &target.selected.x, &target.selected.y);
  if (!find_bounds(effect, &target, error)) {
    target_clear(&target);
    return false;
  }
  g_array_append_val(targets, target);
  return true;
}

/* Some of the layers that were chosen when the dialog opened are gone: an error where all are. */
static bool
note_removed(bool all, GString *left_out, GError **error)
{
  const char *sentence = _("A layer that was chosen was removed meanwhile; choose another one and "
                           "run this again.");

  if (all)
    g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT, sentence);
  else
    som_left_out_add(left_out, sentence);
  return !all;
}

static GArray *
targets_new(const NnEffect *effect, GimpImage *image, GimpDrawable **drawables, bool in_place,
            GString *left_out, GError **error)
{
  g_autoptr(GArray) targets = g_array_new(FALSE, TRUE, sizeof(SomTarget));
  g_autoptr(GeglBuffer) selection = NULL;
  bool removed = false;

  g_array_set_clear_func(targets, target_clear);
  if (effect->content == NN_CONTENT_NONE ||
      (effect->content == NN_CONTENT_OPTIONAL && (!image || !drawables || !drawables[0])))
    return g_steal_pointer(&targets);
  if (!check_image(image, drawables, error))
    return NULL;
  selection = copy_selection(image);
  for (int i = 0; drawables[i]; i++) {
    GimpItem *item = GIMP_ITEM(drawables[i]);

    if (!gimp_item_is_valid(item))
      removed = true;
    else if (!check_is_layer(image, item, error) || (in_place && !check_in_place(item, error)) ||
             !add_target(targets, effect, GIMP_LAYER(item), selection, error))
      return NULL;
  }
  if (removed && !note_removed(targets->len == 0, left_out, error))
    return NULL;
  return g_steal_pointer(&targets);
}

static void
batch_clear(gpointer data)
{
  SomBatch *batch = data;

  g_free(batch->name);
  g_array_unref(batch->targets);
}

static bool
add_batch(GArray *batches, const NnEffect *effect, GimpImage *image, GimpDrawable **drawables,
          bool in_place, GString *left_out, GError **error)
{
  SomBatch batch = {.image = image};

  batch.targets = targets_new(effect, image, drawables, in_place, left_out, error);
  if (!batch.targets)
    return false;
  if (image && gimp_image_is_valid(image))
    batch.name = gimp_image_get_name(image);
  g_array_append_val(batches, batch);
  return true;
}

/* The last error is the one told where no image is left. */
static bool
add_all_images(GArray *batches, const NnEffect *effect, bool in_place, GString *left_out,
               GError **error)
{
  g_autofree GimpImage **images = gimp_get_images();
  g_autoptr(GError) last = NULL;

  for (int i = 0; images[i]; i++) {
    g_autofree GimpDrawable **drawables = gimp_image_get_selected_drawables(images[i]);
    g_autoptr(GError) reason = NULL;

    if (!add_batch(batches, effect, images[i], drawables, in_place, left_out, &reason)) {
      g_autofree char *name = gimp_image_get_name(images[i]);
      som_name_left_out(left_out, name, reason);
      g_clear_error(&last);
      last = g_steal_pointer(&reason);
    }
  }
  if (batches->len > 0)
    return true;
  if (last)
    g_propagate_error(error, g_steal_pointer(&last));
  else
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("No image is open; open one and run this again."));
  return false;
}

bool
som_target_check(const SomTarget *target, GError **error)
{
  if (gimp_item_is_valid(GIMP_ITEM(target->layer)))
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The layer “%s” was removed meanwhile; choose another one and run this again."),
              target->name);
  return false;
}

void
som_left_out_add(GString *left_out, const char *sentence)
{
  if (left_out->len && *sentence)
    g_string_append_c(left_out, '\n');
  g_string_append(left_out, sentence);
}

void
som_name_left_out(GString *left_out, const char *name, const GError *reason)
{
  /* Translators: name of an image, then a whole sentence that says why */
  g_autofree char *sentence = g_strdup_printf(_("“%s” was left out: %s"), name, reason->message);

  som_left_out_add(left_out, sentence);
}

GArray *
som_batches_new(const NnEffect *effect, GimpImage *image, GimpDrawable **drawables, bool all_images,
                bool in_place, GString *left_out, GError **error)
{
  g_autoptr(GArray) batches = g_array_new(FALSE, TRUE, sizeof(SomBatch));

  g_array_set_clear_func(batches, batch_clear);
  if (all_images ? add_all_images(batches, effect, in_place, left_out, error)
                 : add_batch(batches, effect, image, drawables, in_place, left_out, error))
    return g_steal_pointer(&batches);
  return NULL;
}
