/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GIMP opens what a person names, for every format and precision that it knows. Files of a folder
 * are many, and only looked at: GdkPixbuf decodes those on the worker thread, eight bits deep, with
 * their colour profile and the camera's orientation. */
#include "plugin/pictures.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <gegl.h>
#include <glib/gi18n-lib.h>

#include "nncore/base/available.h"
#include "nncore/base/error.h"
#include "plugin/pixels.h"

NnImage *
som_picture_of_drawable(GimpDrawable *drawable, GError **error)
{
  g_autoptr(GeglBuffer) buffer = gimp_drawable_get_buffer(drawable);

  return som_pixels_read(buffer, gegl_buffer_get_extent(buffer), error);
}

void
som_picture_set_error(GError **error, GFile *file, const char *reason)
{
  g_autofree char *name = g_file_get_parse_name(file);

  g_set_error(error, NN_ERROR, NN_ERROR_READ,
              _("The picture “%s” cannot be opened: %s. Choose a file that GIMP can open."), name,
              reason);
}

/* GIMP's error is not shown by itself, but becomes a part of ours. */
static GimpImage *
load_image(GFile *file, GError **error)
{
  GimpPlugIn *plug_in = gimp_get_plug_in();
  GimpImage *image;

  if (!g_file_query_exists(file, NULL)) {
    som_picture_set_error(error, file, _("there is no such file"));
    return NULL;
  }
  gimp_plug_in_set_pdb_error_handler(plug_in, GIMP_PDB_ERROR_HANDLER_PLUGIN);
  image = gimp_file_load(GIMP_RUN_NONINTERACTIVE, file);
  if (!image) {
    g_autofree char *reason = g_strdup(gimp_pdb_get_last_error(gimp_get_pdb()));
    som_picture_set_error(error, file, g_strstrip(reason));
  }
  gimp_plug_in_set_pdb_error_handler(plug_in, GIMP_PDB_ERROR_HANDLER_INTERNAL);
  return image;
}

/* Merges the layers of @image, which is nobody else's. NULL without @error set where there is
 * nothing to be seen. */
static NnImage *
read_merged(GimpImage *image, GError **error)
{
  GimpLayer *layer = gimp_image_merge_visible_layers(image, GIMP_CLIP_TO_IMAGE);

  return layer ? som_picture_of_drawable(GIMP_DRAWABLE(layer), error) : NULL;
}

NnImage *
som_picture_of_file(GFile *file, GError **error)
{
  GimpImage *image = load_image(file, error);
  GError *failure = NULL;
  NnImage *picture;

  if (!image)
    return NULL;
  picture = read_merged(image, &failure);
  if (failure)
    g_propagate_error(error, failure);
  else if (!picture)
    som_picture_set_error(error, file, _("it has no visible layer"));
  gimp_image_delete(image);
  return picture;
}

NnImage *
som_picture_of_image(GimpImage *image, GError **error)
{
  GimpImage *copy = gimp_image_duplicate(image);
  GError *failure = NULL;
  NnImage *picture = read_merged(copy, &failure);

  if (failure) {
    g_propagate_error(error, failure);
  } else if (!picture) {
    g_autofree char *name = gimp_image_get_name(image);
    g_set_error(error, NN_ERROR, NN_ERROR_READ,
                _("The image “%s” has no visible layer; show one and run this again."), name);
  }
  gimp_image_delete(copy);
  return picture;
}

/* The colour space of a file's embedded profile; NULL for sRGB and for profiles of other kinds. */
static const Babl *
space_of(GdkPixbuf *pixbuf)
{
  const char *text = gdk_pixbuf_get_option(pixbuf, "icc-profile");
  const char *reason = NULL;
  const Babl *space;
  gsize length;

  if (!text)
    return NULL;
  g_autofree guchar *profile = g_base64_decode(text, &length);
  space = babl_space_from_icc((const char *)profile, (int)length,
                              BABL_ICC_INTENT_RELATIVE_COLORIMETRIC, &reason);
  return space && !babl_space_is_cmyk(space) && !babl_space_is_gray(space) ? space : NULL;
}

static NnImage *
image_of_pixbuf(GdkPixbuf *pixbuf, const Babl *space, GError **error)
{
  int width = gdk_pixbuf_get_width(pixbuf), height = gdk_pixbuf_get_height(pixbuf);
  const char *name = gdk_pixbuf_get_has_alpha(pixbuf) ? "R'G'B'A u8" : "R'G'B' u8";
  const Babl *fish = babl_fish(babl_format_with_space(name, space), babl_format("R'G'B'A float"));
  const guchar *row = gdk_pixbuf_read_pixels(pixbuf);
  NnImage *image = nn_image_new(width, height, 4, error);

  for (int y = 0; image && y < height; y++, row += gdk_pixbuf_get_rowstride(pixbuf))
    babl_process(fish, row, image->data + (size_t)4 * width * y, width);
  return image;
}

static void
set_too_large(GError **error, int width, int height)
{
  g_set_error(error, NN_ERROR, NN_ERROR_READ,
              _("There is not enough memory for a picture of %d x %d pixels."), width, height);
}

/* Loaders decode the whole picture before it is made smaller, and would rather have the system kill us
 * than do without the memory. */
static bool
check_size(int width, int height, GError **error)
{
  double bytes = 4.0 * width * height; /* a pixel in GdkPixbuf */

  if (bytes <= (double)nn_memory_available() / 2)
    return true;
  set_too_large(error, width, height);
  return false;
}

NnImage *
som_picture_decode(const char *path, int longest_px, GError **error)
{
  g_autoptr(GdkPixbuf) pixbuf = NULL;
  g_autoptr(GdkPixbuf) upright = NULL;
  int width = 0, height = 0;

  if (gdk_pixbuf_get_file_info(path, &width, &height) && !check_size(width, height, error))
    return NULL;
  if (longest_px > 0 && MAX(width, height) > longest_px)
    pixbuf = gdk_pixbuf_new_from_file_at_scale(path, longest_px, longest_px, TRUE, error);
  else
    pixbuf = gdk_pixbuf_new_from_file(path, error);
  if (!pixbuf)
    return NULL;
  upright = gdk_pixbuf_apply_embedded_orientation(pixbuf);
  if (!upright) {
    set_too_large(error, gdk_pixbuf_get_width(pixbuf), gdk_pixbuf_get_height(pixbuf));
    return NULL;
  }
  return image_of_pixbuf(upright, space_of(pixbuf), error);
}
