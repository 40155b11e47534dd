/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding networks: every *.onnx in a list of folders, by name. */
#include "weights/networks.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "weights/describe.h"
#include "weights/file-key.h"

#define DEFAULT_NETWORK "somnium-vgg12"
#define STYLE_NETWORK "somnium-features"
#define EXTENSION ".onnx"

struct SomNetworks {
  char **folders;
  GHashTable *paths; /* name -> path */
};

static void
scan_folder(SomNetworks *networks, const char *folder)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *file;
  while (dir != NULL && (file = g_dir_read_name(dir)) != NULL) {
    if (!g_str_has_suffix(file, EXTENSION) || strlen(file) == strlen(EXTENSION))
      continue;
    g_autofree char *display = g_filename_display_name(file);
    char *name = g_strndup(display, strlen(display) - strlen(EXTENSION));
    if (g_hash_table_contains(networks->paths, name))
      g_free(name);
    else
      g_hash_table_insert(networks->paths, name, g_build_filename(folder, file, NULL));
  }
}

SomNetworks *
som_networks_new(const char *const *folders)
{
  SomNetworks *networks = g_new0(SomNetworks, 1);
  networks->folders = g_strdupv((char **)folders);
  networks->paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (int i = 0; folders[i] != NULL; i++)
    scan_folder(networks, folders[i]);
  return networks;
}

void
som_networks_free(SomNetworks *networks)
{
  if (networks == NULL)
    return;
  g_strfreev(networks->folders);
  g_hash_table_unref(networks->paths);
  g_free(networks);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
  const char *x = *(const char *const *)a, *y = *(const char *const *)b;
  bool x_first = strcmp(x, DEFAULT_NETWORK) == 0, y_first = strcmp(y, DEFAULT_NETWORK) == 0;
  return x_first != y_first ? y_first - x_first : g_utf8_collate(x, y);
}

char **
som_networks_names(const SomNetworks *networks)
{
  GPtrArray *names = g_ptr_array_new();
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, networks->paths);
  while (g_hash_table_iter_next(&iter, &name, NULL))
    g_ptr_array_add(names, g_strdup(name));
  g_ptr_array_sort(names, compare_names);
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(names, FALSE);
}

static void
set_unknown(const SomNetworks *networks, const char *name, GError **error)
{
  g_auto(GStrv) names = som_networks_names(networks);
  g_autofree char *list = g_strjoinv(", ", names);
  g_autofree char *folders = g_strjoinv(", ", networks->folders);
  if (names[0] == NULL)
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("No network was found. Put an .onnx file into one of these folders: %s."),
                folders);
  else
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("There is no network “%s”. These were found: %s. Others go as .onnx files into "
                  "one of these folders: %s."),
                name, list, folders);
}

/* (transfer none) */
static const char *
find_path(const SomNetworks *networks, const char *name, GError **error)
{
  const char *wanted = name == NULL || *name == '\0' ? DEFAULT_NETWORK : name;
  const char *path = g_hash_table_lookup(networks->paths, wanted);
  if (path == NULL &&
      (strchr(wanted, G_DIR_SEPARATOR) != NULL || g_str_has_suffix(wanted, EXTENSION)))
    path = wanted;
  if (path == NULL)
    set_unknown(networks, wanted, error);
  return path;
}

static NnNetwork *
open_file(const char *path, bool certain, GError **error)
{
  g_autofree char *base = g_path_get_basename(path);
  g_autofree char *name = g_filename_display_name(base);
  NnModel *model = nn_model_open(path, error);
  if (model == NULL) {
    g_prefix_error(error, _("The network “%s” cannot be used. "), name);
    return NULL;
  }
  if (g_str_has_suffix(name, EXTENSION))
    name[strlen(name) - strlen(EXTENSION)] = '\0';
  g_autoptr(NnNetwork) network = nn_network_new(model, name);
  som_file_key_take(path, &network->file, NULL); /* stays empty where the file has just gone */
  return som_describe(network, path, certain, error) ? g_steal_pointer(&network) : NULL;
}

NnNetwork *
som_networks_open(const SomNetworks *networks, const char *name, GError **error)
{
  const char *path = find_path(networks, name, error);
  return path != NULL ? open_file(path, true, error) : NULL;
}

NnNetwork *
som_networks_look(const SomNetworks *networks, const char *name, GError **error)
{
  const char *path = find_path(networks, name, error);
  return path != NULL ? open_file(path, false, error) : NULL;
}

NnNetwork *
som_network_open_file(const char *path, GError **error)
{
  return open_file(path, true, error);
}

/* of those that are there, what an empty name stands for where any network will do */
static const char *
usual_name(const SomNetworks *networks, const NnParam *param)
{
  bool style = g_strcmp0(param->use, "style") == 0;
  return style && g_hash_table_contains(networks->paths, STYLE_NETWORK) ? STYLE_NETWORK
                                                                        : DEFAULT_NETWORK;
}

/* the same names, this one first */
static void
move_to_front(char **names, const char *name)
{
  int at = 0;
  while (names[at] != NULL && strcmp(names[at], name) != 0)
    at++;
  if (names[at] == NULL)
    return;
  char *found = names[at];
  memmove(names + 1, names, (size_t)at * sizeof(*names));
  names[0] = found;
}

char **
som_networks_pick(const SomNetworks *networks, const NnParam *param)
{
  char **names = som_networks_names(networks);
  if (!param->feed_forward) {
    move_to_front(names, usual_name(networks, param));
    return names;
  }
  int n = 0;
  for (int i = 0; names[i] != NULL; i++) {
    g_autoptr(NnNetwork) network = som_networks_look(networks, names[i], NULL);
    if (network != NULL && network->role == NN_ROLE_FEED_FORWARD)
      names[n++] = names[i];
    else
      g_free(names[i]);
  }
  names[n] = NULL;
  return names;
}

char *
som_networks_default(const SomNetworks *networks, const NnParam *param, GError **error)
{
  if (!param->feed_forward)
    return g_strdup(usual_name(networks, param));
  g_auto(GStrv) names = som_networks_pick(networks, param);
  if (names[0] != NULL)
    return g_strdup(names[0]);
  g_autofree char *folders = g_strjoinv(", ", networks->folders);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("No network was found that makes a picture of a picture, as this effect needs. Put "
                "the .onnx file of a fast style network (those of the ONNX model zoo, say) into "
                "one of these folders: %s."),
              folders);
  return NULL;
}
