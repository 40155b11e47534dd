/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading is one conversion by babl. Writing goes in strips of rows: picture and source in linear
 * light, blended, converted to the layer's own format; then what must not change is copied over
 * as bytes, since no conversion through float is exact for every precision that GIMP has. */
#include "plugin/pixels.h"

#include <string.h>

#define STRIP_PIXELS (1 << 18) /* of a strip, if its rows are not longer than that */

NnImage *
som_pixels_read(GeglBuffer *buffer, const GeglRectangle *rectangle, GError **error)
{
  NnImage *image = nn_image_new(rectangle->width, rectangle->height, 4, error);

  if (image)
    gegl_buffer_get(buffer, rectangle, 1.0, babl_format("R'G'B'A float"), image->data,
                    GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
  return image;
}

/* The numbers of a channel or mask as they are: GIMP keeps channels of 8-bit images under sRGB's
 * curve and masks in linear light, yet takes one's numbers for the other's. */
static const Babl *
number_format(GeglBuffer *buffer)
{
  const Babl *native = gegl_buffer_get_format(buffer);
  BablModelFlag flags = babl_get_model_flags(babl_format_get_model(native));
  const char *name = "Y float";

  if (flags & BABL_MODEL_FLAG_NONLINEAR)
    name = "Y' float";
  else if (flags & BABL_MODEL_FLAG_PERCEPTUAL)
    name = "Y~ float";
  return babl_format_with_space(name, native);
}

NnImage *
som_pixels_read_mask(GeglBuffer *buffer, const GeglRectangle *rectangle, bool is_picture,
                     GError **error)
{
  g_autoptr(NnImage) image =
      nn_image_new(rectangle->width, rectangle->height, is_picture ? 2 : 1, error);
  NnImage *mask = image ? nn_image_new(rectangle->width, rectangle->height, 1, error) : NULL;
  int step = is_picture ? 2 : 1;

  if (!mask)
    return NULL;
  gegl_buffer_get(buffer, rectangle, 1.0,
                  is_picture ? babl_format("Y'A float") : number_format(buffer), image->data,
                  GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
  for (size_t i = 0; i < nn_image_samples(mask); i++) {
    const float *pixel = image->data + step * i;
    mask->data[i] = CLAMP(is_picture ? pixel[0] * pixel[1] : pixel[0], 0, 1);
  }
  return mask;
}

bool
som_pixels_any(GeglBuffer *buffer, const GeglRectangle *rectangle)
{
  g_autofree float *row = g_new(float, rectangle->width);

  for (int y = rectangle->y; y < rectangle->y + rectangle->height; y++) {
    gegl_buffer_get(buffer, GEGL_RECTANGLE(rectangle->x, y, rectangle->width, 1), 1.0,
                    number_format(buffer), row, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
    for (int i = 0; i < rectangle->width; i++) {
      if (row[i] > 0)
        return true;
    }
  }
  return false;
}

static void
read_selection(const SomMask *mask, const GeglRectangle *rows, float *values)
{
  size_t pixels = (size_t)rows->width * rows->height;

  if (!mask->buffer) {
    for (size_t i = 0; i < pixels; i++)
      values[i] = 1;
    return;
  }
  gegl_buffer_get(mask->buffer,
                  GEGL_RECTANGLE(rows->x + mask->x, rows->y + mask->y, rows->width, rows->height),
                  1.0, babl_format("Y float"), values, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
}

/* Memory and conversions of one strip. */
typedef struct {
  int rows; /* that the arrays have room for */
  const Babl *native;      /* the layer's */
  const Babl *linear;      /* "RGBA float" in the layer's colour space */
  const Babl *from_native, *to_native, *from_picture;
  int bytes;               /* a native pixel's */
  int alpha_bytes;         /* 0 where the layer has no alpha; it is the last component */
  guchar *before, *after;  /* native */
  float *raw;              /* RGBA as the engine has it */
  float *source, *picture; /* linear RGBA */
  float *mask;
} Strip;

static void
strip_init(Strip *strip, GeglBuffer *source, int width)
{
  size_t pixels;

  strip->rows = MAX(1, STRIP_PIXELS / width);
  pixels = (size_t)width * strip->rows;
  strip->native = gegl_buffer_get_format(source);
  strip->linear = babl_format_with_space("RGBA float", strip->native);
  strip->from_native = babl_fish(strip->native, strip->linear);
  strip->to_native = babl_fish(strip->linear, strip->native);
  strip->from_picture = babl_fish(babl_format("R'G'B'A float"), strip->linear);
  strip->bytes = babl_format_get_bytes_per_pixel(strip->native);
  strip->alpha_bytes = babl_format_has_alpha(strip->native)
                           ? strip->bytes / babl_format_get_n_components(strip->native)
                           : 0;
  strip->before = g_malloc(pixels * strip->bytes);
  strip->after = g_malloc(pixels * strip->bytes);
  strip->raw = g_new(float, pixels * 4);
  strip->source = g_new(float, pixels * 4);
  strip->picture = g_new(float, pixels * 4);
  strip->mask = g_new(float, pixels);
}

static void
strip_clear(Strip *strip)
{
  g_free(strip->before);
  g_free(strip->after);
  g_free(strip->raw);
  g_free(strip->source);
  g_free(strip->picture);
  g_free(strip->mask);
}

/* Rows of the engine's picture as RGBA; alpha is not used. */
static void
strip_load_picture(Strip *strip, const NnImage *picture, int x, int y, int width, int height)
{
  int channels = picture->channels;
  float *out = strip->raw;

  for (int row = 0; row < height; row++) {
    const float *in = picture->data + ((size_t)(y + row) * picture->width + x) * channels;
    for (int i = 0; i < width; i++, in += channels, out += 4) {
      for (int c = 0; c < 3; c++)
        out[c] = in[channels < 3 ? 0 : c];
      out[3] = 1;
    }
  }
  babl_process(strip->from_picture, strip->raw, strip->picture, (long)width * height);
}

static void
strip_blend(Strip *strip, size_t pixels)
{
  for (size_t i = 0; i < pixels; i++) {
    float *out = strip->picture + 4 * i;
    const float *source = strip->source + 4 * i;
    float m = strip->mask[i];

    if (m < 1) {
      for (int c = 0; c < 3; c++)
        out[c] = source[c] + m * (out[c] - source[c]);
    }
    out[3] = source[3];
  }
}

/* Where nothing may change, takes the bytes from before; elsewhere only those of alpha. */
static void
strip_restore(Strip *strip, size_t pixels)
{
  int colour_bytes = strip->bytes - strip->alpha_bytes;

  for (size_t i = 0; i < pixels; i++) {
    const guchar *before = strip->before + i * strip->bytes;
    guchar *after = strip->after + i * strip->bytes;

    if (strip->mask[i] <= 0 || strip->source[4 * i + 3] <= 0)
      memcpy(after, before, strip->bytes);
    else
      memcpy(after + colour_bytes, before + colour_bytes, strip->alpha_bytes);
  }
}

void
som_pixels_compose(GeglBuffer *source, GeglBuffer *destination, const GeglRectangle *bounds,
                   const NnImage *picture, int picture_x, int picture_y, const SomMask *mask)
{
  Strip strip;

  strip_init(&strip, source, bounds->width);
  for (int y = bounds->y; y < bounds->y + bounds->height; y += strip.rows) {
    GeglRectangle rows = {bounds->x, y, bounds->width,
                          MIN(strip.rows, bounds->y + bounds->height - y)};
    size_t pixels = (size_t)rows.width * rows.height;

    gegl_buffer_get(source, &rows, 1.0, strip.native, strip.before, GEGL_AUTO_ROWSTRIDE,
                    GEGL_ABYSS_NONE);
    babl_process(strip.from_native, strip.before, strip.source, (long)pixels);
    strip_load_picture(&strip, picture, rows.x - picture_x, rows.y - picture_y, rows.width,
                       rows.height);
    read_selection(mask, &rows, strip.mask);
    strip_blend(&strip, pixels);
    babl_process(strip.to_native, strip.picture, strip.after, (long)pixels);
    strip_restore(&strip, pixels);
    gegl_buffer_set(destination, &rows, 0, strip.native, strip.after, GEGL_AUTO_ROWSTRIDE);
  }
  strip_clear(&strip);
}

/* A row of what is written, seen from @bounds. */
typedef void (*RowFunc)(const float *picture, const float *mask, float *out, int width);

static void
lay_row(const float *picture, const float *mask, float *out, int width)
{
  memcpy(out, picture, (size_t)width * 4 * sizeof(float));
  for (int i = 0; i < width; i++)
    out[4 * i + 3] = CLAMP(picture[4 * i + 3], 0, 1) * mask[i];
}

static void
blend_row(const float *picture, const float *mask, float *out, int width)
{
  for (int i = 0; i < width; i++)
    out[i] += mask[i] * (CLAMP(picture[i], 0, 1) - out[i]);
}

static void
write_rows(GeglBuffer *destination, const GeglRectangle *bounds, const NnImage *picture, int x,
           int y, const SomMask *mask, const Babl *format, RowFunc func)
{
  g_autofree float *selected = g_new(float, bounds->width);
  g_autofree float *out = g_new(float, (gsize)bounds->width * picture->channels);

  for (int row = bounds->y; row < bounds->y + bounds->height; row++) {
    GeglRectangle line = {bounds->x, row, bounds->width, 1};
    const float *in =
        picture->data + ((size_t)(row - y) * picture->width + (bounds->x - x)) * picture->channels;

    read_selection(mask, &line, selected);
    gegl_buffer_get(destination, &line, 1.0, format, out, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
    func(in, selected, out, bounds->width);
    gegl_buffer_set(destination, &line, 0, format, out, GEGL_AUTO_ROWSTRIDE);
  }
}

void
som_pixels_lay(GeglBuffer *destination, const GeglRectangle *bounds, const NnImage *picture,
               int picture_x, int picture_y, const SomMask *mask)
{
  write_rows(destination, bounds, picture, picture_x, picture_y, mask, babl_format("R'G'B'A float"),
             lay_row);
}

void
som_pixels_blend_mask(GeglBuffer *destination, const GeglRectangle *bounds, const NnImage *picture,
                      int picture_x, int picture_y, const SomMask *mask)
{
  write_rows(destination, bounds, picture, picture_x, picture_y, mask, number_format(destination),
             blend_row);
}
