/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables are compiled in (weights.gresource.xml). Remembered digests: digests.ini in the
 * user's cache folder, a group for each file under the digest of its path, since paths may contain
 * what groups may not. */
#include "weights/catalogue.h"

#include <glib/gstdio.h>
#include <string.h>

#include "weights/data.h"
#include "weights/file-key.h"

#define EXTENSION ".onnx"
#define BLOCK (1 << 20) /* bytes read and digested at a time */
#define COLUMNS 5

struct SomCatalogue {
  GPtrArray *entries;
  GKeyFile *facts;
};

/* ---- the tables ---- */

static void
free_entry(gpointer data)
{
  SomCatalogueEntry *entry = data;
  g_free(entry->name);
  g_free(entry->sha256);
  g_free(entry->kind);
  g_free(entry->path);
  g_free(entry);
}

static void
read_entries(SomCatalogue *catalogue, const char *files)
{
  g_auto(GStrv) lines = g_strsplit(files, "\n", -1);
  for (int i = 1; lines[i] != NULL && *lines[i] != '\0'; i++) { /* the first line has the titles */
    g_auto(GStrv) columns = g_strsplit(lines[i], "\t", -1);
    g_return_if_fail(g_strv_length(columns) == COLUMNS);
    SomCatalogueEntry *entry = g_new0(SomCatalogueEntry, 1);
    *entry = (SomCatalogueEntry){
        .name = g_strdup(columns[0]),
        .bytes = g_ascii_strtoll(columns[1], NULL, 10),
        .sha256 = g_strdup(columns[2]),
        .kind = g_strdup(columns[3]),
        .path = g_strdup(columns[4]),
    };
    g_ptr_array_add(catalogue->entries, entry);
  }
}

SomCatalogue *
som_catalogue_new_from(const char *files, const char *kinds)
{
  SomCatalogue *catalogue = g_new0(SomCatalogue, 1);
  catalogue->entries = g_ptr_array_new_with_free_func(free_entry);
  catalogue->facts = g_key_file_new();
  g_key_file_load_from_data(catalogue->facts, kinds, (gsize)-1, G_KEY_FILE_NONE, NULL);
  read_entries(catalogue, files);
  return catalogue;
}

SomCatalogue *
som_catalogue_new(void)
{
  g_autofree char *files = som_data_text("catalogue.tsv"), *kinds = som_data_text("catalogue.ini");
  return som_catalogue_new_from(files, kinds);
}

void
som_catalogue_free(SomCatalogue *catalogue)
{
  if (catalogue == NULL)
    return;
  g_ptr_array_unref(catalogue->entries);
  g_key_file_unref(catalogue->facts);
  g_free(catalogue);
}

const SomCatalogueEntry *
som_catalogue_at(const SomCatalogue *catalogue, guint index)
{
  return index < catalogue->entries->len ? catalogue->entries->pdata[index] : NULL;
}

GKeyFile *
som_catalogue_facts(const SomCatalogue *catalogue)
{
  return catalogue->facts;
}

/* ---- remembered digests ---- */

/* Stamp: what a digest is remembered by. */
typedef struct {
  NnFileKey key;
  char *group;
} Stamp;

static void
clear_stamp(Stamp *stamp)
{
  som_file_key_clear(&stamp->key);
  g_free(stamp->group);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stamp, clear_stamp)

static bool
take_stamp(const char *path, Stamp *stamp, GError **error)
{
  if (!som_file_key_take(path, &stamp->key, error))
    return false;
  stamp->group = g_compute_checksum_for_string(G_CHECKSUM_SHA256, stamp->key.path, -1);
  return true;
}

static char *
memory_path(void)
{
  return g_build_filename(g_get_user_cache_dir(), "somnium", "digests.ini", NULL);
}

static GKeyFile *
load_memory(void)
{
  g_autofree char *path = memory_path();
  GKeyFile *memory = g_key_file_new();
  g_key_file_load_from_file(memory, path, G_KEY_FILE_NONE, NULL);
  return memory;
}

/* (transfer full) (nullable) */
static char *
recall(const Stamp *stamp)
{
  g_autoptr(GKeyFile) memory = load_memory();
  if (g_key_file_get_int64(memory, stamp->group, "bytes", NULL) != stamp->key.bytes ||
      g_key_file_get_int64(memory, stamp->group, "time-us", NULL) != stamp->key.modified_us)
    return NULL;
  return g_key_file_get_string(memory, stamp->group, "sha256", NULL);
}

/* what belongs to files that are gone */
static void
forget_gone(GKeyFile *memory)
{
  g_auto(GStrv) groups = g_key_file_get_groups(memory, NULL);
  for (int i = 0; groups[i] != NULL; i++) {
    g_autofree char *uri = g_key_file_get_string(memory, groups[i], "file", NULL);
    g_autofree char *path = uri != NULL ? g_filename_from_uri(uri, NULL, NULL) : NULL;
    if (path == NULL || !g_file_test(path, G_FILE_TEST_EXISTS))
      g_key_file_remove_group(memory, groups[i], NULL);
  }
}

/* a digest that cannot be remembered is only taken again */
static void
remember(const Stamp *stamp, const char *sha256)
{
  g_autofree char *path = memory_path(), *folder = g_path_get_dirname(path);
  g_autofree char *uri = g_filename_to_uri(stamp->key.path, NULL, NULL);
  g_autoptr(GKeyFile) memory = load_memory();
  if (uri == NULL || g_mkdir_with_parents(folder, 0700) != 0)
    return;
  g_key_file_set_string(memory, stamp->group, "file", uri);
  g_key_file_set_int64(memory, stamp->group, "bytes", stamp->key.bytes);
  g_key_file_set_int64(memory, stamp->group, "time-us", stamp->key.modified_us);
  g_key_file_set_string(memory, stamp->group, "sha256", sha256);
  forget_gone(memory);
  g_key_file_save_to_file(memory, path, NULL);
}

/* ---- finding ---- */

static bool
is_called(const SomCatalogueEntry *entry, const char *path)
{
  g_autofree char *base = g_path_get_basename(path);
  size_t length = strlen(entry->name);
  return strncmp(base, entry->name, length) == 0 && strcmp(base + length, EXTENSION) == 0;
}

static const SomCatalogueEntry *
find_by_size(const SomCatalogue *catalogue, const char *path, gint64 bytes)
{
  const SomCatalogueEntry *found = NULL;
  for (guint i = 0; i < catalogue->entries->len; i++) {
    const SomCatalogueEntry *entry = catalogue->entries->pdata[i];
    if (entry->bytes == bytes && (found == NULL || is_called(entry, path)))
      found = entry;
  }
  return found;
}

/* several versions of a network can be the same file; the one called like it is preferred */
static const SomCatalogueEntry *
find_by_digest(const SomCatalogue *catalogue, const char *path, gint64 bytes, const char *sha256)
{
  const SomCatalogueEntry *found = NULL;
  for (guint i = 0; i < catalogue->entries->len; i++) {
    const SomCatalogueEntry *entry = catalogue->entries->pdata[i];
    if (entry->bytes == bytes && strcmp(entry->sha256, sha256) == 0 &&
        (found == NULL || is_called(entry, path)))
      found = entry;
  }
  return found;
}

static SomMatch
find(const SomCatalogue *catalogue, const Stamp *stamp, const SomCatalogueEntry **entry)
{
  *entry = find_by_size(catalogue, stamp->key.path, stamp->key.bytes);
  if (*entry == NULL)
    return SOM_MATCH_NONE;
  g_autofree char *sha256 = recall(stamp);
  if (sha256 == NULL)
    return SOM_MATCH_SIZE;
  *entry = find_by_digest(catalogue, stamp->key.path, stamp->key.bytes, sha256);
  return *entry != NULL ? SOM_MATCH_DIGEST : SOM_MATCH_NONE;
}

SomMatch
som_catalogue_find(const SomCatalogue *catalogue, const char *path, const SomCatalogueEntry **entry)
{
  g_auto(Stamp) stamp = {0};
  *entry = NULL;
  return take_stamp(path, &stamp, NULL) ? find(catalogue, &stamp, entry) : SOM_MATCH_NONE;
}

/* ---- taking digests ---- */

static char *
digest(const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr(GFile) file = g_file_new_for_path(path);
  g_autoptr(GFileInputStream) stream = g_file_read(file, cancellable, error);
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autofree guchar *block = g_malloc(BLOCK);
  gssize length = stream != NULL ? 1 : -1;
  while (length > 0) {
    length = g_input_stream_read(G_INPUT_STREAM(stream), block, BLOCK, cancellable, error);
    if (length > 0)
      g_checksum_update(checksum, block, length);
  }
  return length == 0 ? g_strdup(g_checksum_get_string(checksum)) : NULL;
}

bool
som_catalogue_check(const SomCatalogue *catalogue, const char *path, GCancellable *cancellable,
                    SomMatch *match, const SomCatalogueEntry **entry, GError **error)
{
  g_auto(Stamp) stamp = {0};
  *match = SOM_MATCH_NONE;
  *entry = NULL;
  if (!take_stamp(path, &stamp, error))
    return false;
  *match = find(catalogue, &stamp, entry);
  if (*match != SOM_MATCH_SIZE)
    return true;
  g_autofree char *sha256 = digest(path, cancellable, error);
  if (sha256 == NULL)
    return false;
  remember(&stamp, sha256);
  *entry = find_by_digest(catalogue, path, stamp.key.bytes, sha256);
  *match = *entry != NULL ? SOM_MATCH_DIGEST : SOM_MATCH_NONE;
  return true;
}

/* one at a time: digests are for later, and the run that was asked for wants the processors */
static gint at_work;

static gpointer
check_on_thread(gpointer data)
{
  g_autofree char *path = data;
  g_autoptr(SomCatalogue) catalogue = som_catalogue_new();
  const SomCatalogueEntry *entry;
  SomMatch match;
  som_catalogue_check(catalogue, path, NULL, &match, &entry, NULL);
  g_atomic_int_set(&at_work, 0);
  return NULL;
}

void
som_catalogue_check_later(const char *path)
{
  if (!g_atomic_int_compare_and_exchange(&at_work, 0, 1))
    return;
  char *copy = g_strdup(path);
  GThread *thread = g_thread_try_new("somnium-digest", check_on_thread, copy, NULL);
  if (thread != NULL) {
    g_thread_unref(thread);
    return;
  }
  g_free(copy);
  g_atomic_int_set(&at_work, 0);
}
