/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures in memory as an NnImageSource, for tests. */
#pragma once

#include "nncore/base/error.h"
#include "nncore/effects/image-source.h"
#include "tests/effects/shrunk.h"

/** MemorySource: @pictures: RGBA; %NULL for one that cannot be read; @loads: how often one was asked
 * for. */
typedef struct {
  NnImageSource source; /* first */
  NnImage *const *pictures;
  const char *const *names;
  int count, loads;
} MemorySource;

static int
memory_count(const NnImageSource *source)
{
  return ((const MemorySource *)source)->count;
}

static const char *
memory_name(const NnImageSource *source, int index)
{
  return ((const MemorySource *)source)->names[index];
}

static NnFileKey
memory_key(const NnImageSource *source, int index)
{
  return (NnFileKey){0};
}

static NnImage *
memory_load(NnImageSource *source, int index, int longest_px, GError **error)
{
  MemorySource *self = (MemorySource *)source;
  const NnImage *picture = self->pictures[index];
  g_assert_cmpint(index, <, self->count);
  self->loads++;
  if (picture == NULL) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_READ, "It cannot be read.");
    return NULL;
  }
  return shrunk(picture, longest_px, error);
}

static const NnImageSourceClass memory_class = {memory_count, memory_name, memory_key, memory_load};

static inline MemorySource
memory_source(NnImage *const *pictures, const char *const *names, int count)
{
  return (MemorySource){{&memory_class}, pictures, names, count, 0};
}
