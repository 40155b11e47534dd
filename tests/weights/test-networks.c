/* SPDX-License-Identifier: GPL-3.0-or-later */
/* weights/: finding networks by name, and what is known of them. */
#include <glib/gstdio.h>
#include <string.h>

#include "nncore/base/error.h"
#include "weights/networks.h"
#include "weights/npy.h"

typedef struct {
  char *folder;
  char *bundled; /* folder of the bundled networks */
} Fixture;

static char *
small_file(void)
{
  return g_build_filename(g_getenv("SOMNIUM_SOURCE_DIR"), "tests", "networks", "somnium-base.onnx",
                          NULL);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp("somnium-XXXXXX", NULL);
  fixture->bundled = g_build_filename(g_getenv("SOMNIUM_SOURCE_DIR"), "weights", "networks", NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
  g_autoptr(GDir) dir = g_dir_open(fixture->folder, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
    g_unlink(path);
  }
  g_rmdir(fixture->folder);
  g_free(fixture->folder);
  g_free(fixture->bundled);
}

/* copies the small network, whose metadata then counts less than what is beside it */
static void
copy_network(const Fixture *fixture, const char *name)
{
  g_autofree char *from = small_file(), *bytes = NULL;
  g_autofree char *to = g_build_filename(fixture->folder, name, NULL);
  gsize length;
  g_assert_true(g_file_get_contents(from, &bytes, &length, NULL));
  g_assert_true(g_file_set_contents(to, bytes, (gssize)length, NULL));
}

static void
write_beside(const Fixture *fixture, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static SomNetworks *
open_both(const Fixture *fixture)
{
  const char *const folders[] = {"/nonexistent", fixture->bundled, fixture->folder, NULL};
  return som_networks_new(folders);
}

/* without the bundle, but with its usual network's name */
static SomNetworks *
open_own(const Fixture *fixture)
{
  const char *const folders[] = {"/nonexistent", fixture->folder, NULL};
  copy_network(fixture, "somnium-vgg12.onnx");
  return som_networks_new(folders);
}

static void
test_bundled(Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(SomNetworks) networks = open_both(fixture);
  g_autoptr(NnNetwork) network = som_networks_open(networks, "", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(network->name, ==, "somnium-vgg12");
  g_assert_cmpint(network->role, ==, NN_ROLE_CLASSIFIER);
  g_assert_false(network->input.bgr);
  g_assert_cmpfloat(network->input.range, ==, 1);
  g_assert_cmpfloat(network->input.mean[1], ==, 0.45f);
  g_assert_cmpfloat(network->input.deviation[2], ==, 0.25f);
  g_assert_cmpuint(g_strv_length(network->labels), ==, 202);
  g_assert_cmpstr(network->labels[201], ==, "acorn");
  g_assert_nonnull(g_hash_table_lookup(network->presets, "dream"));
  g_assert_cmpstr(network->licence, ==, "CC0-1.0");
  g_assert_null(network->guessed);
}

/* of every bundled network all is known */
static void
test_bundle(Fixture *fixture, gconstpointer data)
{
  const char *const folders[] = {fixture->bundled, NULL};
  g_autoptr(SomNetworks) networks = som_networks_new(folders);
  g_auto(GStrv) names = som_networks_names(networks);
  gint64 bytes = 0;
  int painters = 0;
  for (int i = 0; names[i] != NULL; i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NnNetwork) network = som_networks_open(networks, names[i], &error);
    g_assert_no_error(error);
    g_assert_null(network->guessed);
    g_assert_cmpstr(network->title, !=, names[i]);
    g_assert_cmpstr(network->licence, ==, "CC0-1.0");
    painters += network->role == NN_ROLE_FEED_FORWARD;
    g_autofree char *file = g_strconcat(names[i], ".onnx", NULL);
    g_autofree char *path = g_build_filename(fixture->bundled, file, NULL);
    GStatBuf info;
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    if (network->role == NN_ROLE_FEED_FORWARD)
      g_assert_cmpint(info.st_size, <, 2000000);
    bytes += info.st_size;
  }
  g_assert_cmpstr(names[0], ==, "somnium-vgg12");
  g_assert_cmpint(painters, >=, 4);
  g_assert_cmpint(bytes, <=, 24000000);
}

static void
test_names(Fixture *fixture, gconstpointer data)
{
  copy_network(fixture, "another.onnx");
  write_beside(fixture, "notes.txt", "no network");
  write_beside(fixture, ".onnx", "no name");
  g_autoptr(SomNetworks) networks = open_own(fixture);
  g_auto(GStrv) names = som_networks_names(networks);
  g_assert_cmpuint(g_strv_length(names), ==, 2);
  g_assert_cmpstr(names[0], ==, "somnium-vgg12");
  g_assert_cmpstr(names[1], ==, "another");
}

/* networks that make pictures are picked, and the first of them is their default */
static void
test_pick(Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  static const NnParam any = {.kind = NN_PARAM_NETWORK};
  static const NnParam painter = {.kind = NN_PARAM_NETWORK, .feed_forward = true};
  copy_network(fixture, "another.onnx");
  g_autoptr(SomNetworks) without = open_own(fixture);
  g_autofree char *usual = som_networks_default(without, &any, &error);
  g_assert_cmpstr(usual, ==, "somnium-vgg12");
  g_assert_null(som_networks_default(without, &painter, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, fixture->folder));
  copy_network(fixture, "painter.onnx");
  write_beside(fixture, "painter.ini", "[network]\nrole=feed-forward\n");
  write_beside(fixture, "broken.onnx", "no network");
  g_autoptr(SomNetworks) networks = open_own(fixture);
  g_auto(GStrv) all = som_networks_pick(networks, &any);
  g_auto(GStrv) painters = som_networks_pick(networks, &painter);
  g_assert_cmpuint(g_strv_length(all), ==, 4);
  g_assert_cmpuint(g_strv_length(painters), ==, 1);
  g_autofree char *name = som_networks_default(networks, &painter, NULL);
  g_assert_cmpstr(name, ==, "painter");
}

/* for styles there is one of its own, which comes first; where it is missing, the usual one does */
static void
test_style(Fixture *fixture, gconstpointer data)
{
  static const NnParam style = {.kind = NN_PARAM_NETWORK, .use = "style"};
  copy_network(fixture, "another.onnx");
  g_autoptr(SomNetworks) without = open_own(fixture);
  g_autofree char *usual = som_networks_default(without, &style, NULL);
  g_assert_cmpstr(usual, ==, "somnium-vgg12");
  copy_network(fixture, "somnium-features.onnx");
  g_autoptr(SomNetworks) networks = open_own(fixture);
  g_autofree char *name = som_networks_default(networks, &style, NULL);
  g_assert_cmpstr(name, ==, "somnium-features");
  g_auto(GStrv) names = som_networks_pick(networks, &style);
  g_autofree char *list = g_strjoinv(" ", names);
  g_assert_cmpstr(list, ==, "somnium-features somnium-vgg12 another");
}

static void
test_ini(Fixture *fixture, gconstpointer data)
{
  copy_network(fixture, "mine.onnx");
  write_beside(fixture, "mine.ini",
               "[network]\ntitle=Mine\nchannels=BGR\nrange=255\nmean=1 2 3\nstd=4, 5, 6\n"
               "multiple=4\nrole=features\nlayers.dream=relu2_2:0.5\nlabels=a\\nb\n");
  g_autoptr(GError) error = NULL;
  g_autoptr(SomNetworks) networks = open_both(fixture);
  g_autoptr(NnNetwork) network = som_networks_open(networks, "mine", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(network->title, ==, "Mine");
  g_assert_true(network->input.bgr);
  g_assert_cmpfloat(network->input.mean[2], ==, 3);
  g_assert_cmpfloat(network->input.deviation[1], ==, 5);
  g_assert_cmpint(network->input.multiple, ==, 4);
  g_assert_cmpint(network->role, ==, NN_ROLE_FEATURES);
  g_assert_cmpuint(g_strv_length(network->labels), ==, 2);
  g_assert_cmpstr(g_hash_table_lookup(network->presets, "dream"), ==, "relu2_2:0.5");
  g_assert_cmpstr(network->licence, ==, "CC0-1.0"); /* what the ini leaves open is the file's */
}

/* a file that says nothing: the guess works, and says that it is one */
static void
test_guess(Fixture *fixture, gconstpointer data)
{
  g_autofree char *from = small_file(), *bytes = NULL;
  g_autofree char *to = g_build_filename(fixture->folder, "silent.onnx", NULL);
  gsize length;
  g_assert_true(g_file_get_contents(from, &bytes, &length, NULL));
  for (gsize i = 0; i + 8 < length; i++) /* no property is called somnium any more */
    if (memcmp(bytes + i, "somnium.", 8) == 0)
      bytes[i] = 'x';
  g_assert_true(g_file_set_contents(to, bytes, (gssize)length, NULL));
  g_autoptr(GError) error = NULL;
  g_autoptr(NnNetwork) network = som_network_open_file(to, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(network->title, ==, "VGG");
  g_assert_cmpstr(g_hash_table_lookup(network->presets, "dream"), ==, "relu4_2");
  g_assert_cmpstr(g_hash_table_lookup(network->presets, "class"), ==, "logits");
  g_assert_cmpint(network->role, ==, NN_ROLE_CLASSIFIER);
  g_assert_null(network->labels); /* 202 classes could be any */
  g_assert_cmpfloat(network->input.mean[0], ==, 0.485f);
  static const char *const told[] = {"VGG", "202", "RGB"};
  for (size_t i = 0; i < G_N_ELEMENTS(told); i++)
    g_assert_nonnull(strstr(network->guessed, told[i]));
}

/* people may say a part of it, and name a list of classes instead of writing it down */
static void
test_partial_ini(Fixture *fixture, gconstpointer data)
{
  copy_network(fixture, "mine.onnx");
  write_beside(fixture, "mine.ini", "[network]\nlabels=imagenet-1000\nmultiple=32\n");
  g_autoptr(GError) error = NULL;
  g_autoptr(SomNetworks) networks = open_both(fixture);
  g_autoptr(NnNetwork) network = som_networks_open(networks, "mine", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(g_strv_length(network->labels), ==, 1000);
  g_assert_cmpint(network->input.multiple, ==, 32);
  g_assert_cmpfloat(network->input.mean[0], ==, 0.45f);
  g_assert_null(network->guessed);
}

typedef struct {
  const char *name, *title;
  NnRole role;
  bool bgr;
  float range, mean; /* of red or, if @bgr, blue */
  int multiple;
  guint labels;
  const char *layer; /* one that it has */
} Real;

/* networks that others made, of which nothing is said */
static void
test_real(Fixture *fixture, gconstpointer data)
{
  static const Real reals[] = {
      {"fast-style-candy", "fast-style-candy", NN_ROLE_FEED_FORWARD, false, 255, 0, 4, 0, "relu1"},
      {"fast-style-mosaic", "fast-style-mosaic", NN_ROLE_FEED_FORWARD, false, 255, 0, 4, 0, "res3"},
      {"tiny-darknet", "Tiny Darknet", NN_ROLE_CLASSIFIER, false, 1, 0, 1, 1000, "leaky7"},
      {"vgg19-relu3_4", "VGG", NN_ROLE_FEATURES, true, 255, 103.939f, 1, 0, "features.16"},
  };
  g_autofree char *folder =
      g_build_filename(g_getenv("SOMNIUM_SOURCE_DIR"), "..", "shared", "networks", NULL);
  if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
    g_test_skip("../shared/networks is not there");
    return;
  }
  g_autoptr(SomNetworks) networks = som_networks_new((const char *const[]){folder, NULL});
  for (size_t i = 0; i < G_N_ELEMENTS(reals); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NnNetwork) network = som_networks_open(networks, reals[i].name, &error);
    g_assert_no_error(error);
    g_test_message("%s: %s", network->title, network->guessed);
    g_assert_cmpstr(network->title, ==, reals[i].title);
    g_assert_cmpint(network->role, ==, reals[i].role);
    g_assert_cmpint(network->input.bgr, ==, reals[i].bgr);
    g_assert_cmpfloat(network->input.range, ==, reals[i].range);
    g_assert_cmpfloat(network->input.mean[0], ==, reals[i].mean);
    g_assert_cmpint(network->input.multiple, ==, reals[i].multiple);
    g_assert_cmpuint(network->labels != NULL ? g_strv_length(network->labels) : 0, ==,
                     reals[i].labels);
    g_assert_nonnull(nn_network_resolve_layer(network, reals[i].layer, NULL));
    g_assert_nonnull(g_hash_table_lookup(network->presets, "dream"));
  }
}

static void
test_bad_ini(Fixture *fixture, gconstpointer data)
{
  copy_network(fixture, "mine.onnx");
  write_beside(fixture, "mine.ini", "this is no ini");
  g_autoptr(GError) error = NULL;
  g_autoptr(SomNetworks) networks = open_both(fixture);
  g_assert_null(som_networks_open(networks, "mine", &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MALFORMED);
  g_assert_nonnull(strstr(error->message, "mine.ini"));
}

static void
test_unknown(Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(SomNetworks) networks = open_both(fixture);
  g_assert_null(som_networks_open(networks, "no-such-network", &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "no-such-network"));
  g_assert_nonnull(strstr(error->message, "somnium-vgg12"));
  g_assert_nonnull(strstr(error->message, fixture->folder));
  g_clear_error(&error);
  g_assert_null(som_networks_open(networks, "/nonexistent/x.onnx", &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_READ);
}

static void
test_by_path(Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = small_file();
  const char *const nowhere[] = {NULL};
  g_autoptr(GError) error = NULL;
  g_autoptr(SomNetworks) networks = som_networks_new(nowhere);
  g_autoptr(NnNetwork) network = som_networks_open(networks, path, &error);
  g_assert_no_error(error);
  g_assert_nonnull(network);
}

static void
test_npy(Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename(fixture->folder, "x.npy", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnTensor) tensor = nn_tensor_new(NN_DTYPE_FLOAT, &NN_SHAPE(1, 2, 3, 5), NULL);
  for (int i = 0; i < 30; i++)
    tensor->f[i] = (float)i / 7;
  g_assert_true(som_npy_save(path, tensor, &error));
  g_autoptr(NnTensor) back = som_npy_load(path, &error);
  g_assert_no_error(error);
  g_assert_true(nn_shape_equal(&back->shape, &tensor->shape));
  g_assert_cmpmem(back->f, nn_tensor_bytes(back), tensor->f, nn_tensor_bytes(tensor));
  g_autofree char *bytes = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
  for (gsize part = 0; part < length; part += 3) {
    g_assert_true(g_file_set_contents(path, bytes, (gssize)part, NULL));
    g_assert_null(som_npy_load(path, &error));
    g_assert_error(error, NN_ERROR, NN_ERROR_MALFORMED);
    g_clear_error(&error);
  }
}

#define ADD(name, function) g_test_add(name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  ADD("/weights/bundled", test_bundled);
  ADD("/weights/bundle", test_bundle);
  ADD("/weights/names", test_names);
  ADD("/weights/pick", test_pick);
  ADD("/weights/style", test_style);
  ADD("/weights/ini", test_ini);
  ADD("/weights/guess", test_guess);
  ADD("/weights/partial-ini", test_partial_ini);
  ADD("/weights/real", test_real);
  ADD("/weights/bad-ini", test_bad_ini);
  ADD("/weights/unknown", test_unknown);
  ADD("/weights/by-path", test_by_path);
  ADD("/weights/npy", test_npy);
  return g_test_run();
}
