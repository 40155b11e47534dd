/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of folders with networks. */
#include "plugin/search-path.h"

#include <libgimp/gimp.h>

#include "plugin/preferences.h"

static void
add_list(GStrvBuilder *builder, const char *list)
{
  g_auto(GStrv) folders = list ? g_strsplit(list, G_SEARCHPATH_SEPARATOR_S, 0) : NULL;

  for (int i = 0; folders && folders[i]; i++) {
    if (*folders[i])
      g_strv_builder_add(builder, folders[i]);
  }
}

SomNetworks *
som_networks_new_for_gimp(void)
{
  g_autoptr(SomPreferences) preferences = som_preferences_load();
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  g_autofree char *binary_folder = g_path_get_dirname(gimp_get_progname());
  g_autofree char *own = g_build_filename(binary_folder, "networks", NULL);
  g_autofree char *users = g_build_filename(gimp_directory(), "somnium", "networks", NULL);
  g_autofree char *more = gimp_gimprc_query("somnium-network-path");
  g_auto(GStrv) folders = NULL;

  g_strv_builder_add_many(builder, own, users, NULL);
  add_list(builder, g_getenv("SOMNIUM_NETWORK_PATH"));
  add_list(builder, more);
  add_list(builder, preferences->folders);
  folders = g_strv_builder_end(builder);
  return som_networks_new((const char *const *)folders);
}
