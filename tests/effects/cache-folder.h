/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder for NnEffectRun.cache_folder, for tests. */
#pragma once

#include <glib/gstdio.h>

#include "nncore/effects/feature-cache.h"

static inline char *
cache_folder_new(void)
{
  g_autoptr(GError) error = NULL;
  char *folder = g_dir_make_tmp("somnium-XXXXXX", &error);
  g_assert_no_error(error);
  return folder;
}

/** cache_folder_remove: with the files of features in it; there must be nothing else. */
static inline void
cache_folder_remove(char *folder)
{
  g_autofree char *inner = g_build_filename(folder, "features", NULL);
  nn_feature_cache_trim(folder, 0);
  g_rmdir(inner);
  g_assert_cmpint(g_rmdir(folder), ==, 0);
  g_free(folder);
}
