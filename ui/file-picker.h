/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A button that chooses a picture file or a folder, and one that chooses none again: GTK's own has no
 * way back to nothing. The property "file" is a GFile or NULL. */
#pragma once

#include <gtk/gtk.h>

#define SOM_TYPE_FILE_PICKER (som_file_picker_get_type())
G_DECLARE_FINAL_TYPE(SomFilePicker, som_file_picker, SOM, FILE_PICKER, GtkBox)

/** som_file_picker_new: @title is that of the file dialog. */
GtkWidget *som_file_picker_new(const char *title, gboolean folder);
