/* SPDX-License-Identifier: GPL-3.0-or-later */
/* make-seeds FOLDER: writes the small networks there, for a fuzzer to start from. */
#include "tests/fuzz/networks.h"

int
main(int argc, char **argv)
{
  for (const SmallNetwork *network = small_networks; argc == 2 && network->name != NULL;
       network++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = network->make();
    g_autofree char *path = g_build_filename(argv[1], network->name, NULL);
    gsize length;
    const char *data = g_bytes_get_data(bytes, &length);
    if (!g_file_set_contents(path, data, (gssize)length, &error)) {
      g_printerr("make-seeds: %s\n", error->message);
      return 1;
    }
  }
  return argc == 2 ? 0 : 1;
}
