/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Allocation that may fail, over posix_memalign. */
#include "nncore/base/memory.h"

#include <glib/gi18n-lib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "nncore/base/error.h"

#define HUGE_PAGE ((size_t)1 << 21) /* bytes; asked for where large memory starts */

static void
set_memory_error(GError **error, size_t bytes)
{
  g_autofree char *size = g_format_size(bytes);
  g_set_error(error, NN_ERROR, NN_ERROR_MEMORY,
              _("Not enough memory: %s more are needed. Choose a smaller working size."), size);
}

void *
nn_alloc(size_t count, size_t size, GError **error)
{
  size_t bytes;
  if (!g_size_checked_mul(&bytes, count, size) || bytes > G_MAXSSIZE) {
    set_memory_error(error, G_MAXSSIZE);
    return NULL;
  }
  void *memory = NULL;
  size_t alignment = bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : NN_ALIGNMENT;
  if (posix_memalign(&memory, alignment, MAX(bytes, 1)) != 0) {
    set_memory_error(error, bytes);
    return NULL;
  }
#ifdef MADV_HUGEPAGE
  if (alignment == HUGE_PAGE)
    madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

void *
nn_alloc0(size_t count, size_t size, GError **error)
{
  void *memory = nn_alloc(count, size, error);
  if (memory != NULL)
    memset(memory, 0, count * size);
  return memory;
}

char *
nn_strndup(const char *text, size_t length, GError **error)
{
  char *copy = nn_alloc(length + 1, 1, error);
  if (copy != NULL) {
    memcpy(copy, text, length);
    copy[length] = '\0';
  }
  return copy;
}

void
nn_free(void *memory)
{
  free(memory);
}

bool
nn_grow(void *array, size_t *capacity, size_t needed, size_t size, GError **error)
{
  void **items = array;
  if (needed <= *capacity)
    return true;
  size_t wanted = MAX(needed, *capacity + *capacity / 2 + 8);
  char *grown = nn_alloc(wanted, size, error);
  if (grown == NULL)
    return false;
  size_t used = *capacity * size;
  if (used > 0)
    memcpy(grown, *items, used);
  memset(grown + used, 0, wanted * size - used);
  nn_free(*items);
  *items = grown;
  *capacity = wanted;
  return true;
}
