/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A drawing area; the surface hangs on it as object data. */
#include "ui/preview.h"

#define SURFACE_KEY "somnium-surface"
#define CHECK_SIZE 8

/* A pattern of mid-grey checks, as picture editors show transparency. */
static cairo_pattern_t *
checks_new(void)
{
  cairo_surface_t *tile =
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, 2 * CHECK_SIZE, 2 * CHECK_SIZE);
  cairo_t *cr = cairo_create(tile);
  cairo_pattern_t *pattern;

  cairo_set_source_rgb(cr, 0.6, 0.6, 0.6);
  cairo_paint(cr);
  cairo_set_source_rgb(cr, 0.4, 0.4, 0.4);
  cairo_rectangle(cr, 0, 0, CHECK_SIZE, CHECK_SIZE);
  cairo_rectangle(cr, CHECK_SIZE, CHECK_SIZE, CHECK_SIZE, CHECK_SIZE);
  cairo_fill(cr);
  cairo_destroy(cr);
  pattern = cairo_pattern_create_for_surface(tile);
  cairo_pattern_set_extend(pattern, CAIRO_EXTEND_REPEAT);
  cairo_surface_destroy(tile);
  return pattern;
}

static gboolean
on_draw(GtkWidget *widget, cairo_t *cr, gpointer user_data)
{
  cairo_surface_t *surface = g_object_get_data(G_OBJECT(widget), SURFACE_KEY);
  double area_width = gtk_widget_get_allocated_width(widget);
  double area_height = gtk_widget_get_allocated_height(widget);

  gtk_render_background(gtk_widget_get_style_context(widget), cr, 0, 0, area_width, area_height);
  if (!surface)
    return FALSE;
  double width = cairo_image_surface_get_width(surface);
  double height = cairo_image_surface_get_height(surface);
  double scale = MIN(area_width / width, area_height / height);
  cairo_pattern_t *checks = checks_new();

  cairo_translate(cr, (int)((area_width - scale * width) / 2),
                  (int)((area_height - scale * height) / 2));
  cairo_rectangle(cr, 0, 0, scale * width, scale * height);
  cairo_clip(cr);
  cairo_set_source(cr, checks);
  cairo_paint(cr);
  cairo_pattern_destroy(checks);
  cairo_scale(cr, scale, scale);
  cairo_set_source_surface(cr, surface, 0, 0);
  /* no blur at the edges where a small picture is made larger */
  cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
  cairo_paint(cr);
  return FALSE;
}

GtkWidget *
som_preview_new(int width, int height)
{
  GtkWidget *preview = gtk_drawing_area_new();

  gtk_widget_set_size_request(preview, width, height);
  g_signal_connect(preview, "draw", G_CALLBACK(on_draw), NULL);
  return preview;
}

void
som_preview_set_surface(GtkWidget *preview, cairo_surface_t *surface)
{
  g_object_set_data_full(G_OBJECT(preview), SURFACE_KEY, cairo_surface_reference(surface),
                         (GDestroyNotify)cairo_surface_destroy);
  gtk_widget_queue_draw(preview);
}
