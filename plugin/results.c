/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writes layers: a new one is complete before it is inserted; in place, one merge of the shadow
 * buffer, which GIMP itself blends by the selection. */
#include "plugin/results.h"

#include "nncore/effects/effect.h"
#include "plugin/pixels.h"
#include "plugin/procedure.h"

/* The selection as seen from @layer; unref its buffer. */
static SomMask
mask_for(GimpImage *image, GimpLayer *layer)
{
  SomMask mask = {0};

  if (!gimp_selection_is_empty(image)) {
    GimpSelection *selection = gimp_image_get_selection(image);
    mask.buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(selection));
    gimp_drawable_get_offsets(GIMP_DRAWABLE(layer), &mask.x, &mask.y);
  }
  return mask;
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

/* Above the source, in the same group. */
static void
insert_above(GimpImage *image, GimpLayer *source, GimpLayer *layer)
{
  GimpItem *parent = gimp_item_get_parent(GIMP_ITEM(source));

  gimp_image_insert_layer(image, layer, parent ? GIMP_LAYER(parent) : NULL,
                          gimp_image_get_item_position(image, GIMP_ITEM(source)));
}

static GimpLayer *
write_new_layer(GimpImage *image, const SomTarget *target, const NnResult *result)
{
  GimpDrawable *source = GIMP_DRAWABLE(target->layer);
  int width = gimp_drawable_get_width(source), height = gimp_drawable_get_height(source);
  GimpLayer *layer = gimp_layer_new(image, result->label, width, height, gimp_drawable_type(source),
                                    100, GIMP_LAYER_MODE_NORMAL);
  GeglBuffer *before = gimp_drawable_get_buffer(source);
  GeglBuffer *after = gimp_drawable_get_buffer(GIMP_DRAWABLE(layer));
  SomMask mask = mask_for(image, target->layer);
  int x, y;

  gimp_drawable_get_offsets(source, &x, &y);
  gimp_layer_set_offsets(layer, x, y);
  gegl_buffer_copy(before, NULL, GEGL_ABYSS_NONE, after, NULL);
  som_pixels_compose(before, after, &target->bounds, result->image, target->region.x,
                     target->region.y, &mask);
  g_object_unref(after);
  g_object_unref(before);
  g_clear_object(&mask.buffer);
  copy_layer_mask(target->layer, layer);
  insert_above(image, target->layer, layer);
  return layer;
}

static GimpLayer *
write_in_place(const SomTarget *target, const NnResult *result)
{
  GimpDrawable *drawable = GIMP_DRAWABLE(target->layer);
  const GeglRectangle *bounds = &target->bounds;
  GeglBuffer *before = gimp_drawable_get_buffer(drawable);
  GeglBuffer *shadow = gimp_drawable_get_shadow_buffer(drawable);
  SomMask everything = {0}; /* the merge looks at the selection */

  som_pixels_compose(before, shadow, bounds, result->image, target->region.x, target->region.y,
                     &everything);
  g_object_unref(shadow);
  g_object_unref(before);
  gimp_drawable_merge_shadow(drawable, TRUE);
  gimp_drawable_update(drawable, bounds->x, bounds->y, bounds->width, bounds->height);
  return target->layer;
}

/* An image of its own, of the source's precision. */
static GimpImage *
write_new_image(GimpImage *source, const NnResult *result)
{
  int width = result->image->width, height = result->image->height;
  GeglRectangle whole = {0, 0, width, height};
  GimpImage *image =
      gimp_image_new_with_precision(width, height, GIMP_RGB, gimp_image_get_precision(source));
  GimpLayer *layer;
  GeglBuffer *buffer;
  const char *format[] = {"Y' float", NULL, "R'G'B' float", "R'G'B'A float"};

  gimp_image_undo_disable(image);
  layer = gimp_layer_new(image, result->label, width, height,
                         result->image->channels == 4 ? GIMP_RGBA_IMAGE : GIMP_RGB_IMAGE, 100,
                         GIMP_LAYER_MODE_NORMAL);
  buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(layer));
  gegl_buffer_set(buffer, &whole, 0, babl_format(format[result->image->channels - 1]),
                  result->image->data, GEGL_AUTO_ROWSTRIDE);
  g_object_unref(buffer);
  gimp_image_insert_layer(image, layer, NULL, 0);
  gimp_image_undo_enable(image);
  return image;
}

/* GIMP selects what was inserted last; a run on several layers leaves all that it made selected. */
static void
select_layers(GimpImage *image, GPtrArray *layers)
{
  g_autofree const GimpLayer **list = g_new0(const GimpLayer *, layers->len + 1);

  for (guint i = 0; i < layers->len; i++)
    list[i] = g_ptr_array_index(layers, i);
  gimp_image_set_selected_layers(image, list);
}

static void
write_result(SomMade *made, GimpImage *image, const SomTarget *target, const NnResult *result,
             bool in_place)
{
  switch (result->place) {
  case NN_PLACE_LAYER:
    g_ptr_array_add(made->layers, in_place ? write_in_place(target, result)
                                           : write_new_layer(image, target, result));
    break;
  case NN_PLACE_NEW_IMAGE:
    g_ptr_array_add(made->images, write_new_image(image, result));
    break;
  case NN_PLACE_SELECTION:
  case NN_PLACE_MASK:
    break;
  case NN_PLACE_TEXT:
    if (made->text->len)
      g_string_append_c(made->text, '\n');
    g_string_append(made->text, result->label);
    break;
  }
}

SomMade *
som_results_write(GimpImage *image, GArray *targets, GPtrArray *results, bool in_place)
{
  SomMade *made = g_new0(SomMade, 1);

  made->layers = g_ptr_array_new();
  made->images = g_ptr_array_new();
  made->text = g_string_new(NULL);
  gimp_image_undo_group_start(image);
  for (guint i = 0; i < results->len; i++) {
    const SomTarget *target = &g_array_index(targets, SomTarget, i);
    GArray *list = g_ptr_array_index(results, i);

    /* each goes right above the source, so the first ends up on top; only it may go in place */
    for (guint k = 0; k < list->len; k++)
      write_result(made, image, target, &g_array_index(list, NnResult, k), in_place && k == 0);
  }
  if (made->layers->len > 1)
    select_layers(image, made->layers);
  gimp_image_undo_group_end(image);
  return made;
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
