/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the NAME.ini beside a network that is all right. */
#include <glib/gstdio.h>
#include <unistd.h>

#include "nncore/effects/network.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/networks.h"
#include "weights/describe.h"

static char *folder; /* holds n.ini, a link to the bytes in memory */

static void
remove_folder(void)
{
  g_autofree char *link = g_build_filename(folder, "n.ini", NULL);
  g_unlink(link);
  g_rmdir(folder);
  g_free(folder);
}

/* (transfer full): the network whose description the bytes are */
static char *
place_beside(const char *ini)
{
  if (folder == NULL) {
    folder = g_dir_make_tmp("somnium-fuzz-XXXXXX", NULL);
    g_assert_nonnull(folder);
    g_autofree char *link = g_build_filename(folder, "n.ini", NULL);
    g_assert_cmpint(symlink(ini, link), ==, 0);
    atexit(remove_folder);
  }
  return g_build_filename(folder, "n.onnx", NULL);
}

static void
check_presets(const NnNetwork *network)
{
  static const char *const uses[] = {"dream", "content", "style", "class"};
  for (size_t i = 0; i < G_N_ELEMENTS(uses); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) layers = nn_network_parse_layers(network, "", uses[i], &error);
    if (layers == NULL)
      fuzz_check_error(&error);
  }
}

void
fuzz_one(const uint8_t *data, size_t size)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *ini = fuzz_memory_path(data, size);
  g_autofree char *path = place_beside(ini);
  g_autoptr(GBytes) bytes = small_networks[0].make();
  NnModel *model = nn_model_open_bytes(bytes, &error);
  g_assert_no_error(error);
  g_autoptr(NnNetwork) network = nn_network_new(model, "n");
  if (!som_describe(network, path, false, &error)) {
    fuzz_check_error(&error);
    return;
  }
  g_assert_nonnull(network->title);
  check_presets(network);
  if (network->labels != NULL && nn_network_find_class(network, "0", &error) < 0)
    fuzz_check_error(&error);
}
