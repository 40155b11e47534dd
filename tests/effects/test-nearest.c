/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nearest images and image maps from end to end on the small network, over a folder that says how
 * often it was read: order and distances against ones taken by hand; broken, transparent and changed
 * pictures; a second run that computes nothing; caches of another network; Stop, Cancel, memory; the
 * layer that is taken; the same to the bit for any number of threads. */
#include <math.h>
#include <string.h>

#include "nncore/effects/picture-map.h"
#include "tests/effects/base-network.h"
#include "tests/effects/cache-folder.h"
#include "tests/effects/fixture.h"
#include "tests/effects/source.h"
#include "tests/unit/onnx-builder.h"

enum { COUNT = 9 };

static NnNetwork *network;

static void
init(Fixture *fixture, TestSource *source, const char *effect, int threads)
{
  fixture_init(fixture, effect, network, threads);
  test_source_init(source, fixture->context, COUNT);
  fixture_argument(fixture, "folder")->source = &source->base;
  fixture_argument(fixture, "working-size")->i = 48;
  if (strcmp(effect, "image-map") == 0) {
    fixture_argument(fixture, "coordinates")->i = 1;
    fixture_argument(fixture, "width")->i = fixture_argument(fixture, "height")->i = 320;
    fixture_argument(fixture, "iterations")->i = 100;
  }
}

static void
clear(Fixture *fixture, TestSource *source)
{
  fixture_clear(fixture);
  test_source_clear(source);
}

/* a map, whose features are kept from run to run */
static void
init_kept(Fixture *fixture, TestSource *source)
{
  init(fixture, source, "image-map", 2);
  fixture->run.cache_folder = cache_folder_new();
  network->file = (NnFileKey){"/nowhere/network.onnx", 1, 2};
}

static void
clear_kept(Fixture *fixture, TestSource *source)
{
  cache_folder_remove((char *)fixture->run.cache_folder);
  network->file = (NnFileKey){NULL};
  clear(fixture, source);
}

static const NnImage *
run_map(Fixture *fixture)
{
  return fixture_run(fixture, NULL, NN_PLACE_NEW_IMAGE);
}

/* the text of the last run */
static const char *
text_of(const Fixture *fixture)
{
  const GArray *results = fixture->run.results;
  const NnResult *last = &g_array_index(results, NnResult, results->len - 1);
  g_assert_cmpint(last->place, ==, NN_PLACE_TEXT);
  return last->label;
}

static bool
says(const Fixture *fixture, const char *part)
{
  return strstr(text_of(fixture), part) != NULL;
}

/* pictures that the network has seen in the last run */
static void
check_computed(const Fixture *fixture, int computed)
{
  g_autofree char *part = g_strdup_printf("Looked at in this run: %d.", computed);
  g_test_message("%s", text_of(fixture));
  g_assert_true(says(fixture, part));
}

/* the lines after @title with a tab in them: numbers and names */
static int
read_lines(const Fixture *fixture, const char *title, int numbers, double values[][2],
           char names[][32])
{
  const char *at = strstr(text_of(fixture), title);
  g_assert_nonnull(at);
  g_auto(GStrv) lines = g_strsplit(at, "\n", -1);
  int count = 0;
  for (int i = 1; lines[i] != NULL && strchr(lines[i], '\t') != NULL; i++, count++) {
    g_auto(GStrv) parts = g_strsplit(lines[i], "\t", -1);
    g_assert_cmpuint(g_strv_length(parts), ==, (guint)numbers + 1);
    for (int k = 0; k < numbers; k++)
      values[count][k] = g_ascii_strtod(parts[k], NULL);
    g_strlcpy(names[count], parts[numbers], 32);
  }
  return count;
}

/* ---- nearest images ---- */

static void
run_nearest(Fixture *fixture, const NnImage *content)
{
  fixture_run(fixture, content, NN_PLACE_NEW_IMAGE);
}

/* distances by hand, of all pictures */
static void
measure_all(Fixture *fixture, const NnImage *query, NnSpace space, double *by_hand)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnPictureFeatures) features = nn_picture_features_new(&fixture->run, &error);
  NnFeatureEntry own, other;
  fixture->run.progress = NULL;
  g_assert_true(nn_picture_features_look(features, query, &own, &error));
  for (int i = 0; i < COUNT; i++) {
    g_autoptr(NnImage) picture = test_source_picture(i);
    for (size_t k = 3; k < nn_image_samples(picture); k += 4)
      picture->data[k] = 1;
    g_assert_true(nn_picture_features_look(features, picture, &other, &error));
    double product = 0, squares[2] = {0}, sum = 0;
    for (int64_t k = 0; k < nn_picture_features_dimensions(features); k++) {
      double a = own.features[k], b = other.features[k];
      product += a * b;
      squares[0] += a * a;
      squares[1] += b * b;
      sum += (a - b) * (a - b);
    }
    by_hand[i] = space == NN_SPACE_COSINE ? 1 - product / sqrt(squares[0] * squares[1]) : sqrt(sum);
  }
}

static void
test_distances(void)
{
  Fixture fixture;
  TestSource source;
  init(&fixture, &source, "nearest-images", 2);
  g_autoptr(NnImage) query = picture_scene(64, 48);
  for (int space = 0; space < 2; space++) {
    double by_hand[COUNT], values[COUNT][2];
    char names[COUNT][32];
    fixture_argument(&fixture, "distance")->i = space;
    fixture_argument(&fixture, "leave-out-same")->i = 0;
    fixture_argument(&fixture, "count")->i = 100;
    run_nearest(&fixture, query);
    measure_all(&fixture, query, (NnSpace)space, by_hand);
    int shown = read_lines(&fixture, "By features:", 1, values, names);
    g_assert_cmpint(shown, ==, COUNT);
    for (int i = 0; i < shown; i++) {
      int number = atoi(names[i] + strlen("picture-"));
      g_assert_cmpfloat_with_epsilon(values[i][0], by_hand[number], 1e-5 * (1 + by_hand[number]));
      g_assert_true(i == 0 || values[i - 1][0] <= values[i][0]);
    }
    g_assert_cmpint(read_lines(&fixture, "By pixels:", 1, values, names), ==, COUNT);
  }
  clear(&fixture, &source);
}

/* a picture of the folder: left out, or the first at next to no distance, in both rows */
static void
test_same(void)
{
  Fixture fixture;
  TestSource source;
  init(&fixture, &source, "nearest-images", 2);
  g_autoptr(NnImage) query = test_source_picture(4);
  double values[COUNT][2];
  char names[COUNT][32];
  fixture_argument(&fixture, "count")->i = 100;
  run_nearest(&fixture, query);
  g_assert_true(says(&fixture, "Left out as the picture itself: 1."));
  g_assert_cmpint(read_lines(&fixture, "By features:", 1, values, names), ==, COUNT - 1);
  for (int i = 0; i < COUNT - 1; i++)
    g_assert_cmpstr(names[i], !=, "picture-04.png");
  fixture_argument(&fixture, "leave-out-same")->i = 0;
  run_nearest(&fixture, query);
  for (int row = 0; row < 2; row++) {
    g_assert_cmpint(
        read_lines(&fixture, row == 0 ? "By features:" : "By pixels:", 1, values, names), ==,
        COUNT);
    g_assert_cmpstr(names[0], ==, "picture-04.png");
    g_assert_cmpfloat(values[0][0], <, 1e-6);
  }
  clear(&fixture, &source);
}

/* a file goes before the layer; of a layer what is selected counts; neither is an error */
static void
test_query(void)
{
  Fixture fixture;
  TestSource source;
  init(&fixture, &source, "nearest-images", 2);
  g_autoptr(NnImage) scene = picture_scene(64, 48), noise = picture_noise(64, 48, 4, 9);
  g_autoptr(NnImage) selection = picture_constant(64, 48, 1, 0);
  for (size_t k = 3; k < nn_image_samples(noise); k += 4)
    noise->data[k] = 1;
  run_nearest(&fixture, scene);
  g_autofree char *of_scene = g_strdup(text_of(&fixture));
  run_nearest(&fixture, noise);
  g_autofree char *of_noise = g_strdup(text_of(&fixture));
  g_assert_cmpstr(of_noise, !=, of_scene);
  for (int y = 8; y < 32; y++)
    for (int x = 16; x < 48; x++)
      selection->data[y * 64 + x] = 1;
  fixture.run.selection = selection;
  run_nearest(&fixture, scene);
  g_assert_cmpstr(text_of(&fixture), !=, of_scene);
  fixture.run.selection = NULL;
  fixture_argument(&fixture, "picture-file")->image = scene;
  run_nearest(&fixture, noise);
  g_assert_cmpstr(text_of(&fixture), ==, of_scene);
  run_nearest(&fixture, NULL);
  g_assert_cmpstr(text_of(&fixture), ==, of_scene);
  fixture_argument(&fixture, "picture-file")->image = NULL;
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "no picture");
  g_autoptr(NnImage) nothing = picture_constant(32, 32, 4, 0);
  fixture_fail(&fixture, nothing, NN_ERROR_ARGUMENT, "transparent");
  clear(&fixture, &source);
}

/* a cell for the picture and one for each neighbour, in two rows */
static void
test_sheet(void)
{
  Fixture fixture;
  TestSource source;
  init(&fixture, &source, "nearest-images", 2);
  g_autoptr(NnImage) query = picture_scene(64, 48);
  fixture_argument(&fixture, "count")->i = 3;
  fixture_argument(&fixture, "cell-size")->i = 32;
  run_nearest(&fixture, query);
  const NnResult *result = &g_array_index(fixture.run.results, NnResult, 0);
  g_assert_cmpuint(result->captions->len, ==, 8);
  g_assert_cmpint(result->image->width, ==, 2 + 4 * 34);
  double values[COUNT][2];
  char names[COUNT][32];
  g_assert_cmpint(read_lines(&fixture, "By features:", 1, values, names), ==, 3);
  g_assert_true(g_str_has_prefix(g_array_index(result->captions, NnCaption, 1).text, names[0]));
  fixture_argument(&fixture, "captions")->i = 0;
  run_nearest(&fixture, query);
  g_assert_null(g_array_index(fixture.run.results, NnResult, 0).captions);
  clear(&fixture, &source);
}

/* the largest sheet that it may become is asked for before any picture is loaded */
static void
test_sheet_memory(void)
{
  Fixture fixture;
  TestSource source;
  init(&fixture, &source, "nearest-images", 2);
  g_autoptr(NnImage) query = picture_scene(64, 48);
  nn_context_set_memory_budget(fixture.context, 64 << 20);
  fixture_argument(&fixture, "cell-size")->i = 2048;
  fixture_fail(&fixture, query, NN_ERROR_MEMORY, "fewer pictures");
  g_assert_cmpint(source.loads, ==, 0);
  fixture_argument(&fixture, "cell-size")->i = 64;
  run_nearest(&fixture, query);
  clear(&fixture, &source);
}

/* the picture whose like is looked for is not one of the folder's */
static void
test_query_is_not_counted(void)
{
  Fixture fixture;
  TestSource source;
  init(&fixture, &source, "nearest-images", 2);
  g_autoptr(NnImage) query = picture_scene(64, 48);
  fixture.run.cache_folder = cache_folder_new();
  network->file = (NnFileKey){"/nowhere/network.onnx", 1, 2};
  run_nearest(&fixture, query);
  check_computed(&fixture, COUNT);
  run_nearest(&fixture, query);
  check_computed(&fixture, 0);
  clear_kept(&fixture, &source);
}

/* ---- what both share ---- */

/* the second run neither loads nor computes anything, and gives the same; what has changed is new */
static void
test_second_run(void)
{
  Fixture fixture;
  TestSource source;
  init_kept(&fixture, &source);
  g_autoptr(NnImage) first = nn_image_copy(run_map(&fixture), NULL);
  check_computed(&fixture, COUNT);
  g_autofree char *text = g_strdup(strchr(text_of(&fixture), '\n'));
  source.loads = 0;
  const NnImage *second = run_map(&fixture);
  check_computed(&fixture, 0);
  g_assert_cmpint(source.loads, ==, 0);
  g_assert_cmpstr(strchr(text_of(&fixture), '\n'), ==, text);
  g_assert_cmpmem(first->data, nn_image_samples(first) * sizeof(float), second->data,
                  nn_image_samples(second) * sizeof(float));
  source.modified_us[3]++;
  run_map(&fixture);
  check_computed(&fixture, 1);
  g_assert_cmpint(source.loads, ==, 1);
  clear_kept(&fixture, &source);
}

/* another network, layer, size or input: none of what is kept counts */
static void
test_other_keys(void)
{
  Fixture fixture;
  TestSource source;
  init_kept(&fixture, &source);
  run_map(&fixture);
  network->file.modified_us++;
  run_map(&fixture);
  check_computed(&fixture, COUNT);
  network->input.mean[1] += 0.01f;
  run_map(&fixture);
  check_computed(&fixture, COUNT);
  network->input.mean[1] -= 0.01f;
  fixture_argument(&fixture, "layer")->text = "relu3_1";
  run_map(&fixture);
  check_computed(&fixture, COUNT);
  g_assert_true(says(&fixture, "relu3_1"));
  fixture_argument(&fixture, "working-size")->i = 40;
  run_map(&fixture);
  check_computed(&fixture, COUNT);
  run_map(&fixture);
  check_computed(&fixture, 0);
  source.in_files = false; /* open images: nothing is kept of them */
  run_map(&fixture);
  run_map(&fixture);
  check_computed(&fixture, COUNT);
  clear_kept(&fixture, &source);
}

/* a file of the right key, but with features of another number, of one picture */
static void
put_wrong_features(const Fixture *fixture, const TestSource *source, int dimensions)
{
  g_autofree char *folder = g_build_filename(fixture->run.cache_folder, "features", NULL);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  g_autofree char *path = g_build_filename(folder, g_dir_read_name(dir), NULL);
  g_autofree char *data = NULL;
  g_autofree float *features = g_new0(float, dimensions);
  static const uint8_t thumbnail[3];
  NnFeatureEntry entry = {.file = test_source_key(&source->base, 2),
                          .width = 1,
                          .height = 1,
                          .thumbnail = thumbnail,
                          .features = features};
  g_assert_true(g_file_get_contents(path, &data, NULL, NULL));
  const char *key = data + 24; /* after the header */
  g_assert_true(nn_feature_cache_save(fixture->run.cache_folder, key, dimensions, &entry, 1,
                                      NN_FEATURE_CACHE_BYTES));
  g_autoptr(NnFeatureCache) cache = nn_feature_cache_load(fixture->run.cache_folder, key);
  g_assert_nonnull(nn_feature_cache_find(cache, &entry.file));
}

/* wherever the picture that is known comes, all are looked at anew */
static void
test_wrong_cache(void)
{
  static const char *const effects[] = {"image-map", "nearest-images"};
  g_autoptr(NnImage) query = picture_scene(64, 48);
  for (int e = 0; e < 2; e++) {
    Fixture fixture;
    TestSource source;
    init(&fixture, &source, effects[e], 2);
    fixture.run.cache_folder = cache_folder_new();
    network->file = (NnFileKey){"/nowhere/network.onnx", 1, 2};
    fixture_run(&fixture, query, NN_PLACE_NEW_IMAGE);
    g_autofree char *text = g_strdup(text_of(&fixture));
    put_wrong_features(&fixture, &source, 3);
    fixture_run(&fixture, query, NN_PLACE_NEW_IMAGE);
    check_computed(&fixture, COUNT);
    g_assert_cmpstr(text_of(&fixture), ==, text);
    fixture_run(&fixture, query, NN_PLACE_NEW_IMAGE);
    check_computed(&fixture, 0);
    clear_kept(&fixture, &source);
  }
}

/* what has as many features as there are values in a picture */
static NnNetwork *
flattening_network_new(void)
{
  g_autoptr(GError) error = NULL;
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_node(&builder, "Relu", "x", "r", NULL);
  onnx_add_node(&builder, "Flatten", "r", "y", NULL);
  onnx_add_output(&builder, "y");
  NnModel *model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  onnx_builder_clear(&builder);
  NnNetwork *made = nn_network_new(model, "flattening");
  made->file = (NnFileKey){g_strdup("/nowhere/flattening.onnx"), 1, 2};
  return made;
}

/* a cache that has as many features as the picture whose like is looked for, and the folder's pictures
 * others: nothing is compared with what it is no part of */
static void
test_other_dimensions(void)
{
  Fixture fixture;
  TestSource source;
  NnNetwork *flattening = flattening_network_new();
  g_autoptr(NnImage) query = picture_scene(48, 36);
  char *folder = cache_folder_new();
  static const char *const effects[] = {"image-map", "nearest-images"};
  for (int e = 0; e < 2; e++) {
    init(&fixture, &source, effects[e], 2);
    source.count = 1;
    fixture.run.cache_folder = folder;
    fixture_argument(&fixture, "network")->network = flattening;
    fixture_argument(&fixture, "layer")->text = "y";
    if (e == 0)
      run_map(&fixture);
    else
      fixture_fail(&fixture, query, NN_ERROR_ARGUMENT, "cannot be compared");
    put_wrong_features(&fixture, &source, 3 * 48 * 36);
    source.count = COUNT;
    clear(&fixture, &source);
  }
  cache_folder_remove(folder);
  nn_network_free(flattening);
}

/* what cannot be used is left out; all of it, an error */
static void
test_left_out(void)
{
  Fixture fixture;
  TestSource source;
  init(&fixture, &source, "image-map", 2);
  double values[COUNT][2];
  char names[COUNT][32];
  source.broken = 2;
  source.transparent = 5;
  run_map(&fixture);
  check_computed(&fixture, COUNT - 2);
  g_assert_true(says(&fixture, "Left out, as the network can make nothing of them: "
                               "picture-05.png."));
  g_assert_cmpint(read_lines(&fixture, "picture-05.png.", 2, values, names), ==, COUNT - 2);
  source.count = 1;
  source.broken = 0;
  fixture_fail(&fixture, NULL, NN_ERROR_READ, "is broken");
  source.count = 0;
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "no pictures");
  source.count = COUNT;
  fixture_argument(&fixture, "folder")->source = NULL;
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "no pictures");
  clear(&fixture, &source);
}

static void
test_layers(void)
{
  Fixture fixture;
  TestSource source;
  g_autoptr(GError) error = NULL;
  init(&fixture, &source, "image-map", 2);
  g_assert_cmpstr(nn_network_features_target(network, &error), ==, "features");
  network->role = NN_ROLE_FEED_FORWARD;
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "does not say what is on a picture");
  fixture_argument(&fixture, "layer")->text = "relu2_1";
  run_map(&fixture);
  network->role = NN_ROLE_FEATURES;
  g_assert_cmpstr(nn_network_features_target(network, &error), ==, "logits");
  network->role = NN_ROLE_CLASSIFIER;
  fixture_argument(&fixture, "layer")->text = "no-such-layer";
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "no-such-layer");
  clear(&fixture, &source);
}

static void
test_memory(void)
{
  Fixture fixture;
  TestSource source;
  init(&fixture, &source, "image-map", 2);
  nn_context_set_memory_budget(fixture.context, 1000);
  fixture_fail(&fixture, NULL, NN_ERROR_MEMORY, "A map of 9 pictures takes");
  nn_context_set_memory_budget(fixture.context, 64 << 20);
  run_map(&fixture);
  fixture_argument(&fixture, "width")->i = fixture_argument(&fixture, "height")->i = 2000;
  fixture_fail(&fixture, NULL, NN_ERROR_MEMORY, "A map of 9 pictures takes"); /* the paper */
  g_assert_cmpint(nn_context_memory_held(fixture.context), ==, 0);
  clear(&fixture, &source);
}

typedef struct {
  NnContext *context;
  int64_t looking, drawing; /* held meanwhile */
} Holding;

static NnVerdict
note_held(const NnReport *report, gpointer data)
{
  Holding *holding = data;
  if (report->fraction < 0.6)
    holding->looking = nn_context_memory_held(holding->context);
  if (report->fraction > 0.96)
    holding->drawing = nn_context_memory_held(holding->context);
  return NN_CONTINUE;
}

/* the network and what is kept of pictures first, then that and the map, without the network */
static void
test_held(void)
{
  Fixture fixture;
  TestSource source;
  g_autoptr(GError) error = NULL;
  init(&fixture, &source, "image-map", 2);
  Holding holding = {.context = fixture.context};
  NnProgress progress = {note_held, &holding};
  fixture_start(&fixture, NULL);
  fixture.run.progress = &progress;
  bool done = nn_effect_run(&fixture.run, &error);
  g_assert_no_error(error);
  g_assert_true(done);
  double papers = 2.0 * 320 * 320 * 3 * sizeof(float), kept = nn_picture_features_bytes(COUNT, 0);
  g_test_message("%.2f MB, %.2f MB", (double)holding.looking / 1e6, (double)holding.drawing / 1e6);
  g_assert_cmpfloat((double)holding.looking, >, 1e6 + kept);
  g_assert_cmpfloat((double)holding.drawing, >=, papers + kept);
  g_assert_cmpfloat((double)holding.drawing, <, papers + kept + 2e5);
  g_assert_cmpint(nn_context_memory_held(fixture.context), ==, 0);
  clear(&fixture, &source);
}

static void
test_threads(void)
{
  Fixture fixture;
  TestSource source;
  g_autofree char *text = NULL;
  for (int threads = 1; threads <= 3; threads++) {
    init(&fixture, &source, "image-map", threads);
    run_map(&fixture);
    if (text == NULL)
      text = g_strdup(text_of(&fixture));
    g_assert_cmpstr(text_of(&fixture), ==, text);
    clear(&fixture, &source);
  }
}

/* wherever it is stopped there is a map, of at least one picture; wherever it is cancelled there is
 * none, and what was computed until then is known the next time */
static void
test_stop(void)
{
  static const char *const effects[] = {"image-map", "nearest-images"};
  g_autoptr(NnImage) query = picture_scene(64, 48);
  for (int e = 0; e < 2; e++) {
    Fixture fixture;
    TestSource source;
    init(&fixture, &source, effects[e], 2);
    fixture.verdict = NN_STOP;
    fixture_run(&fixture, query, NN_PLACE_NEW_IMAGE);
    int reports = fixture.reports;
    g_assert_cmpint(reports, >, COUNT);
    for (fixture.stop_after = 1; fixture.stop_after <= reports; fixture.stop_after += 3)
      fixture_run(&fixture, query, NN_PLACE_NEW_IMAGE);
    fixture.verdict = NN_CANCEL;
    for (fixture.stop_after = 1; fixture.stop_after <= reports; fixture.stop_after += 5)
      fixture_fail(&fixture, query, NN_ERROR_CANCELLED, "Cancelled");
    g_assert_cmpint(nn_context_memory_held(fixture.context), ==, 0);
    clear(&fixture, &source);
  }
}

static NnVerdict
stop_then_cancel(const NnReport *report, gpointer data)
{
  double cancelled_from = *(double *)data;
  return report->fraction < cancelled_from ? NN_STOP : NN_CANCEL;
}

/* Cancel counts while what Stop left is finished */
static void
test_cancel_after_stop(void)
{
  static const char *const effects[] = {"image-map", "nearest-images"};
  static const double last[] = {0.951, 0.92}; /* of laying out and of comparing */
  g_autoptr(NnImage) query = picture_scene(64, 48);
  for (int e = 0; e < 2; e++) {
    Fixture fixture;
    TestSource source;
    g_autoptr(GError) error = NULL;
    init(&fixture, &source, effects[e], 2);
    /* as there is no more than one picture after Stop, all of them are known first */
    fixture.run.cache_folder = cache_folder_new();
    network->file = (NnFileKey){"/nowhere/network.onnx", 1, 2};
    fixture_run(&fixture, query, NN_PLACE_NEW_IMAGE);
    double from = last[e];
    NnProgress progress = {stop_then_cancel, &from};
    fixture_start(&fixture, query);
    fixture.run.progress = &progress;
    g_assert_false(nn_effect_run(&fixture.run, &error));
    g_assert_error(error, NN_ERROR, NN_ERROR_CANCELLED);
    clear_kept(&fixture, &source);
  }
}

static void
test_cancelled_work_is_kept(void)
{
  Fixture fixture;
  TestSource source;
  init_kept(&fixture, &source);
  fixture.verdict = NN_CANCEL;
  fixture.stop_after = 6; /* a report before each picture, and one before the network */
  fixture_fail(&fixture, NULL, NN_ERROR_CANCELLED, "Cancelled");
  fixture.stop_after = 0;
  run_map(&fixture);
  check_computed(&fixture, COUNT - 4);
  clear_kept(&fixture, &source);
}

/* ---- maps ---- */

/* all pictures are on the paper; on a grid no two share a cell, and pictures go on where their
 * neighbours are */
static void
test_layouts(void)
{
  for (int grid = 0; grid < 2; grid++) {
    Fixture fixture;
    TestSource source;
    double values[COUNT][2];
    char names[COUNT][32];
    init(&fixture, &source, "image-map", 2);
    fixture.render = true;
    fixture_argument(&fixture, "layout")->i = grid;
    fixture_argument(&fixture, "picture-size")->i = 64;
    const NnImage *map = run_map(&fixture);
    g_assert_cmpint(map->width, ==, 320);
    g_assert_cmpint(map->channels, ==, 3);
    g_assert_cmpint(read_lines(&fixture, "Pictures:", 2, values, names), ==, COUNT);
    for (int i = 0; i < COUNT; i++)
      for (int k = 0; k < 2; k++) {
        g_assert_cmpfloat(values[i][k], >=, 32 - 1e-6);
        g_assert_cmpfloat(values[i][k], <=, 288 + 1e-6);
        for (int j = 0; grid != 0 && j < i; j++)
          g_assert_cmpfloat(hypot(values[i][0] - values[j][0], values[i][1] - values[j][1]), >,
                            100);
      }
    clear(&fixture, &source);
  }
}

/* features whose distances' squares no float holds */
static void
test_huge(void)
{
  Fixture fixture;
  TestSource source;
  double values[COUNT][2];
  char names[COUNT][32];
  float range = network->input.range;
  init(&fixture, &source, "image-map", 2);
  network->input.range = 1e21f;
  fixture_argument(&fixture, "distance")->i = NN_SPACE_EUCLIDEAN;
  for (int grid = 0; grid < 2; grid++) {
    fixture_argument(&fixture, "layout")->i = grid;
    run_map(&fixture);
    g_assert_true(says(&fixture, "Kullback-Leibler"));
    g_assert_cmpint(read_lines(&fixture, "Pictures:", 2, values, names), ==, COUNT);
    for (int i = 0; i < COUNT; i++)
      for (int j = 0; j < i; j++) {
        bool twins = i == 8 && j == 2; /* the same picture: only a grid keeps them apart */
        double apart = fabs(values[i][0] - values[j][0]) + fabs(values[i][1] - values[j][1]);
        g_assert_true(apart > 0 || (twins && grid == 0));
      }
  }
  network->input.range = range;
  clear(&fixture, &source);
}

/* points on a grid already go to their own cells */
static void
test_grid(void)
{
  g_autoptr(GError) error = NULL;
  NnMapLayout layout = {300, 200, true, 0};
  double points[12], centres[12];
  g_assert_true(nn_map_layout_check(&layout, 6, &error));
  g_assert_cmpint(layout.picture_px, ==, 96);
  for (int i = 0; i < 6; i++) {
    points[2 * i] = (5 - i) % 3 * 7 - 2;
    points[2 * i + 1] = (5 - i) / 3 * 0.5;
  }
  g_assert_true(nn_map_place(&layout, points, 6, centres, NULL, NULL, &error));
  for (int i = 0; i < 6; i++) {
    g_assert_cmpfloat(centres[2 * i], ==, (5 - i) % 3 * 100 + 50);
    g_assert_cmpfloat(centres[2 * i + 1], ==, (5 - i) / 3 * 100 + 50);
  }
  g_assert_false(nn_map_layout_check(&layout, 1000000, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
}

/* one picture, two, three */
static void
test_few(void)
{
  Fixture fixture;
  TestSource source;
  init(&fixture, &source, "image-map", 2);
  for (source.count = 1; source.count <= 3; source.count++)
    for (int grid = 0; grid < 2; grid++) {
      fixture_argument(&fixture, "layout")->i = grid;
      run_map(&fixture);
    }
  source.count = COUNT;
  clear(&fixture, &source);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  network = base_network_new();
  g_test_add_func("/nearest/distances", test_distances);
  g_test_add_func("/nearest/same", test_same);
  g_test_add_func("/nearest/query", test_query);
  g_test_add_func("/nearest/sheet", test_sheet);
  g_test_add_func("/nearest/sheet-memory", test_sheet_memory);
  g_test_add_func("/nearest/query-is-not-counted", test_query_is_not_counted);
  g_test_add_func("/nearest/wrong-cache", test_wrong_cache);
  g_test_add_func("/nearest/other-dimensions", test_other_dimensions);
  g_test_add_func("/nearest/second-run", test_second_run);
  g_test_add_func("/nearest/other-keys", test_other_keys);
  g_test_add_func("/nearest/left-out", test_left_out);
  g_test_add_func("/nearest/layers", test_layers);
  g_test_add_func("/nearest/memory", test_memory);
  g_test_add_func("/nearest/held", test_held);
  g_test_add_func("/nearest/threads", test_threads);
  g_test_add_func("/nearest/stop", test_stop);
  g_test_add_func("/nearest/cancel-after-stop", test_cancel_after_stop);
  g_test_add_func("/nearest/cancelled-work-is-kept", test_cancelled_work_is_kept);
  g_test_add_func("/nearest/layouts", test_layouts);
  g_test_add_func("/nearest/huge", test_huge);
  g_test_add_func("/nearest/grid", test_grid);
  g_test_add_func("/nearest/few", test_few);
  int failed = g_test_run();
  nn_network_free(network);
  return failed;
}
