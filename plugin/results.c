/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes layers: a new one is complete before it is inserted; in place, one merge of the shadow
 * buffer. All is blended here, by what was selected when the run began: people select other things
 * meanwhile, and so do results. */
#include "plugin/results.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "plugin/captions.h"
#include "plugin/pixels.h"
#include "plugin/procedure.h"

/* What is being written. */
typedef struct {
  SomMade *made;
  const NnEffect *effect;
  GimpImage *image;       /* (nullable) */
  bool selection_written; /* several add up */
  GString *left_out;
  GError *failure;        /* the last one */
} Writer;

/* Takes @failure. */
static void
leave_out(Writer *writer, GError *failure)
{
  som_left_out_add(writer->left_out, failure->message);
  g_clear_error(&writer->failure);
  writer->failure = failure;
}

static void
set_refused(const SomTarget *target, GError **error)
{
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("GIMP did not let the layer “%s” be changed; see whether it is locked, and run "
                "this again."),
              target->name);
}

/* What of a result counts, as seen from the target's layer. */
static SomMask
mask_for(const Writer *writer, const SomTarget *target)
{
  return writer->effect->selection == NN_SELECTION_LIMITS ? target->selected : (SomMask){0};
}

static void
copy_layer_mask(GimpLayer *from, GimpLayer *to)
{
  GimpLayerMask *mask = gimp_layer_get_mask(from);
  GimpLayerMask *copy;
  GeglBuffer *source, *destination;

  if (!mask)
    return;
  copy = gimp_layer_create_mask(to, GIMP_ADD_MASK_WHITE);
  gimp_layer_add_mask(to, copy);
  source = gimp_drawable_get_buffer(GIMP_DRAWABLE(mask));
  destination = gimp_drawable_get_buffer(GIMP_DRAWABLE(copy));
  gegl_buffer_copy(source, NULL, GEGL_ABYSS_NONE, destination, NULL);
  g_object_unref(destination);
  g_object_unref(source);
  gimp_layer_set_apply_mask(to, gimp_layer_get_apply_mask(from));
  gimp_layer_set_edit_mask(to, FALSE);
}

/* Above the source, in the same group. Takes @layer. */
static bool
insert_above(GimpImage *image, const SomTarget *target, GimpLayer *layer, GError **error)
{
  GimpItem *source = GIMP_ITEM(target->layer), *parent = gimp_item_get_parent(source);

  if (gimp_image_insert_layer(image, layer, parent ? GIMP_LAYER(parent) : NULL,
                              gimp_image_get_item_position(image, source)))
    return true;
  gimp_item_delete(GIMP_ITEM(layer));
  set_refused(target, error);
  return false;
}

/* As @source, with alpha where the result brings its own. */
static GimpImageType
type_for(GimpDrawable *source, const NnResult *result)
{
  GimpImageType type = gimp_drawable_type(source);

  if (!result->own_alpha)
    return type;
  return gimp_drawable_is_gray(source) ? GIMP_GRAYA_IMAGE : GIMP_RGBA_IMAGE;
}

static void
fill_layer(const Writer *writer, const SomTarget *target, const NnResult *result, GimpLayer *layer)
{
  g_autoptr(GeglBuffer) before = gimp_drawable_get_buffer(GIMP_DRAWABLE(target->layer));
  g_autoptr(GeglBuffer) after = gimp_drawable_get_buffer(GIMP_DRAWABLE(layer));
  SomMask mask = mask_for(writer, target);

  if (result->own_alpha) {
    gegl_buffer_clear(after, NULL);
    som_pixels_lay(after, &target->bounds, result->image, target->region.x, target->region.y,
                   &mask);
  } else {
    gegl_buffer_copy(before, NULL, GEGL_ABYSS_NONE, after, NULL);
    som_pixels_compose(before, after, &target->bounds, result->image, target->region.x,
                       target->region.y, &mask);
  }
}

static GimpLayer *
write_new_layer(const Writer *writer, const SomTarget *target, const NnResult *result,
                GError **error)
{
  GimpDrawable *source = GIMP_DRAWABLE(target->layer);
  GimpLayer *layer = gimp_layer_new(writer->image, result->label, gimp_drawable_get_width(source),
                                    gimp_drawable_get_height(source), type_for(source, result),
                                    100 * CLAMP(result->opacity, 0, 1), GIMP_LAYER_MODE_NORMAL);
  int x, y;

  gimp_drawable_get_offsets(source, &x, &y);
  gimp_layer_set_offsets(layer, x, y);
  fill_layer(writer, target, result, layer);
  copy_layer_mask(target->layer, layer);
  return insert_above(writer->image, target, layer, error) ? layer : NULL;
}

/* (transfer full): a copy of @drawable, to be changed and merged */
static GeglBuffer *
start_shadow(GimpDrawable *drawable)
{
  g_autoptr(GeglBuffer) before = gimp_drawable_get_buffer(drawable);
  GeglBuffer *shadow = gimp_drawable_get_shadow_buffer(drawable);

  gegl_buffer_copy(before, NULL, GEGL_ABYSS_NONE, shadow, NULL);
  return shadow;
}

/* (nullable): the channel in which the selection waits */
static GimpChannel *
put_selection_aside(GimpImage *image)
{
  GimpChannel *saved = NULL;

  if (!gimp_selection_is_empty(image))
    saved = GIMP_CHANNEL(gimp_selection_save(image));
  if (saved)
    gimp_selection_none(image);
  return saved;
}

/* GIMP now has the channel for what the person works on, and no layer. */
static void
bring_selection_back(GimpImage *image, GimpChannel *saved, GimpLayer **chosen)
{
  gimp_image_select_item(image, GIMP_CHANNEL_OP_REPLACE, GIMP_ITEM(saved));
  gimp_image_remove_channel(image, saved);
  gimp_image_set_selected_layers(image, (const GimpLayer **)chosen);
}

/* Takes @shadow. The merge would blend by the selection of now, which is put aside meanwhile: the
 * shadow buffer is blended already. */
static bool
merge_shadow(const Writer *writer, const SomTarget *target, GimpDrawable *drawable,
             GeglBuffer *shadow, GError **error)
{
  g_autofree GimpLayer **chosen = gimp_image_get_selected_layers(writer->image);
  const GeglRectangle *bounds = &target->bounds;
  GimpChannel *saved = put_selection_aside(writer->image);
  bool merged;

  g_object_unref(shadow); /* now GIMP has its pixels */
  merged = gimp_drawable_merge_shadow(drawable, TRUE);
  if (merged) {
    gimp_drawable_update(drawable, bounds->x, bounds->y, bounds->width, bounds->height);
  } else {
    gimp_drawable_free_shadow(drawable);
    set_refused(target, error);
  }
  if (saved)
    bring_selection_back(writer->image, saved, chosen);
  return merged;
}

static GimpLayer *
write_in_place(const Writer *writer, const SomTarget *target, const NnResult *result,
               GError **error)
{
  GimpDrawable *drawable = GIMP_DRAWABLE(target->layer);
  g_autoptr(GeglBuffer) before = gimp_drawable_get_buffer(drawable);
  GeglBuffer *shadow = start_shadow(drawable);
  SomMask mask = mask_for(writer, target);

  som_pixels_compose(before, shadow, &target->bounds, result->image, target->region.x,
                     target->region.y, &mask);
  return merge_shadow(writer, target, drawable, shadow, error) ? target->layer : NULL;
}

/* The layer's mask, a white one where there was none. */
static GimpDrawable *
provide_mask(GimpLayer *layer)
{
  GimpLayerMask *mask = gimp_layer_get_mask(layer);

  if (!mask) {
    mask = gimp_layer_create_mask(layer, GIMP_ADD_MASK_WHITE);
    gimp_layer_add_mask(layer, mask);
    gimp_layer_set_edit_mask(layer, FALSE);
  }
  return GIMP_DRAWABLE(mask);
}

static GimpLayer *
write_mask(const Writer *writer, const SomTarget *target, const NnResult *result, GError **error)
{
  GimpDrawable *drawable = provide_mask(target->layer);
  GeglBuffer *shadow = start_shadow(drawable);
  SomMask mask = mask_for(writer, target);

  som_pixels_blend_mask(shadow, &target->bounds, result->image, target->region.x, target->region.y,
                        &mask);
  return merge_shadow(writer, target, drawable, shadow, error) ? target->layer : NULL;
}

/* By way of a channel, which alone can bring soft edges. */
static void
write_selection(Writer *writer, const SomTarget *target, const NnResult *result)
{
  GimpImage *image = writer->image;
  g_autofree GimpLayer **chosen = gimp_image_get_selected_layers(image);
  int width = gimp_image_get_width(image), height = gimp_image_get_height(image);
  GeglColor *black = gegl_color_new("black");
  GimpChannel *channel = gimp_channel_new(image, result->label, width, height, 100, black);
  GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(channel));
  GeglRectangle canvas = {0, 0, width, height}, bounds = target->bounds;
  SomMask mask = mask_for(writer, target);
  int x = target->selected.x, y = target->selected.y;

  bounds.x += x;
  bounds.y += y;
  mask.x = mask.y = 0; /* a channel lies over the selection */
  gegl_buffer_clear(buffer, NULL);
  if (gegl_rectangle_intersect(&bounds, &bounds, &canvas))
    som_pixels_blend_mask(buffer, &bounds, result->image, target->region.x + x,
                          target->region.y + y, &mask);
  g_object_unref(buffer);
  g_object_unref(black);
  gimp_image_insert_channel(image, channel, NULL, 0);
  gimp_image_select_item(image,
                         writer->selection_written ? GIMP_CHANNEL_OP_ADD : GIMP_CHANNEL_OP_REPLACE,
                         GIMP_ITEM(channel));
  gimp_image_remove_channel(image, channel);
  gimp_image_set_selected_layers(image, (const GimpLayer **)chosen);
  writer->selection_written = true;
}

/* Empty, as a picture that was made from @source (nullable). */
static GimpImage *
image_like(GimpImage *source, const NnImage *picture)
{
  GimpImageBaseType type = picture->channels == 1 ? GIMP_GRAY : GIMP_RGB;
  GimpImage *image = gimp_image_new_with_precision(picture->width, picture->height, type,
                                                   source ? gimp_image_get_precision(source)
                                                          : GIMP_PRECISION_U8_NON_LINEAR);
  GimpColorProfile *profile = NULL;

  gimp_image_undo_disable(image);
  if (source) {
    double x_per_inch, y_per_inch;
    gimp_image_get_resolution(source, &x_per_inch, &y_per_inch);
    gimp_image_set_resolution(image, x_per_inch, y_per_inch);
  }
  if (source && type == GIMP_RGB && gimp_image_get_base_type(source) == GIMP_RGB)
    profile = gimp_image_get_color_profile(source);
  if (profile) {
    gimp_image_set_color_profile(image, profile);
    g_object_unref(profile);
  }
  return image;
}

static GimpImage *
write_new_image(GimpImage *source, const NnResult *result)
{
  static const char *const formats[] = {"Y' float", "Y'A float", "R'G'B' float", "R'G'B'A float"};
  static const GimpImageType types[] = {GIMP_GRAY_IMAGE, GIMP_GRAYA_IMAGE, GIMP_RGB_IMAGE,
                                        GIMP_RGBA_IMAGE};
  const NnImage *picture = result->image;
  GimpImage *image = image_like(source, picture);
  GimpLayer *layer = gimp_layer_new(image, result->label, picture->width, picture->height,
                                    types[picture->channels - 1], 100, GIMP_LAYER_MODE_NORMAL);
  GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(layer));

  gegl_buffer_set(buffer, GEGL_RECTANGLE(0, 0, picture->width, picture->height), 0,
                  babl_format(formats[picture->channels - 1]), picture->data, GEGL_AUTO_ROWSTRIDE);
  g_object_unref(buffer);
  if (result->captions)
    gimp_image_insert_layer(image, som_captions_layer(image, result->captions), NULL, 0);
  /* last, so that the picture is the layer that is chosen */
  gimp_image_insert_layer(image, layer, NULL, result->captions ? 1 : 0);
  gimp_image_undo_enable(image);
  return image;
}

/* GIMP selects what was inserted last; a run on several layers leaves all that it made selected. */
static void
select_layers(GimpImage *image, GPtrArray *layers, guint first)
{
  g_autofree const GimpLayer **list = g_new0(const GimpLayer *, layers->len - first + 1);

  for (guint i = first; i < layers->len; i++)
    list[i - first] = g_ptr_array_index(layers, i);
  gimp_image_set_selected_layers(image, list);
}

/* A layer that changed in two ways is one layer. */
static void
add_once(GPtrArray *layers, GimpLayer *layer)
{
  if (!g_ptr_array_find(layers, layer, NULL))
    g_ptr_array_add(layers, layer);
}

static void
write_result(Writer *writer, const SomTarget *target, const NnResult *result, bool in_place)
{
  SomMade *made = writer->made;
  GimpLayer *layer = NULL;
  GError *failure = NULL;

  switch (result->place) {
  case NN_PLACE_LAYER:
    som_captions_lay(result->captions, result->image);
    layer = in_place && !result->own_alpha ? write_in_place(writer, target, result, &failure)
                                           : write_new_layer(writer, target, result, &failure);
    break;
  case NN_PLACE_NEW_IMAGE:
    g_ptr_array_add(made->images, write_new_image(writer->image, result));
    break;
  case NN_PLACE_SELECTION:
    write_selection(writer, target, result);
    break;
  case NN_PLACE_MASK:
    layer = write_mask(writer, target, result, &failure);
    break;
  case NN_PLACE_TEXT:
    som_made_add_text(made, result->label);
    break;
  }
  if (layer)
    add_once(made->layers, layer);
  if (failure)
    leave_out(writer, failure);
}

static bool
lies_over_layer(const NnResult *result)
{
  return result->place != NN_PLACE_NEW_IMAGE && result->place != NN_PLACE_TEXT;
}

/* @target: (nullable): an effect that has none puts nothing over it */
static void
write_list(Writer *writer, const SomTarget *target, GArray *list, bool in_place)
{
  for (guint k = 0; k < list->len; k++) {
    const NnResult *result = &g_array_index(list, NnResult, k);
    bool is_layer = result->place == NN_PLACE_LAYER && !result->own_alpha;

    if (!target && lies_over_layer(result)) {
      g_warning("%s put a result over a layer that it never saw", writer->effect->id);
      continue;
    }
    write_result(writer, target, result, in_place);
    if (is_layer)
      in_place = false; /* each goes right above the source, so the first ends up on top */
  }
}

static bool
check_mask_unlocked(const SomTarget *target, GError **error)
{
  GimpItem *locked = som_find_locked(GIMP_ITEM(target->layer));

  if (!locked)
    return true;
  g_autofree char *name = gimp_item_get_name(locked);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The pixels of the layer “%s” are locked, so no mask can be changed there; unlock "
                "them in the Layers dialog and run this again."),
              name);
  return false;
}

static bool
check_result(const SomTarget *target, const NnResult *result, GError **error)
{
  return som_target_check(target, error) &&
         (result->place != NN_PLACE_MASK || check_mask_unlocked(target, error));
}

/* Takes out of @list what cannot be written, as long as the image is as it was. */
static void
leave_out_lost(Writer *writer, const SomTarget *target, GArray *list)
{
  GError *failure = NULL;

  for (guint k = list->len; k-- > 0;) {
    const NnResult *result = &g_array_index(list, NnResult, k);

    if (!lies_over_layer(result) || check_result(target, result, failure ? NULL : &failure))
      continue;
    g_array_remove_index(list, k);
  }
  if (failure)
    leave_out(writer, failure);
}

/* GIMP would make an undo step of an empty group. */
static bool
touches_image(GPtrArray *results)
{
  for (guint i = 0; i < results->len; i++) {
    GArray *list = g_ptr_array_index(results, i);

    for (guint k = 0; k < list->len; k++) {
      if (lies_over_layer(&g_array_index(list, NnResult, k)))
        return true;
    }
  }
  return false;
}

static const SomTarget *
target_at(const SomBatch *batch, guint index)
{
  return index < batch->targets->len ? &g_array_index(batch->targets, SomTarget, index) : NULL;
}

/* One undo step. */
static void
write_all(Writer *writer, const SomBatch *batch, GPtrArray *results, bool in_place)
{
  GPtrArray *layers = writer->made->layers;
  guint layers_before = layers->len;
  bool one_step = writer->image && touches_image(results);

  if (one_step)
    gimp_image_undo_group_start(writer->image);
  for (guint i = 0; i < results->len; i++)
    write_list(writer, target_at(batch, i), g_ptr_array_index(results, i), in_place);
  if (layers->len > layers_before + 1)
    select_layers(writer->image, layers, layers_before);
  if (one_step)
    gimp_image_undo_group_end(writer->image);
}

bool
som_results_write(SomMade *made, const NnEffect *effect, const SomBatch *batch, GPtrArray *results,
                  bool in_place, GString *left_out, GError **error)
{
  g_autoptr(GString) sentences = g_string_new(NULL);
  Writer writer = {.made = made, .effect = effect, .left_out = sentences};
  guint made_before = made->layers->len + made->images->len;

  if (batch->image && gimp_image_is_valid(batch->image))
    writer.image = batch->image;
  for (guint i = 0; i < MIN(results->len, batch->targets->len); i++)
    leave_out_lost(&writer, target_at(batch, i), g_ptr_array_index(results, i));
  write_all(&writer, batch, results, in_place);
  if (writer.failure && made->layers->len + made->images->len == made_before &&
      !writer.selection_written) {
    g_propagate_error(error, writer.failure);
    return false;
  }
  som_left_out_add(left_out, sentences->str);
  g_clear_error(&writer.failure);
  return true;
}

SomMade *
som_made_new(void)
{
  SomMade *made = g_new0(SomMade, 1);

  made->layers = g_ptr_array_new();
  made->images = g_ptr_array_new();
  made->text = g_string_new(NULL);
  return made;
}

void
som_made_add_text(SomMade *made, const char *line)
{
  if (!*line)
    return;
  if (made->text->len)
    g_string_append_c(made->text, '\n');
  g_string_append(made->text, line);
}

void
som_made_free(SomMade *made)
{
  g_ptr_array_unref(made->layers);
  g_ptr_array_unref(made->images);
  g_string_free(made->text, TRUE);
  g_free(made);
}

static void
take_array(GimpValueArray *values, int index, GPtrArray *objects)
{
  GObject **array = g_new0(GObject *, objects->len + 1);

  for (guint i = 0; i < objects->len; i++)
    array[i] = g_ptr_array_index(objects, i);
  GIMP_VALUES_TAKE_CORE_OBJECT_ARRAY(values, index, array);
}

GimpValueArray *
som_made_return(const SomMade *made, GimpProcedure *procedure)
{
  GimpValueArray *values = gimp_procedure_new_return_values(procedure, GIMP_PDB_SUCCESS, NULL);

  take_array(values, SOM_RETURN_LAYERS, made->layers);
  take_array(values, SOM_RETURN_IMAGES, made->images);
  GIMP_VALUES_SET_STRING(values, SOM_RETURN_TEXT, made->text->str);
  return values;
}
