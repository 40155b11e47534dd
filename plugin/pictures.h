/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures from files and from open images, as the engine takes them. */
#pragma once

#include <libgimp/gimp.h>

#include "nncore/image/image.h"

/** som_picture_of_drawable: (transfer full): all of its pixels, RGBA. Main thread. */
NnImage *som_picture_of_drawable(GimpDrawable *drawable, GError **error);

/** som_picture_of_image: (transfer full): as it is seen. Main thread. */
NnImage *som_picture_of_image(GimpImage *image, GError **error);

/** som_picture_of_file: (transfer full): opened by GIMP, so every format that it knows will do; the
 * error (%NN_ERROR_READ) names the file. Main thread. */
NnImage *som_picture_of_file(GFile *file, GError **error);

/**
 * som_picture_decode: (transfer full): a file of one of the everyday formats, on any thread
 * @longest_px: 0: full size; else it is made smaller while it is read, so that no side is longer
 *
 * @error is GdkPixbuf's own or of NN_ERROR; %GDK_PIXBUF_ERROR_UNKNOWN_TYPE where the format is none
 * of these.
 */
NnImage *som_picture_decode(const char *path, int longest_px, GError **error);

/** som_picture_set_error: the sentence for a file that cannot be read. */
void som_picture_set_error(GError **error, GFile *file, const char *reason);
