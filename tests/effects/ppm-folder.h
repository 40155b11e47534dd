/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder of binary PPM files as an NnImageSource, for programs that have no other decoder. What is no
 * such file cannot be read, which is said on standard error. */
#pragma once

#include <glib/gstdio.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/effects/image-source.h"
#include "tests/effects/shrunk.h"

typedef NnImage *(*PpmLoad)(const char *path);

typedef struct {
  NnImageSource base;
  char *folder;
  GPtrArray *names, *paths;
  PpmLoad load; /* ends the program on error */
} PpmFolder;

static inline int
ppm_folder_count(const NnImageSource *source)
{
  return (int)((const PpmFolder *)source)->names->len;
}

static inline const char *
ppm_folder_name(const NnImageSource *source, int index)
{
  return ((const PpmFolder *)source)->names->pdata[index];
}

static inline NnFileKey
ppm_folder_key(const NnImageSource *source, int index)
{
  const char *path = ((const PpmFolder *)source)->paths->pdata[index];
  GStatBuf info;
  return g_stat(path, &info) == 0
             ? (NnFileKey){path, info.st_size, (int64_t)info.st_mtime * 1000000}
             : (NnFileKey){NULL};
}

static inline NnImage *
ppm_folder_load(NnImageSource *source, int index, int longest_px, GError **error)
{
  const PpmFolder *self = (const PpmFolder *)source;
  const char *path = self->paths->pdata[index];
  FILE *file = fopen(path, "rb");
  bool readable = file != NULL && fgetc(file) == 'P' && fgetc(file) == '6';
  if (file != NULL)
    fclose(file);
  if (!readable) {
    g_printerr("left out: %s\n", path);
    g_set_error(error, NN_ERROR, NN_ERROR_READ, "“%s” is no picture.", path);
    return NULL;
  }
  g_autoptr(NnImage) picture = self->load(path);
  return shrunk(picture, longest_px, error);
}

static const NnImageSourceClass ppm_folder_class = {ppm_folder_count, ppm_folder_name,
                                                    ppm_folder_key, ppm_folder_load};

static inline int
ppm_compare_names(gconstpointer a, gconstpointer b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/** ppm_folder_open: (transfer none): lives as long as the program; %NULL where it cannot be listed. */
static inline NnImageSource *
ppm_folder_open(const char *path, PpmLoad load)
{
  GDir *dir = g_dir_open(path, 0, NULL);
  if (dir == NULL)
    return NULL;
  PpmFolder *self = g_new0(PpmFolder, 1);
  *self =
      (PpmFolder){{&ppm_folder_class}, g_strdup(path), g_ptr_array_new(), g_ptr_array_new(), load};
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
    g_ptr_array_add(self->names, g_strdup(name));
  g_dir_close(dir);
  g_ptr_array_sort(self->names, ppm_compare_names);
  for (guint i = 0; i < self->names->len; i++)
    g_ptr_array_add(self->paths, g_build_filename(path, self->names->pdata[i], NULL));
  return &self->base;
}
