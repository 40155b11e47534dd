/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file: a Header, the key, then for each picture an Item, its path with the zero at its end, its
 * features and its small picture; last the SHA-256 of all before. Each part begins at a multiple of
 * eight bytes, so that what has been read can be used where it is. Numbers are in the machine's own
 * order: another's magic number differs. */
#include "nncore/effects/feature-cache.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/time.h>

#include "nncore/base/memory.h"
#include "nncore/onnx/source.h"

#define MAGIC UINT64_C(0x31746165466d6f53) /* "SomFeat1" on little-endian machines */
#define FOLDER "features"
#define DIGEST_BYTES 32
#define MOST_FOLDER ((int64_t)512 << 20) /* bytes */
#define MOST_DIMENSIONS (1 << 20)
#define MOST_PATH (1 << 15) /* bytes, with the zero */
#define MOST_KEY (1 << 18) /* bytes, with the zero */

typedef struct {
  uint64_t magic;
  uint32_t key_bytes, dimensions, count, reserved;
} Header;

typedef struct {
  int64_t bytes, modified_us;
  uint32_t path_bytes, width, height, reserved;
} Item;

struct NnFeatureCache {
  char *data;
  int64_t dimensions;
  NnFeatureEntry *entries;
  GHashTable *by_path; /* path -> entry */
};

char *
nn_feature_cache_path(const char *folder, const char *key)
{
  g_autofree char *name = g_compute_checksum_for_string(G_CHECKSUM_SHA256, key, -1);
  return g_build_filename(folder, FOLDER, name, NULL);
}

static size_t
padded(size_t bytes)
{
  return (bytes + 7) / 8 * 8;
}

static void
digest(const char *data, size_t bytes, uint8_t result[DIGEST_BYTES])
{
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  gsize length = DIGEST_BYTES;
  g_checksum_update(checksum, (const guchar *)data, (gssize)bytes);
  g_checksum_get_digest(checksum, result, &length);
}

/* ---- reading ---- */

typedef struct {
  const char *at;
  size_t left;
} Cursor;

/* the next @bytes; NULL where there are not as many */
static const void *
take(Cursor *cursor, size_t bytes)
{
  const char *taken = cursor->at;
  if (padded(bytes) > cursor->left)
    return NULL;
  cursor->at += padded(bytes);
  cursor->left -= padded(bytes);
  return taken;
}

/* (nullable): the next @bytes as a text that ends with them */
static const char *
take_text(Cursor *cursor, uint32_t bytes, uint32_t most)
{
  const char *text = bytes > 0 && bytes <= most ? take(cursor, bytes) : NULL;
  return text != NULL && memchr(text, '\0', bytes) == text + bytes - 1 ? text : NULL;
}

static bool
are_finite(const float *values, int64_t count)
{
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(values[i]))
      return false;
  return true;
}

static bool
read_entry(NnFeatureCache *cache, Cursor *cursor, NnFeatureEntry *entry)
{
  const Item *item = take(cursor, sizeof(Item));
  if (item == NULL || item->bytes < 0 || item->width < 1 || item->width > NN_THUMBNAIL_PX ||
      item->height < 1 || item->height > NN_THUMBNAIL_PX)
    return false;
  *entry = (NnFeatureEntry){
      .file = {take_text(cursor, item->path_bytes, MOST_PATH), item->bytes, item->modified_us},
      .width = (int)item->width,
      .height = (int)item->height,
  };
  if (entry->file.path == NULL)
    return false;
  entry->features = take(cursor, (size_t)cache->dimensions * sizeof(float));
  entry->thumbnail = take(cursor, 3 * (size_t)(entry->width * entry->height));
  return entry->features != NULL && entry->thumbnail != NULL &&
         are_finite(entry->features, cache->dimensions) &&
         g_hash_table_insert(cache->by_path, (gpointer)entry->file.path, entry);
}

static bool
read_all(NnFeatureCache *cache, size_t bytes, const char *key)
{
  Cursor cursor = {cache->data, bytes};
  const Header *header = take(&cursor, sizeof(Header));
  if (header == NULL || header->magic != MAGIC || header->dimensions < 1 ||
      header->dimensions > MOST_DIMENSIONS)
    return false;
  const char *own_key = take_text(&cursor, header->key_bytes, MOST_KEY);
  if (own_key == NULL || strcmp(own_key, key) != 0 || header->count > cursor.left / sizeof(Item))
    return false;
  cache->dimensions = header->dimensions;
  cache->by_path = g_hash_table_new(g_str_hash, g_str_equal);
  cache->entries = nn_alloc0(header->count, sizeof(NnFeatureEntry), NULL);
  bool good = cache->entries != NULL;
  for (uint32_t i = 0; good && i < header->count; i++)
    good = read_entry(cache, &cursor, &cache->entries[i]);
  return good && cursor.left == 0;
}

/* (transfer full): the file's bytes before its digest, which fits them; NULL else */
static char *
read_file(const char *path, size_t *bytes)
{
  g_autoptr(NnSource) source = nn_source_open(path, NULL);
  int64_t size = source != NULL ? nn_source_size(source) : 0;
  if (size <= DIGEST_BYTES || size > NN_FEATURE_CACHE_BYTES)
    return NULL;
  char *data = nn_alloc((size_t)size, 1, NULL);
  uint8_t expected[DIGEST_BYTES];
  *bytes = (size_t)size - DIGEST_BYTES;
  bool good = data != NULL && nn_source_read(source, 0, data, (size_t)size, NULL);
  if (good) {
    digest(data, *bytes, expected);
    good = memcmp(expected, data + *bytes, DIGEST_BYTES) == 0;
  }
  if (good)
    return data;
  nn_free(data);
  return NULL;
}

NnFeatureCache *
nn_feature_cache_load(const char *folder, const char *key)
{
  g_autofree char *path = nn_feature_cache_path(folder, key);
  g_autoptr(NnFeatureCache) cache = g_new0(NnFeatureCache, 1);
  size_t bytes;
  cache->data = read_file(path, &bytes);
  if (cache->data == NULL || !read_all(cache, bytes, key))
    return NULL;
  utimes(path, NULL); /* it has been used */
  return g_steal_pointer(&cache);
}

void
nn_feature_cache_free(NnFeatureCache *cache)
{
  if (cache == NULL)
    return;
  g_clear_pointer(&cache->by_path, g_hash_table_unref);
  nn_free(cache->entries);
  nn_free(cache->data);
  g_free(cache);
}

int64_t
nn_feature_cache_dimensions(const NnFeatureCache *cache)
{
  return cache->dimensions;
}

const NnFeatureEntry *
nn_feature_cache_find(const NnFeatureCache *cache, const NnFileKey *file)
{
  if (cache == NULL || file->path == NULL)
    return NULL;
  const NnFeatureEntry *entry = g_hash_table_lookup(cache->by_path, file->path);
  bool same = entry != NULL && entry->file.bytes == file->bytes &&
              entry->file.modified_us == file->modified_us;
  return same ? entry : NULL;
}

/* ---- writing ---- */

static bool
can_be_kept(const NnFeatureEntry *entry)
{
  return entry->file.path != NULL && strlen(entry->file.path) < MOST_PATH;
}

static size_t
entry_bytes(const NnFeatureEntry *entry, int64_t dimensions)
{
  return sizeof(Item) + padded(strlen(entry->file.path) + 1) +
         padded((size_t)dimensions * sizeof(float)) +
         padded(3 * (size_t)(entry->width * entry->height));
}

static void
put(char **to, const void *from, size_t bytes)
{
  memcpy(*to, from, bytes);
  *to += padded(bytes);
}

static void
put_entry(char **to, const NnFeatureEntry *entry, int64_t dimensions)
{
  Item item = {.bytes = entry->file.bytes,
               .modified_us = entry->file.modified_us,
               .path_bytes = (uint32_t)strlen(entry->file.path) + 1,
               .width = (uint32_t)entry->width,
               .height = (uint32_t)entry->height};
  put(to, &item, sizeof item);
  put(to, entry->file.path, item.path_bytes);
  put(to, entry->features, (size_t)dimensions * sizeof(float));
  put(to, entry->thumbnail, 3 * (size_t)(entry->width * entry->height));
}

/* (transfer full): the whole file, with the first entries that there is room for; NULL where there is
 * for none */
static char *
compose(const char *key, int64_t dimensions, const NnFeatureEntry *entries, size_t count,
        int64_t most_bytes, size_t *bytes)
{
  Header header = {
      .magic = MAGIC, .key_bytes = (uint32_t)strlen(key) + 1, .dimensions = (uint32_t)dimensions};
  *bytes = sizeof header + padded(header.key_bytes) + DIGEST_BYTES;
  size_t end = 0;
  for (; end < count; end++) {
    bool kept = can_be_kept(&entries[end]);
    size_t more = kept ? entry_bytes(&entries[end], dimensions) : 0;
    if (*bytes + more > (size_t)most_bytes)
      break;
    *bytes += more;
    header.count += kept;
  }
  if (header.count == 0 || header.key_bytes > MOST_KEY || dimensions > MOST_DIMENSIONS)
    return NULL;
  char *data = nn_alloc0(*bytes, 1, NULL), *to = data;
  if (data == NULL)
    return NULL;
  put(&to, &header, sizeof header);
  put(&to, key, header.key_bytes);
  for (size_t i = 0; i < end; i++)
    if (can_be_kept(&entries[i]))
      put_entry(&to, &entries[i], dimensions);
  digest(data, *bytes - DIGEST_BYTES, (uint8_t *)to);
  return data;
}

bool
nn_feature_cache_save(const char *folder, const char *key, int64_t dimensions,
                      const NnFeatureEntry *entries, size_t count, int64_t most_bytes)
{
  g_autofree char *path = nn_feature_cache_path(folder, key);
  g_autofree char *parent = g_path_get_dirname(path);
  size_t bytes;
  char *data = compose(key, dimensions, entries, count, most_bytes, &bytes);
  bool saved = data != NULL && g_mkdir_with_parents(parent, 0700) == 0 &&
               g_file_set_contents_full(path, data, (gssize)bytes, G_FILE_SET_CONTENTS_CONSISTENT,
                                        0600, NULL);
  nn_free(data);
  if (saved)
    nn_feature_cache_trim(folder, MOST_FOLDER);
  return saved;
}

/* ---- throwing away ---- */

typedef struct {
  char *path;
  int64_t bytes, used;
} Kept;

static void
clear_kept(gpointer data)
{
  g_free(((Kept *)data)->path);
}

/* the last used first */
static int
compare_kept(gconstpointer a, gconstpointer b)
{
  const Kept *x = a, *y = b;
  return x->used != y->used ? (x->used < y->used ? 1 : -1) : strcmp(x->path, y->path);
}

/* (element-type Kept) */
static GArray *
list_kept(const char *folder)
{
  GArray *all = g_array_new(FALSE, FALSE, sizeof(Kept));
  g_autofree char *path = g_build_filename(folder, FOLDER, NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  g_array_set_clear_func(all, clear_kept);
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    GStatBuf info;
    Kept kept = {.path = g_build_filename(path, name, NULL)};
    if (g_lstat(kept.path, &info) == 0 && S_ISREG(info.st_mode)) {
      kept.bytes = info.st_size;
      kept.used = info.st_mtime;
      g_array_append_val(all, kept);
    } else {
      clear_kept(&kept);
    }
  }
  return all;
}

void
nn_feature_cache_trim(const char *folder, int64_t most_bytes)
{
  g_autoptr(GArray) all = list_kept(folder);
  int64_t sum = 0;
  g_array_sort(all, compare_kept);
  for (guint i = 0; i < all->len; i++) {
    const Kept *kept = &g_array_index(all, Kept, i);
    sum += kept->bytes;
    if (sum > most_bytes)
      g_remove(kept->path);
  }
}
