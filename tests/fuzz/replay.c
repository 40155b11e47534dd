/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replay FOLDER: gives a fuzz target every file of its corpus once, without a fuzzer. The last
 * file named before the process ends is the one that ended it. */
#include "tests/fuzz/fuzz.h"

static const char *folder;

static void
replay_file(const char *name)
{
  g_autofree char *path = g_build_filename(folder, name, NULL);
  g_autofree char *contents = NULL;
  g_autoptr(GError) error = NULL;
  gsize length;
  g_test_message("%s", name);
  g_file_get_contents(path, &contents, &length, &error);
  g_assert_no_error(error);
  /* of the very size, so that a sanitizer sees a read past the end */
  g_autofree uint8_t *bytes = g_memdup2(contents, length);
  fuzz_one(bytes, length);
}

static void
replay(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
  g_assert_no_error(error);
  int count = 0;
  for (const char *name; (name = g_dir_read_name(dir)) != NULL; count++)
    replay_file(name);
  g_test_message("%d files", count);
  g_assert_cmpint(count, >, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(argc, ==, 2);
  folder = argv[1];
  fuzz_init();
  g_test_add_func("/fuzz/corpus", replay);
  return g_test_run();
}
