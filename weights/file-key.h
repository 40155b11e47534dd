/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking the key of a file (base/file-key.h). */
#pragma once

#include <stdbool.h>

#include <gio/gio.h>

#include "nncore/base/file-key.h"

/* what must have been asked for of a GFileInfo */
#define SOM_FILE_KEY_ATTRIBUTES \
  G_FILE_ATTRIBUTE_STANDARD_SIZE "," G_FILE_ATTRIBUTE_TIME_MODIFIED \
                                 "," G_FILE_ATTRIBUTE_TIME_MODIFIED_USEC

/** som_file_key_new: (transfer full): as @info has it; the path is @path, made absolute. */
NnFileKey som_file_key_new(const char *path, GFileInfo *info);

/** som_file_key_take: the key of the file as it is now; an error of GIO's where there is none. */
bool som_file_key_take(const char *path, NnFileKey *key, GError **error);

/** som_file_key_clear: frees the path. */
void som_file_key_clear(NnFileKey *key);
