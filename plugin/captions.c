/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pango chooses the fonts, so that every script can be read. White with a dark outline stands out on
 * whatever is below. Each caption has a small surface of its own: sheets are larger than cairo's
 * surfaces may be. */
#include "plugin/captions.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <pango/pangocairo.h>

#define OUTLINE 0.14 /* of the box's height, on both sides of the letters' edges */
#define DARK 0.05 /* R'G'B' of the outline */

/* (transfer full): without its font; glyphs keep to the pixels' grid, and are grey at their edges */
static PangoLayout *
make_layout(cairo_t *cairo, const char *text)
{
  PangoLayout *layout = pango_cairo_create_layout(cairo);
  cairo_font_options_t *options = cairo_font_options_create();
  g_autofree char *valid = g_utf8_make_valid(text, -1);

  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_FULL);
  pango_cairo_context_set_font_options(pango_layout_get_context(layout), options);
  cairo_font_options_destroy(options);
  pango_layout_set_text(layout, g_strdelimit(valid, "\n\r\t", ' '), -1);
  pango_layout_set_single_paragraph_mode(layout, TRUE);
  return layout;
}

/* As high as @height_px allows, whatever fonts the text takes. */
static void
fit_height(PangoLayout *layout, double height_px)
{
  PangoFontDescription *font = pango_font_description_from_string("Sans");
  double size = height_px * PANGO_SCALE;
  int height;

  pango_font_description_set_absolute_size(font, size);
  pango_layout_set_font_description(layout, font);
  pango_layout_get_size(layout, NULL, &height);
  if (height > 0) {
    pango_font_description_set_absolute_size(font, size * size / height);
    pango_layout_set_font_description(layout, font);
  }
  pango_font_description_free(font);
}

static void
fit_width(PangoLayout *layout, double width_px)
{
  pango_layout_set_width(layout, (int)(fmax(width_px, 1) * PANGO_SCALE));
  pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
}

/* In the middle of @box, at whole pixels. */
static void
paint(cairo_t *cairo, PangoLayout *layout, const NnRectangle *box, double outline)
{
  PangoRectangle text;

  pango_layout_get_pixel_extents(layout, NULL, &text);
  cairo_translate(cairo, (box->width - text.width) / 2 - text.x, (box->height - text.height) / 2);
  pango_cairo_layout_path(cairo, layout);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_width(cairo, outline);
  cairo_set_source_rgb(cairo, DARK, DARK, DARK);
  cairo_stroke(cairo);
  cairo_set_source_rgb(cairo, 1, 1, 1);
  cairo_move_to(cairo, 0, 0);
  pango_cairo_show_layout(cairo, layout);
}

/* (transfer full): the box's pixels, premultiplied ARGB */
static cairo_surface_t *
draw(const NnCaption *caption)
{
  const NnRectangle *box = &caption->box;
  double outline = fmax(OUTLINE * box->height, 1.5);
  cairo_surface_t *surface =
      cairo_image_surface_create(CAIRO_FORMAT_ARGB32, box->width, box->height);
  cairo_t *cairo = cairo_create(surface);
  PangoLayout *layout = make_layout(cairo, caption->text);

  fit_height(layout, box->height);
  fit_width(layout, box->width - outline);
  paint(cairo, layout, box, outline);
  g_object_unref(layout);
  cairo_destroy(cairo);
  cairo_surface_flush(surface);
  return surface;
}

/* What of @caption's box lies in a picture of this size. */
static bool
is_seen(const NnCaption *caption, int width, int height, GeglRectangle *seen)
{
  const NnRectangle *box = &caption->box;

  return gegl_rectangle_intersect(seen, GEGL_RECTANGLE(box->x, box->y, box->width, box->height),
                                  GEGL_RECTANGLE(0, 0, width, height));
}

/* @argb: premultiplied; white and its outline are greys */
static void
lay_pixel(guint32 argb, float *pixel, int channels)
{
  float ink = (float)(argb & 255) / 255, alpha = (float)(argb >> 24) / 255;
  float below = channels == 4 ? pixel[3] : 1;
  float above = alpha + (1 - alpha) * below;

  for (int c = 0; alpha > 0 && c < MIN(channels, 3); c++)
    pixel[c] = (ink + (1 - alpha) * below * pixel[c]) / above;
  if (channels == 4)
    pixel[3] = above;
}

void
som_captions_lay(const GArray *captions, NnImage *picture)
{
  for (guint i = 0; captions && i < captions->len; i++) {
    const NnCaption *caption = &g_array_index(captions, NnCaption, i);
    GeglRectangle seen;

    if (!is_seen(caption, picture->width, picture->height, &seen))
      continue;
    cairo_surface_t *surface = draw(caption);
    const guchar *data = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);
    for (int y = seen.y; data && y < seen.y + seen.height; y++) {
      const guint32 *row = (const guint32 *)(data + (gsize)stride * (y - caption->box.y));
      float *to = picture->data + (size_t)y * picture->width * picture->channels;
      for (int x = seen.x; x < seen.x + seen.width; x++)
        lay_pixel(row[x - caption->box.x], to + (size_t)x * picture->channels, picture->channels);
    }
    cairo_surface_destroy(surface);
  }
}

GimpLayer *
som_captions_layer(GimpImage *image, const GArray *captions)
{
  int width = gimp_image_get_width(image), height = gimp_image_get_height(image);
  GimpImageType type =
      gimp_image_get_base_type(image) == GIMP_GRAY ? GIMP_GRAYA_IMAGE : GIMP_RGBA_IMAGE;
  GimpLayer *layer =
      gimp_layer_new(image, _("Captions"), width, height, type, 100, GIMP_LAYER_MODE_NORMAL);
  g_autoptr(GeglBuffer) buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(layer));

  for (guint i = 0; i < captions->len; i++) {
    const NnCaption *caption = &g_array_index(captions, NnCaption, i);
    const NnRectangle *box = &caption->box;
    GeglRectangle seen;

    if (!is_seen(caption, width, height, &seen))
      continue;
    cairo_surface_t *surface = draw(caption);
    const guchar *data = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);
    if (data)
      gegl_buffer_set(buffer, &seen, 0, babl_format("cairo-ARGB32"),
                      data + (gsize)stride * (seen.y - box->y) + 4 * (gsize)(seen.x - box->x),
                      stride);
    cairo_surface_destroy(surface);
  }
  return layer;
}
