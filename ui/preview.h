/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A widget that shows a picture, scaled to fit, over checks where it is transparent. */
#pragma once

#include <gtk/gtk.h>

/** som_preview_new: asks for @width x @height px; empty until a picture is set. */
GtkWidget *som_preview_new(int width, int height);

/** som_preview_set_surface: shows @surface (an image surface) from now on; takes a reference. */
void som_preview_set_surface(GtkWidget *preview, cairo_surface_t *surface);
