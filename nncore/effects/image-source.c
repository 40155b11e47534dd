/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What effects over many pictures tell people of them. */
#include "nncore/effects/image-source.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"

#define NAMED 20 /* pictures in a sentence */

bool
nn_image_source_check_any(const NnImageSource *source, GError **error)
{
  if (source != NULL && nn_image_source_count(source) > 0)
    return true;
  g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                      _("There are no pictures to look at. Choose a folder with pictures, or "
                        "open some."));
  return false;
}

char *
nn_image_source_tell_refused(const GPtrArray *names)
{
  if (names->len == 0)
    return NULL;
  GString *text = g_string_new(_("Left out, as the network can make nothing of them:"));
  for (guint i = 0; i < MIN(names->len, NAMED); i++)
    g_string_append_printf(text, "%s %s", i == 0 ? "" : ",", (const char *)names->pdata[i]);
  g_string_append(text, names->len > NAMED ? ", …" : ".");
  return g_string_free(text, FALSE);
}
