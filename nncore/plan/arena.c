/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Greedy by size. The search is quadratic in the number of buffers; beyond MAX_SHARED of them
 * (no network that people have comes near) the small ones stop sharing. */
#include "nncore/plan/arena.h"

#include <glib/gi18n-lib.h>
#include <stdlib.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"

#define MOST ((size_t)G_MAXSSIZE / 2) /* bytes of all buffers: no sum of these overflows */
#define MAX_SHARED 8192

static int
compare_sizes(const void *a, const void *b)
{
  const NnBuffer *x = *(NnBuffer *const *)a, *y = *(NnBuffer *const *)b;
  if (x->bytes != y->bytes)
    return x->bytes < y->bytes ? 1 : -1;
  return x < y ? -1 : x > y; /* the order must not depend on the sort */
}

static bool
live_together(const NnBuffer *a, const NnBuffer *b)
{
  return a->first <= b->last && b->first <= a->last;
}

/* @placed is sorted by offset */
static size_t
find_place(const NnBuffer *buffer, NnBuffer *const *placed, size_t count)
{
  size_t offset = 0;
  for (size_t i = 0; i < count; i++) {
    if (!live_together(buffer, placed[i]))
      continue;
    if (offset + buffer->bytes <= placed[i]->offset)
      break;
    offset = MAX(offset, nn_align(placed[i]->offset + placed[i]->bytes));
  }
  return offset;
}

static void
insert_by_offset(NnBuffer **placed, size_t count, NnBuffer *buffer)
{
  while (count > 0 && placed[count - 1]->offset > buffer->offset) {
    placed[count] = placed[count - 1];
    count--;
  }
  placed[count] = buffer;
}

bool
nn_arena_place(NnBuffer *buffers, size_t count, size_t *total, GError **error)
{
  NnBuffer **order = nn_alloc(count, sizeof *order, error);
  NnBuffer **placed = order != NULL ? nn_alloc(count, sizeof *placed, error) : NULL;
  bool ok = placed != NULL;
  size_t sum = 0;
  for (size_t i = 0; ok && i < count; i++) {
    order[i] = &buffers[i];
    ok = buffers[i].bytes <= MOST - NN_ALIGNMENT && nn_align(buffers[i].bytes) <= MOST - sum;
    sum += ok ? nn_align(buffers[i].bytes) : 0;
    if (!ok)
      g_set_error_literal(error, NN_ERROR, NN_ERROR_MEMORY,
                          _("The picture is too large for this network."));
  }
  *total = 0;
  if (ok)
    qsort(order, count, sizeof *order, compare_sizes);
  for (size_t i = 0; ok && i < count; i++) {
    NnBuffer *buffer = order[i];
    buffer->offset = i < MAX_SHARED ? find_place(buffer, placed, i) : *total;
    if (i < MAX_SHARED)
      insert_by_offset(placed, i, buffer);
    *total = MAX(*total, nn_align(buffer->offset + buffer->bytes));
  }
  nn_free(order);
  nn_free(placed);
  return ok;
}
