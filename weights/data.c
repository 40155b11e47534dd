/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading what is compiled in. */
#include "weights/data.h"

#include <string.h>

#include "weights/weights-data.h"

static GBytes *
find(const char *name)
{
  g_autofree char *path = g_strconcat("/somnium/weights/", name, NULL);
  return g_resource_lookup_data(weights_data_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE,
                                NULL);
}

static char *
text_of(GBytes *bytes)
{
  gsize length;
  const char *data = g_bytes_get_data(bytes, &length);
  return g_strndup(data, length);
}

char *
som_data_text(const char *name)
{
  g_autoptr(GBytes) bytes = find(name);
  g_return_val_if_fail(bytes != NULL, g_strdup(""));
  return text_of(bytes);
}

char **
som_data_labels(const char *name)
{
  g_autofree char *file = g_strdup_printf("labels/%s.txt", name);
  g_autoptr(GBytes) bytes = find(file);
  g_autofree char *text = bytes != NULL ? g_strchomp(text_of(bytes)) : NULL;
  return text != NULL ? g_strsplit(text, "\n", -1) : NULL;
}
