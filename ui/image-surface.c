/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Float RGBA to cairo's premultiplied bytes, made smaller by averaging each pixel's rectangle.
 * Averages are taken of the perceptual values: good enough for a thumbnail. */
#include "ui/image-surface.h"

/* Sums over a rectangle of @image: premultiplied R, G, B, then alpha, then the pixel count. */
static void
sum_rectangle(const NnImage *image, int x0, int x1, int y0, int y1, double sums[5])
{
  int channels = image->channels;

  for (int i = 0; i < 5; i++)
    sums[i] = 0;
  for (int y = y0; y < y1; y++) {
    const float *pixel = image->data + ((size_t)y * image->width + x0) * channels;
    for (int x = x0; x < x1; x++, pixel += channels) {
      double alpha = channels == 4 ? CLAMP(pixel[3], 0, 1) : 1;
      for (int c = 0; c < 3; c++)
        sums[c] += alpha * CLAMP(pixel[channels < 3 ? 0 : c], 0, 1);
      sums[3] += alpha;
    }
  }
  sums[4] = (double)(x1 - x0) * (y1 - y0);
}

static guint32
to_argb(const double sums[5])
{
  guint32 bytes[4];

  for (int i = 0; i < 4; i++)
    bytes[i] = (guint32)(255 * sums[i] / sums[4] + 0.5);
  return bytes[3] << 24 | bytes[0] << 16 | bytes[1] << 8 | bytes[2];
}

cairo_surface_t *
som_image_surface_new(const NnImage *image, int max_width, int max_height)
{
  double scale = MIN((double)max_width / image->width, (double)max_height / image->height);
  int width = MAX(1, (int)(image->width * MIN(scale, 1) + 0.5));
  int height = MAX(1, (int)(image->height * MIN(scale, 1) + 0.5));
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);

  if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
    cairo_surface_destroy(surface);
    return NULL;
  }
  unsigned char *row = cairo_image_surface_get_data(surface);
  for (int y = 0; y < height; y++, row += cairo_image_surface_get_stride(surface)) {
    int y0 = (int)((gint64)y * image->height / height);
    int y1 = (int)((gint64)(y + 1) * image->height / height);
    for (int x = 0; x < width; x++) {
      int x0 = (int)((gint64)x * image->width / width);
      int x1 = (int)((gint64)(x + 1) * image->width / width);
      double sums[5];
      sum_rectangle(image, x0, x1, y0, y1, sums);
      ((guint32 *)row)[x] = to_argb(sums);
    }
  }
  cairo_surface_mark_dirty(surface);
  return surface;
}
