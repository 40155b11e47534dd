/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cache of features: what was saved comes back, and nothing else does. Files cut short, with any
 * bit of any byte changed, with and without a digest that fits, of another key; folders that cannot be
 * written to; old files thrown away. */
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <utime.h>

#include "tests/effects/cache-folder.h"

enum { DIMENSIONS = 5, COUNT = 3, DIGEST = 32 };

static const char *const paths[COUNT] = {"/a/one.jpg", "/a/two \xff.jpg", "/a/3"};
static float features[COUNT][DIMENSIONS];
static uint8_t thumbnails[COUNT][3 * NN_THUMBNAIL_PX * NN_THUMBNAIL_PX];
static NnFeatureEntry entries[COUNT];

static void
fill_entries(void)
{
  for (int i = 0; i < COUNT; i++) {
    for (int k = 0; k < DIMENSIONS; k++)
      features[i][k] = (float)(i - k) / 3;
    for (size_t k = 0; k < sizeof thumbnails[i]; k++)
      thumbnails[i][k] = (uint8_t)(k * 7 + (size_t)i);
    entries[i] = (NnFeatureEntry){.file = {paths[i], 100 + i, -5 * i},
                                  .width = i == 0 ? NN_THUMBNAIL_PX : 3 + i,
                                  .height = 2 + i,
                                  .thumbnail = thumbnails[i],
                                  .features = features[i]};
  }
}

static void
check_same(const NnFeatureCache *cache)
{
  g_assert_cmpint(nn_feature_cache_dimensions(cache), ==, DIMENSIONS);
  for (int i = 0; i < COUNT; i++) {
    const NnFeatureEntry *found = nn_feature_cache_find(cache, &entries[i].file);
    g_assert_nonnull(found);
    g_assert_cmpint(found->width, ==, entries[i].width);
    g_assert_cmpint(found->height, ==, entries[i].height);
    g_assert_cmpmem(found->features, sizeof features[i], features[i], sizeof features[i]);
    size_t bytes = 3 * (size_t)(entries[i].width * entries[i].height);
    g_assert_cmpmem(found->thumbnail, bytes, thumbnails[i], bytes);
  }
}

static void
test_round_trip(void)
{
  char *folder = cache_folder_new();
  g_assert_null(nn_feature_cache_load(folder, "key"));
  g_assert_true(
      nn_feature_cache_save(folder, "key", DIMENSIONS, entries, COUNT, NN_FEATURE_CACHE_BYTES));
  g_autoptr(NnFeatureCache) cache = nn_feature_cache_load(folder, "key");
  g_assert_nonnull(cache);
  check_same(cache);
  NnFileKey changed = entries[0].file, none = {NULL, 100, 0};
  changed.modified_us++;
  g_assert_null(nn_feature_cache_find(cache, &changed));
  changed = entries[0].file;
  changed.bytes++;
  g_assert_null(nn_feature_cache_find(cache, &changed));
  changed = entries[0].file;
  changed.path = "/b/one.jpg";
  g_assert_null(nn_feature_cache_find(cache, &changed));
  g_assert_null(nn_feature_cache_find(cache, &none));
  g_assert_null(nn_feature_cache_find(NULL, &entries[0].file));
  g_assert_null(nn_feature_cache_load(folder, "another key"));
  cache_folder_remove(folder);
}

/* what is in no file is not kept, what is there is replaced */
static void
test_replace(void)
{
  char *folder = cache_folder_new();
  NnFeatureEntry open = entries[1];
  open.file.path = NULL;
  g_assert_true(
      nn_feature_cache_save(folder, "key", DIMENSIONS, entries, COUNT, NN_FEATURE_CACHE_BYTES));
  NnFeatureEntry few[] = {open, entries[2]};
  g_assert_true(nn_feature_cache_save(folder, "key", DIMENSIONS, few, 2, NN_FEATURE_CACHE_BYTES));
  g_autoptr(NnFeatureCache) cache = nn_feature_cache_load(folder, "key");
  g_assert_nonnull(nn_feature_cache_find(cache, &entries[2].file));
  g_assert_null(nn_feature_cache_find(cache, &entries[1].file));
  g_assert_false(nn_feature_cache_save("/proc/no-such", "key", DIMENSIONS, entries, COUNT,
                                       NN_FEATURE_CACHE_BYTES));
  cache_folder_remove(folder);
}

/* the first ones where not all have room, and no file where none has */
static void
test_room(void)
{
  char *folder = cache_folder_new();
  g_autofree char *path = nn_feature_cache_path(folder, "key");
  GStatBuf all, few;
  g_assert_true(
      nn_feature_cache_save(folder, "key", DIMENSIONS, entries, COUNT, NN_FEATURE_CACHE_BYTES));
  g_assert_cmpint(g_stat(path, &all), ==, 0);
  g_assert_true(nn_feature_cache_save(folder, "key", DIMENSIONS, entries, COUNT, all.st_size));
  g_assert_cmpint(g_stat(path, &few), ==, 0);
  g_assert_cmpint(few.st_size, ==, all.st_size);
  g_assert_true(nn_feature_cache_save(folder, "key", DIMENSIONS, entries, COUNT, all.st_size - 1));
  g_autoptr(NnFeatureCache) cache = nn_feature_cache_load(folder, "key");
  for (int i = 0; i < COUNT; i++)
    g_assert_true((nn_feature_cache_find(cache, &entries[i].file) != NULL) == (i < COUNT - 1));
  g_assert_false(nn_feature_cache_save(folder, "key", DIMENSIONS, entries, COUNT, 100));
  cache_folder_remove(folder);
}

static void
write_file(const char *path, const char *data, size_t bytes, bool sign)
{
  g_autofree char *copy = g_memdup2(data, bytes);
  if (sign && bytes >= DIGEST) {
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = DIGEST;
    g_checksum_update(checksum, (const guchar *)copy, (gssize)(bytes - DIGEST));
    g_checksum_get_digest(checksum, (guint8 *)copy + bytes - DIGEST, &length);
  }
  int file = g_open(path, O_WRONLY | O_CLOEXEC, 0); /* in place: nothing waits for the disk */
  g_assert_cmpint(file, >=, 0);
  g_assert_cmpint(pwrite(file, copy, bytes, 0), ==, bytes);
  g_assert_cmpint(ftruncate(file, (off_t)bytes), ==, 0);
  g_assert_cmpint(close(file), ==, 0);
}

/* everything that a caller may look at lies within, and is finite (a sanitizer watches) */
static void
use(const NnFeatureCache *cache)
{
  double sum = 0;
  for (int i = 0; i < COUNT; i++) {
    const NnFeatureEntry *found = nn_feature_cache_find(cache, &entries[i].file);
    if (found == NULL)
      continue;
    g_assert_cmpint(found->width, <=, NN_THUMBNAIL_PX);
    g_assert_cmpint(found->height, <=, NN_THUMBNAIL_PX);
    for (int64_t k = 0; k < nn_feature_cache_dimensions(cache); k++)
      sum += fabs((double)found->features[k]);
    for (int k = 0; k < 3 * found->width * found->height; k++)
      sum += found->thumbnail[k];
  }
  g_assert_true(isfinite(sum));
}

static void
test_hostile(void)
{
  char *folder = cache_folder_new();
  g_assert_true(
      nn_feature_cache_save(folder, "key", DIMENSIONS, entries, COUNT, NN_FEATURE_CACHE_BYTES));
  g_autofree char *path = nn_feature_cache_path(folder, "key");
  g_autofree char *data = NULL;
  gsize bytes;
  int survived = 0;
  g_assert_true(g_file_get_contents(path, &data, &bytes, NULL));
  for (gsize length = 0; length < bytes; length++)
    for (int sign = 0; sign < 2; sign++) {
      write_file(path, data, length, sign != 0);
      g_assert_null(nn_feature_cache_load(folder, "key"));
    }
  for (gsize at = 0; at < bytes; at++)
    for (int bit = 0; bit < 8; bit++) {
      data[at] = (char)(data[at] ^ (1 << bit));
      write_file(path, data, bytes, false);
      g_assert_null(nn_feature_cache_load(folder, "key"));
      write_file(path, data, bytes, true); /* by somebody who knows how */
      g_autoptr(NnFeatureCache) cache = nn_feature_cache_load(folder, "key");
      if (cache != NULL && ++survived)
        use(cache);
      data[at] = (char)(data[at] ^ (1 << bit));
    }
  g_test_message("%d of %zu changes with a digest that fits are believed", survived, 8 * bytes);
  write_file(path, data, bytes, false);
  g_autoptr(NnFeatureCache) cache = nn_feature_cache_load(folder, "key");
  check_same(cache);
  cache_folder_remove(folder);
}

static void
test_no_numbers(void)
{
  char *folder = cache_folder_new();
  features[1][2] = NAN;
  g_assert_true(
      nn_feature_cache_save(folder, "key", DIMENSIONS, entries, COUNT, NN_FEATURE_CACHE_BYTES));
  g_assert_null(nn_feature_cache_load(folder, "key"));
  fill_entries();
  NnFeatureEntry twice[] = {entries[0], entries[0]};
  g_assert_true(nn_feature_cache_save(folder, "key", DIMENSIONS, twice, 2, NN_FEATURE_CACHE_BYTES));
  g_assert_null(nn_feature_cache_load(folder, "key"));
  cache_folder_remove(folder);
}

/* the one that was used longest ago goes; using one counts */
static void
test_trim(void)
{
  char *folder = cache_folder_new();
  static const char *const keys[] = {"old", "used", "new"};
  for (int i = 0; i < 3; i++) {
    g_assert_true(
        nn_feature_cache_save(folder, keys[i], DIMENSIONS, entries, COUNT, NN_FEATURE_CACHE_BYTES));
    g_autofree char *path = nn_feature_cache_path(folder, keys[i]);
    struct utimbuf times = {1000 + i, 1000 + i};
    g_assert_cmpint(utime(path, &times), ==, 0);
  }
  GStatBuf info;
  g_autofree char *path = nn_feature_cache_path(folder, "old");
  g_assert_cmpint(g_stat(path, &info), ==, 0);
  nn_feature_cache_trim(folder, 3 * info.st_size);
  nn_feature_cache_free(nn_feature_cache_load(folder, "old")); /* now the newest */
  nn_feature_cache_trim(folder, 2 * info.st_size);
  g_autoptr(NnFeatureCache) old = nn_feature_cache_load(folder, "old");
  g_autoptr(NnFeatureCache) used = nn_feature_cache_load(folder, "used");
  g_autoptr(NnFeatureCache) newest = nn_feature_cache_load(folder, "new");
  g_assert_true(old != NULL && used == NULL && newest != NULL);
  nn_feature_cache_trim(folder, 0);
  g_assert_null(nn_feature_cache_load(folder, "new"));
  cache_folder_remove(folder);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  fill_entries();
  g_test_add_func("/feature-cache/round-trip", test_round_trip);
  g_test_add_func("/feature-cache/replace", test_replace);
  g_test_add_func("/feature-cache/room", test_room);
  g_test_add_func("/feature-cache/hostile", test_hostile);
  g_test_add_func("/feature-cache/no-numbers", test_no_numbers);
  g_test_add_func("/feature-cache/trim", test_trim);
  return g_test_run();
}
