/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Path, size and time of a file by GIO. */
#include "weights/file-key.h"

NnFileKey
som_file_key_new(const char *path, GFileInfo *info)
{
  guint64 seconds = g_file_info_get_attribute_uint64(info, G_FILE_ATTRIBUTE_TIME_MODIFIED);
  return (NnFileKey){
      .path = g_canonicalize_filename(path, NULL),
      .bytes = g_file_info_get_size(info),
      .modified_us = (int64_t)seconds * G_USEC_PER_SEC +
                     g_file_info_get_attribute_uint32(info, G_FILE_ATTRIBUTE_TIME_MODIFIED_USEC),
  };
}

bool
som_file_key_take(const char *path, NnFileKey *key, GError **error)
{
  g_autoptr(GFile) file = g_file_new_for_path(path);
  g_autoptr(GFileInfo) info =
      g_file_query_info(file, SOM_FILE_KEY_ATTRIBUTES, G_FILE_QUERY_INFO_NONE, NULL, error);
  if (info == NULL)
    return false;
  *key = som_file_key_new(path, info);
  return true;
}

void
som_file_key_clear(NnFileKey *key)
{
  g_free((char *)key->path);
  *key = (NnFileKey){0};
}
