/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalogue: its tables, finding by size and by digest, and what a network that is in it gets
 * from it. */
#include <glib/gstdio.h>
#include <string.h>
#include <utime.h>

#include "tests/weights/sketch.h"
#include "weights/catalogue.h"
#include "weights/data.h"
#include "weights/networks.h"

#define ENTRY "squeezenet1.1-7" /* the file that the tests pretend to have */

typedef struct {
  char *folder, *path;
} Fixture;

static char *
memory_path(void)
{
  return g_build_filename(g_get_user_cache_dir(), "somnium", "digests.ini", NULL);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp("somnium-XXXXXX", NULL);
  fixture->path = g_build_filename(fixture->folder, "mine.onnx", NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
  g_autofree char *memory = memory_path();
  g_autofree char *ini = g_build_filename(fixture->folder, "mine.ini", NULL);
  g_unlink(memory);
  g_unlink(ini);
  g_unlink(fixture->path);
  g_rmdir(fixture->folder);
  g_free(fixture->folder);
  g_free(fixture->path);
}

static const SomCatalogueEntry *
find_entry(const SomCatalogue *catalogue, const char *name)
{
  const SomCatalogueEntry *entry;
  for (guint i = 0; (entry = som_catalogue_at(catalogue, i)) != NULL; i++)
    if (strcmp(entry->name, name) == 0)
      return entry;
  return NULL;
}

/* ---- the tables ---- */

static void
check_kind(GKeyFile *facts, const char *kind)
{
  static const char *const keys[] = {"title", "role", "channels", "range",
                                     "mean",  "std",  "licence"};
  for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
    g_autofree char *value = g_key_file_get_string(facts, kind, keys[i], NULL);
    g_assert_nonnull(value);
  }
  g_autofree char *role = g_key_file_get_string(facts, kind, "role", NULL);
  g_autofree char *list = g_key_file_get_string(facts, kind, "labels", NULL);
  g_auto(GStrv) labels = list != NULL ? som_data_labels(list) : NULL;
  g_assert_true((labels != NULL) == (strcmp(role, "classifier") == 0));
}

static void
test_tables(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SomCatalogue) catalogue = som_catalogue_new();
  GKeyFile *facts = som_catalogue_facts(catalogue);
  g_auto(GStrv) kinds = g_key_file_get_groups(facts, NULL);
  const SomCatalogueEntry *entry;
  guint n = 0;
  for (; (entry = som_catalogue_at(catalogue, n)) != NULL; n++) {
    g_assert_cmpint(entry->bytes, >, 1 << 20);
    g_assert_cmpuint(strspn(entry->sha256, "0123456789abcdef"), ==, 64);
    g_assert_cmpuint(strlen(entry->sha256), ==, 64);
    g_assert_true(g_strv_contains((const char *const *)kinds, entry->kind));
    for (guint k = 0; k < n; k++) /* else a size would not tell what a file is */
      if (som_catalogue_at(catalogue, k)->bytes == entry->bytes)
        g_assert_cmpstr(som_catalogue_at(catalogue, k)->kind, ==, entry->kind);
  }
  g_assert_cmpuint(n, ==, 95);
  for (int i = 0; kinds[i] != NULL; i++)
    check_kind(facts, kinds[i]);
}

/* names, sizes, digests and paths are those of the facts that the project was given */
static void
test_facts(Fixture *fixture, gconstpointer data)
{
  g_autofree char *path =
      g_build_filename(g_getenv("SOMNIUM_SOURCE_DIR"), "..", "shared", "data", "zoo.tsv", NULL);
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL)) {
    g_test_skip("../shared/data/zoo.tsv is not there");
    return;
  }
  g_autoptr(SomCatalogue) catalogue = som_catalogue_new();
  g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
  g_assert_null(som_catalogue_at(catalogue, g_strv_length(lines) - 1));
  for (guint i = 1; lines[i] != NULL; i++) {
    const SomCatalogueEntry *entry = som_catalogue_at(catalogue, i - 1);
    g_autofree char *line = g_strdup_printf("%s\t%" G_GINT64_FORMAT "\t%s\t%s", entry->name,
                                            entry->bytes, entry->sha256, entry->path);
    g_assert_cmpstr(line, ==, lines[i]);
  }
}

static void
test_labels(Fixture *fixture, gconstpointer data)
{
  g_auto(GStrv) labels = som_data_labels("imagenet-1000");
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  g_assert_cmpuint(g_strv_length(labels), ==, 1000);
  for (int i = 0; labels[i] != NULL; i++)
    g_assert_true(g_hash_table_add(seen, labels[i])); /* one could not choose between twins */
  /* by synset: n01440764, n01443537, n02123045, n03496892, n15075141 */
  g_assert_cmpstr(labels[0], ==, "tench");
  g_assert_cmpstr(labels[1], ==, "goldfish");
  g_assert_cmpstr(labels[281], ==, "tabby");
  g_assert_cmpstr(labels[595], ==, "harvester");
  g_assert_cmpstr(labels[999], ==, "toilet tissue");
  g_assert_null(som_data_labels("no-such-list"));
}

/* ---- finding ---- */

/* a catalogue of two files that have the same size and another kind of a third */
static SomCatalogue *
small_catalogue(const char *sha256)
{
  g_autofree char *files = g_strdup_printf("name\tbytes\tsha256\tkind\tpath\n"
                                           "first\t5\t%064d\tone\ta/first.onnx\n"
                                           "mine\t5\t%s\tone\ta/mine.onnx\n"
                                           "other\t6\t%064d\ttwo\ta/other.onnx\n",
                                           1, sha256, 2);
  return som_catalogue_new_from(files, "[one]\ntitle=One\n[two]\ntitle=Two\n");
}

static void
assert_found(const SomCatalogue *catalogue, const char *path, SomMatch match, const char *name)
{
  const SomCatalogueEntry *entry;
  g_assert_cmpint(som_catalogue_find(catalogue, path, &entry), ==, match);
  g_assert_cmpstr(entry != NULL ? entry->name : NULL, ==, name);
}

static void
check(const SomCatalogue *catalogue, const char *path, SomMatch expected)
{
  g_autoptr(GError) error = NULL;
  const SomCatalogueEntry *entry;
  SomMatch match;
  g_assert_true(som_catalogue_check(catalogue, path, NULL, &match, &entry, &error));
  g_assert_no_error(error);
  g_assert_cmpint(match, ==, expected);
  g_assert_true((entry != NULL) == (expected != SOM_MATCH_NONE));
}

static void
test_digest(Fixture *fixture, gconstpointer data)
{
  g_autofree char *sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "hello", -1);
  g_autoptr(SomCatalogue) catalogue = small_catalogue(sha256);
  assert_found(catalogue, fixture->path, SOM_MATCH_NONE, NULL); /* no such file */
  g_assert_true(g_file_set_contents(fixture->path, "hello", 5, NULL));
  assert_found(catalogue, fixture->path, SOM_MATCH_SIZE, "mine"); /* called like it */
  check(catalogue, fixture->path, SOM_MATCH_DIGEST);
  assert_found(catalogue, fixture->path, SOM_MATCH_DIGEST, "mine"); /* remembered */
  g_assert_true(g_file_set_contents(fixture->path, "hell!", 5, NULL));
  struct utimbuf earlier = {1, 1};
  g_assert_cmpint(g_utime(fixture->path, &earlier), ==, 0);
  assert_found(catalogue, fixture->path, SOM_MATCH_SIZE, "mine"); /* another time */
  check(catalogue, fixture->path, SOM_MATCH_NONE);
  assert_found(catalogue, fixture->path, SOM_MATCH_NONE, NULL);
  g_assert_true(g_file_set_contents(fixture->path, "hello, world", -1, NULL));
  assert_found(catalogue, fixture->path, SOM_MATCH_NONE, NULL); /* another size */
  check(catalogue, fixture->path, SOM_MATCH_NONE);
}

static void
test_unreadable(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SomCatalogue) catalogue = small_catalogue("0");
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  const SomCatalogueEntry *entry;
  SomMatch match;
  g_assert_false(som_catalogue_check(catalogue, fixture->path, NULL, &match, &entry, &error));
  g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_assert_true(g_file_set_contents(fixture->path, "hello", 5, NULL));
  g_cancellable_cancel(cancellable);
  g_assert_false(
      som_catalogue_check(catalogue, fixture->path, cancellable, &match, &entry, &error));
  g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* a cache that was written by somebody else: nothing is believed, nothing breaks */
static void
test_broken_memory(Fixture *fixture, gconstpointer data)
{
  g_autofree char *memory = memory_path(), *folder = g_path_get_dirname(memory);
  g_autofree char *sha256 = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "hello", -1);
  g_autoptr(SomCatalogue) catalogue = small_catalogue(sha256);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
  g_assert_true(g_file_set_contents(memory, "[gone]\nfile=file:///gone\n[\xff", -1, NULL));
  g_assert_true(g_file_set_contents(fixture->path, "hello", 5, NULL));
  assert_found(catalogue, fixture->path, SOM_MATCH_SIZE, "mine");
  check(catalogue, fixture->path, SOM_MATCH_DIGEST);
  assert_found(catalogue, fixture->path, SOM_MATCH_DIGEST, "mine");
}

/* ---- networks that are in it ---- */

/* a network of an unknown kind that has the size of ENTRY: the rest is a field that readers of
 * protobuf pass over */
static void
write_network(const Fixture *fixture, gint64 bytes)
{
  Sketch *sketch = sketch_new(224);
  const char *x = sketch_unit(sketch, sketch_unit(sketch, "x", 8, 5, 2), 8, 5, 2);
  g_autoptr(GBytes) network = sketch_finish(sketch, x);
  g_autoptr(GByteArray) file = g_byte_array_new();
  g_byte_array_append(file, g_bytes_get_data(network, NULL), (guint)g_bytes_get_size(network));
  gint64 rest = bytes - file->len - 2 - 4; /* key, length */
  const guint8 head[] = {0xa2,
                         0x06,
                         (guint8)(rest & 127) | 128,
                         (guint8)(rest >> 7 & 127) | 128,
                         (guint8)(rest >> 14 & 127) | 128,
                         (guint8)(rest >> 21 & 127)};
  g_byte_array_append(file, head, sizeof head);
  g_byte_array_set_size(file, (guint)bytes);
  memset(file->data + bytes - rest, 0, (size_t)rest);
  g_assert_true(g_file_set_contents(fixture->path, (char *)file->data, (gssize)file->len, NULL));
}

/* as som_catalogue_check() would after it had seen the true file */
static void
remember(const Fixture *fixture, const char *sha256)
{
  g_autofree char *memory = memory_path(), *folder = g_path_get_dirname(memory);
  g_autofree char *group = g_compute_checksum_for_string(G_CHECKSUM_SHA256, fixture->path, -1);
  g_autofree char *uri = g_filename_to_uri(fixture->path, NULL, NULL);
  g_autoptr(GKeyFile) file = g_key_file_new();
  GStatBuf status;
  g_assert_cmpint(g_stat(fixture->path, &status), ==, 0);
  g_key_file_set_string(file, group, "file", uri);
  g_key_file_set_int64(file, group, "bytes", status.st_size);
  g_key_file_set_int64(file, group, "time-us",
                       (gint64)status.st_mtim.tv_sec * G_USEC_PER_SEC +
                           status.st_mtim.tv_nsec / 1000);
  g_key_file_set_string(file, group, "sha256", sha256);
  g_mkdir_with_parents(folder, 0700);
  g_assert_true(g_key_file_save_to_file(file, memory, NULL));
}

static NnNetwork *
open_network(const Fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  NnNetwork *network = som_network_open_file(fixture->path, &error);
  g_assert_no_error(error);
  g_test_message("%s: %s", network->title, network->guessed);
  return network;
}

static void
test_known(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SomCatalogue) catalogue = som_catalogue_new();
  const SomCatalogueEntry *entry = find_entry(catalogue, ENTRY);
  write_network(fixture, entry->bytes);
  remember(fixture, entry->sha256);
  g_autoptr(NnNetwork) network = open_network(fixture);
  g_assert_cmpstr(network->title, ==, "SqueezeNet 1.1 (squeezenet1.1-7)");
  g_assert_cmpint(network->role, ==, NN_ROLE_CLASSIFIER);
  g_assert_cmpuint(g_strv_length(network->labels), ==, 1000);
  g_assert_cmpstr(network->licence, ==, "Apache-2.0");
  g_assert_nonnull(strstr(network->source, entry->path));
  g_assert_null(strstr(network->guessed, "size")); /* only its layers are guessed */
}

/* the size alone: taken at once, told, and known better the next time */
static void
test_likely(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SomCatalogue) catalogue = som_catalogue_new();
  write_network(fixture, find_entry(catalogue, ENTRY)->bytes);
  g_autoptr(SomNetworks) networks = som_networks_new((const char *const[]){NULL});
  g_autoptr(NnNetwork) likely = som_networks_look(networks, fixture->path, NULL);
  g_assert_cmpstr(likely->title, ==, "SqueezeNet 1.1");
  g_assert_cmpint(likely->role, ==, NN_ROLE_CLASSIFIER);
  g_assert_nonnull(strstr(likely->guessed, "SqueezeNet 1.1"));
  g_autoptr(NnNetwork) other = open_network(fixture); /* for a run: certain at once */
  g_assert_cmpstr(other->title, ==, "mine");
  g_assert_cmpint(other->role, ==, NN_ROLE_FEATURES);
  g_assert_null(other->licence);
}

static void
test_ini_wins(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SomCatalogue) catalogue = som_catalogue_new();
  const SomCatalogueEntry *entry = find_entry(catalogue, ENTRY);
  g_autofree char *ini = g_build_filename(fixture->folder, "mine.ini", NULL);
  write_network(fixture, entry->bytes);
  remember(fixture, entry->sha256);
  g_assert_true(
      g_file_set_contents(ini, "[network]\ntitle=Mine\nrange=255\nlabels=a\\nb\n", -1, NULL));
  g_autoptr(NnNetwork) network = open_network(fixture);
  g_assert_cmpstr(network->title, ==, "Mine (squeezenet1.1-7)");
  g_assert_cmpfloat(network->input.range, ==, 255);
  g_assert_cmpfloat(network->input.mean[0], ==, 0.485f);
  g_assert_cmpuint(g_strv_length(network->labels), ==, 2);
}

#define ADD(name, function) g_test_add(name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  ADD("/catalogue/tables", test_tables);
  ADD("/catalogue/facts", test_facts);
  ADD("/catalogue/labels", test_labels);
  ADD("/catalogue/digest", test_digest);
  ADD("/catalogue/unreadable", test_unreadable);
  ADD("/catalogue/broken-memory", test_broken_memory);
  ADD("/catalogue/known", test_known);
  ADD("/catalogue/likely", test_likely);
  ADD("/catalogue/ini-wins", test_ini_wins);
  return g_test_run();
}
