/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the fuzz targets. */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nncore/base/error.h"

void
fuzz_init(void)
{
  g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING | G_LOG_FATAL_MASK);
}

void
fuzz_check_error(GError **error)
{
  g_assert_true(*error != NULL);
  g_assert_true((*error)->domain == NN_ERROR || (*error)->domain == G_FILE_ERROR);
  g_assert_cmpuint(strlen((*error)->message), >, 10);
  g_assert_true(g_utf8_validate((*error)->message, -1, NULL));
  g_clear_error(error);
}

char *
fuzz_memory_path(const uint8_t *data, size_t size)
{
  static int file = -1;
  if (file < 0)
    file = memfd_create("fuzz", MFD_CLOEXEC);
  g_assert_cmpint(file, >=, 0);
  g_assert_cmpint(ftruncate(file, 0), ==, 0);
  g_assert_cmpint(pwrite(file, data, size, 0), ==, (gssize)size);
  return g_strdup_printf("/proc/self/fd/%d", file);
}
