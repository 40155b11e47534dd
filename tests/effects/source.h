/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder that is none, for tests: pictures made from their numbers, which can fail to be read, change
 * as files do, and say how often they were loaded. */
#pragma once

#include "nncore/base/error.h"
#include "nncore/effects/image-source.h"
#include "nncore/image/resample.h"
#include "tests/image/pictures.h"

enum { SOURCE_MOST = 64 };

/**
 * TestSource:
 * @broken, @transparent: numbers of pictures that are so; -1: none
 * @loads: so far
 * @in_files: whether they have paths
 */
typedef struct {
  NnImageSource base;
  NnContext *context;
  int count, broken, transparent, loads;
  bool in_files;
  char *names[SOURCE_MOST], *paths[SOURCE_MOST];
  int64_t modified_us[SOURCE_MOST];
} TestSource;

static inline int
test_source_count(const NnImageSource *source)
{
  return ((const TestSource *)source)->count;
}

static inline const char *
test_source_name(const NnImageSource *source, int index)
{
  return ((const TestSource *)source)->names[index];
}

static inline NnFileKey
test_source_key(const NnImageSource *source, int index)
{
  const TestSource *self = (const TestSource *)source;
  return (NnFileKey){self->in_files ? self->paths[index] : NULL, 1000 + index,
                     self->modified_us[index]};
}

/** test_source_picture: number @index: three kinds, of different sizes */
static inline NnImage *
test_source_picture(int index)
{
  int width = 40 + index % 3 * 8, height = 48 - index % 2 * 8;
  if (index % 3 == 0)
    return picture_noise(width, height, 4, (uint64_t)index);
  NnImage *picture = picture_scene(width, height);
  for (size_t i = 0; index % 3 == 1 && i < nn_image_samples(picture); i++)
    if (i % 4 != 3)
      picture->data[i] = 0.5f + 0.4f * (float)sin((double)(i / 4) / (2 + index));
  return picture;
}

static inline NnImage *
test_source_load(NnImageSource *source, int index, int longest_px, GError **error)
{
  TestSource *self = (TestSource *)source;
  g_assert_cmpint(index, <, self->count);
  self->loads++;
  if (index == self->broken) {
    g_set_error(error, NN_ERROR, NN_ERROR_READ, "“%s” is broken.", self->names[index]);
    return NULL;
  }
  NnImage *picture = test_source_picture(index);
  for (size_t i = 0; i < nn_image_samples(picture); i++)
    if (i % 4 == 3)
      picture->data[i] = index == self->transparent ? 0 : 1;
  int longest = MAX(picture->width, picture->height);
  if (longest_px == 0 || longest <= longest_px)
    return picture;
  NnImage *small = nn_resample_new(self->context, picture, picture->width * longest_px / longest,
                                   picture->height * longest_px / longest, error);
  nn_image_free(picture);
  return small;
}

static const NnImageSourceClass test_source_class = {test_source_count, test_source_name,
                                                     test_source_key, test_source_load};

static inline void
test_source_init(TestSource *source, NnContext *context, int count)
{
  *source = (TestSource){.base = {&test_source_class},
                         .context = context,
                         .count = count,
                         .broken = -1,
                         .transparent = -1,
                         .in_files = true};
  for (int i = 0; i < count; i++) {
    source->names[i] = g_strdup_printf("picture-%02d.png", i);
    source->paths[i] = g_strdup_printf("/nowhere/folder/picture-%02d.png", i);
    source->modified_us[i] = 1000000 + i;
  }
}

static inline void
test_source_clear(TestSource *source)
{
  for (int i = 0; i < source->count; i++) {
    g_free(source->names[i]);
    g_free(source->paths[i]);
  }
}
