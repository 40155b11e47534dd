/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Estimates: the footprint of a network beside what plans of it take, multiply-adds beside those that
 * are counted node by node, and every effect's estimate beside its own for half the work. */
#include "nncore/analysis/footprint.h"
#include "nncore/effects/cost.h"
#include "nncore/effects/occlude.h"
#include "nncore/effects/picture-features.h"
#include "nncore/effects/sheet.h"
#include "nncore/effects/target.h"
#include "nncore/effects/view.h"
#include "nncore/plan/partial.h"
#include "nncore/plan/plan.h"
#include "tests/effects/base-network.h"
#include "tests/effects/fixture.h"
#include "tests/effects/source.h"

static const char *const layers[] = {"relu1_2", "pool3", "relu4_1", "logits"};

static NnFootprint
footprint_of(const NnNetwork *network, const char *layer, bool separate, int width, int height)
{
  g_autoptr(GError) error = NULL;
  NnFootprint footprint;
  g_autoptr(NnInventory) inventory =
      nn_inventory_of_picture(network->model, &NN_SHAPE(1, 3, height, width), &error);
  g_assert_no_error(error);
  g_assert_true(nn_footprint(inventory, nn_graph_find(inventory->graph, layer), separate,
                             &footprint, &error));
  g_assert_no_error(error);
  return footprint;
}

static NnProgram *
program_new(const NnNetwork *network, NnContext *context, const char *layer,
            NnProgramOptions options)
{
  g_autoptr(GError) error = NULL;
  NnProgram *program = nn_program_new(network->model, context, &layer, 1, options, &error);
  g_assert_no_error(error);
  return program;
}

/* told without weights, and right to a third */
static void
test_footprint(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(4);
  for (size_t i = 0; i < G_N_ELEMENTS(layers); i++)
    for (int gradient = 0; gradient < 2; gradient++) {
      g_autoptr(NnProgram) program =
          program_new(network, context, layers[i], (NnProgramOptions){.gradient = gradient == 1});
      g_autoptr(NnPlan) plan = nn_plan_new(program, &NN_SHAPE(1, 3, 192, 320), 1, NULL);
      NnFootprint footprint = footprint_of(network, layers[i], false, 320, 192);
      double told = gradient ? footprint.gradient : footprint.forward;
      double ratio = told / (double)nn_plan_bytes(plan);
      g_test_message("%s%s: %.3f", layers[i], gradient ? ", gradient" : "", ratio);
      g_assert_cmpfloat(ratio, >, 0.75);
      g_assert_cmpfloat(ratio, <, 1.35);
    }
}

/* several layers are there at a time, and their gradients */
static void
test_layers(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(4);
  const char *three[] = {"relu1_1", "relu2_1", "relu3_1", NULL};
  g_autoptr(NnProgram) program = nn_program_new(network->model, context, three, 3,
                                                (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  g_autoptr(NnPlan) plan = nn_plan_new(program, &NN_SHAPE(1, 3, 192, 320), 1, NULL);
  NnPasses passes = {
      .network = network, .layers = three, .width = 320, .height = 192, .gradient = true};
  NnEstimate cost = {0};
  g_assert_true(nn_cost_add_passes(&cost, context, &passes, &error));
  double ratio = cost.bytes / (double)(nn_plan_bytes(plan) + nn_program_bytes(program));
  g_test_message("%.3f", ratio);
  g_assert_cmpfloat(ratio, >, 0.75);
  g_assert_cmpfloat(ratio, <, 1.35);
}

/* what is kept where patches are exchanged; and the budget, which is heeded beforehand */
static void
test_partial(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnProgram) program =
      program_new(network, context, "logits", (NnProgramOptions){.separate = true});
  const NnCorner corner = {0, 0};
  NnShape shape = NN_SHAPE(1, 3, 224, 224);
  g_autoptr(NnPartial) partial =
      nn_partial_new(program, context, &shape, 16, 16, &corner, 1, 1, 0, &error);
  g_assert_no_error(error);
  size_t bytes = nn_partial_bytes(partial);
  NnFootprint footprint = footprint_of(network, "logits", true, 224, 224);
  double ratio = (footprint.all + footprint.forward) / (double)bytes;
  g_test_message("%.3f", ratio);
  g_assert_cmpfloat(ratio, >, 0.5);
  g_assert_cmpfloat(ratio, <, 1.5);
  g_assert_null(nn_partial_new(program, context, &shape, 16, 16, &corner, 1, 1, bytes - 1, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
  g_assert_nonnull(strstr(error->message, "smaller working size"));
}

static NnEstimate
estimate(Fixture *fixture, int width, int height)
{
  g_autoptr(GError) error = NULL;
  NnEstimate estimate = {0};
  bool known = fixture->run.effect->estimate(&fixture->run, width, height, &estimate, &error);
  g_assert_no_error(error);
  g_assert_true(known);
  return estimate;
}

/* multiply-adds of a picture of the network's own size, node by node */
static double
one_pass(const NnNetwork *network)
{
  int side = nn_network_own_px(network);
  g_autoptr(NnInventory) inventory =
      nn_inventory_of_picture(network->model, &NN_SHAPE(1, 3, side, side), NULL);
  double sum = 0;
  int last = inventory->graph->values[nn_graph_find(inventory->graph, "logits")].producer;
  for (int i = 0; i <= last; i++)
    sum += (double)inventory->nodes[i].operations;
  return sum;
}

static void
test_operations(void)
{
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  fixture_init(&fixture, "what-is-it", network, 1);
  int side = nn_network_own_px(network);
  NnEstimate cost = estimate(&fixture, 1000, 1000);
  g_assert_cmpfloat(cost.multiply_adds, ==, one_pass(network));
  g_assert_cmpfloat(cost.bytes, >, side * side * 3 * 4);
  g_assert_false(cost.at_most);
  fixture_clear(&fixture);
}

/* Twice: an effect, and an argument that, raised from @before to @after, makes it work twice as much, or
 * @factor times */
typedef struct {
  const char *effect, *key;
  int64_t before, after;
  double factor;
  bool at_most;
} Twice;

static void
test_proportions(void)
{
  static const Twice cases[] = {
      {"saliency", "samples", 99, 199, 2, false},
      {"adversarial", "iterations", 10, 20, 2, true},
      {"deepdream", "iterations", 10, 20, 2, false},
      {"deepdream", "octaves", 1, 2, 1 + 1 / 1.96, false},
      {"feature-inversion", "iterations", 10, 20, 2, true},
      {"style-transfer", "iterations", 10, 20, 2, true},
      {"style-transfer", "scales", 1, 2, 1.5, true},
      {"texture-synthesis", "iterations", 10, 20, 2, true},
      {"texture-synthesis", "scales", 1, 2, 1.5, true},
      {"occlusion", "stride", 8, 4, 4, false},
      {"activations", "working-size", 256, 512, 4, false},
  };
  g_autoptr(NnNetwork) network = base_network_new();
  g_hash_table_insert(network->presets, g_strdup("style"), g_strdup("relu1_1,relu3_1"));
  g_hash_table_insert(network->presets, g_strdup("content"), g_strdup("relu3_1"));
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    const Twice *twice = &cases[i];
    Fixture fixture;
    fixture_init(&fixture, twice->effect, network, 1);
    fixture_argument(&fixture, twice->key)->i = twice->before;
    NnEstimate once = estimate(&fixture, 640, 480);
    fixture_argument(&fixture, twice->key)->i = twice->after;
    NnEstimate more = estimate(&fixture, 640, 480);
    double factor = more.multiply_adds / once.multiply_adds;
    g_test_message("%s, %s: %.3f; %.1f GMAC, %.1f MB", twice->effect, twice->key, factor,
                   more.multiply_adds / 1e9, more.bytes / 1e6);
    g_assert_cmpfloat(once.multiply_adds, >, 1e7);
    g_assert_cmpfloat_with_epsilon(factor, twice->factor, 0.1 * twice->factor);
    g_assert_cmpfloat(once.bytes, >, 1e5);
    g_assert_true(once.at_most == twice->at_most);
    fixture_clear(&fixture);
  }
}

/* what can be cut into tiles keeps to the budget, what cannot says how much it takes */
static void
test_whole(void)
{
  enum { BUDGET = 220 << 20 };
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  fixture_init(&fixture, "saliency", network, 1);
  nn_context_set_memory_budget(fixture.context, BUDGET);
  fixture_argument(&fixture, "working-size")->i = 4096;
  for (int method = 0; method < 8; method++) {
    fixture_argument(&fixture, "method")->i = method;
    NnEstimate cost;
    g_assert_true(nn_effect_estimate(&fixture.run, 1280, 1280, &cost, NULL));
    g_assert_cmpfloat(cost.held_bytes, ==, 6.0 * 1280 * 1280 * 3 * sizeof(float));
    if (method < 6)
      g_assert_cmpfloat(cost.bytes, <=, BUDGET);
    else
      g_assert_cmpfloat(cost.bytes, >, BUDGET);
  }
  fixture_clear(&fixture);
}

/* a texture over no layer and from files that nobody has read is of no known size; names that are none
 * are refused */
static void
test_unknown(void)
{
  Fixture fixture;
  NnEstimate cost = {0};
  g_autoptr(NnNetwork) network = base_network_new();
  fixture_init(&fixture, "texture-synthesis", network, 1);
  fixture_argument(&fixture, "layers")->text = "relu4_1";
  fixture_argument(&fixture, "width")->i = fixture_argument(&fixture, "height")->i = 0;
  cost = estimate(&fixture, 0, 0);
  g_assert_cmpfloat(cost.multiply_adds, ==, 0);
  fixture_argument(&fixture, "width")->i = fixture_argument(&fixture, "height")->i = 256;
  cost = estimate(&fixture, 0, 0);
  g_assert_cmpfloat(cost.multiply_adds, >, 1e7);
  fixture_argument(&fixture, "tileable")->i = 1;
  g_assert_cmpfloat(estimate(&fixture, 0, 0).multiply_adds, >, cost.multiply_adds);
  fixture_argument(&fixture, "layers")->text = "nothing";
  g_assert_false(fixture.run.effect->estimate(&fixture.run, 0, 0, &cost, NULL));
  fixture_clear(&fixture);
}

/* Counted: an effect that looks at the pictures of a folder, and how often @count of them make it look */
typedef struct {
  const char *effect;
  int count, looks;
} Counted;

/* passes of a square picture of the network's own size, told without loading any; no time where they
 * cannot be counted */
static void
test_folders(void)
{
  static const Counted cases[] = {
      {"nearest-images", 10, 11}, {"image-map", 10, 10}, {"top-patches", 10, 10}};
  g_autoptr(NnNetwork) network = base_network_new();
  g_hash_table_insert(network->presets, g_strdup("dream"), g_strdup("logits"));
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Fixture fixture;
    TestSource source;
    fixture_init(&fixture, cases[i].effect, network, 1);
    test_source_init(&source, fixture.context, cases[i].count);
    fixture_argument(&fixture, "working-size")->i = 0;
    NnEstimate unknown = estimate(&fixture, 0, 0);
    g_assert_cmpfloat(unknown.multiply_adds, ==, 0);
    g_assert_cmpfloat(unknown.bytes, >, 1e5);
    fixture_argument(&fixture, "folder")->source = &source.base;
    NnEstimate known = estimate(&fixture, 0, 0);
    double ratio = known.multiply_adds / one_pass(network) / cases[i].looks;
    g_test_message("%s: %.3f", cases[i].effect, ratio);
    g_assert_cmpfloat_with_epsilon(ratio, 1, 0.15);
    g_assert_true(known.at_most);
    g_assert_cmpint(source.loads, ==, 0);
    test_source_clear(&source);
    fixture_clear(&fixture);
  }
}

/* a sheet of top patches is no larger than what a folder's pictures have to offer */
static void
test_few_patches(void)
{
  Fixture fixture;
  TestSource source;
  g_autoptr(NnNetwork) network = base_network_new();
  fixture_init(&fixture, "top-patches", network, 1);
  test_source_init(&source, fixture.context, 3);
  fixture_argument(&fixture, "count")->i = fixture_argument(&fixture, "patches")->i = 100;
  fixture_argument(&fixture, "cell-size")->i = 512;
  g_assert_cmpfloat(estimate(&fixture, 0, 0).held_bytes, >=, nn_sheet_bytes(10100, 512, 512));
  fixture_argument(&fixture, "folder")->source = &source.base;
  g_assert_cmpfloat_with_epsilon(estimate(&fixture, 0, 0).held_bytes, nn_sheet_bytes(400, 512, 512),
                                 1);
  fixture_argument(&fixture, "per-picture")->i = 2;
  fixture_argument(&fixture, "captions")->i = 0;
  g_assert_cmpfloat_with_epsilon(estimate(&fixture, 0, 0).held_bytes, nn_sheet_bytes(600, 512, 512),
                                 1);
  test_source_clear(&source);
  fixture_clear(&fixture);
}

/* a sheet of maps counts */
static void
test_maps(void)
{
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  fixture_init(&fixture, "activations", network, 1);
  fixture_argument(&fixture, "cell-size")->i = 1;
  double small = estimate(&fixture, 640, 480).bytes;
  fixture_argument(&fixture, "cell-size")->i = 512; /* maps of 56 x 42 px, nine times as large */
  double large = estimate(&fixture, 640, 480).bytes;
  g_test_message("%.1f MB, %.1f MB", small / 1e6, large / 1e6);
  g_assert_cmpfloat(large - small, >, nn_sheet_bytes(64, 400, 300));
  g_assert_cmpfloat(large - small, <, nn_sheet_bytes(80, 512, 400));
  fixture_clear(&fixture);
}

/* what is given beside the content: of all regions together one picture is made, and masks of the size
 * worked on; of a style's one of its size */
static void
test_given(void)
{
  static const NnImage region = {2000, 1500, 1, NULL}, style = {1000, 800, 4, NULL};
  const double of_region = 2000.0 * 1500 * sizeof(float),
               of_style = 1000.0 * 800 * 4 * sizeof(float);
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  g_hash_table_insert(network->presets, g_strdup("style"), g_strdup("relu1_1,relu3_1"));
  g_hash_table_insert(network->presets, g_strdup("content"), g_strdup("relu3_1"));
  fixture_init(&fixture, "style-transfer", network, 1);
  double none = estimate(&fixture, 2000, 1500).held_bytes;
  fixture_argument(&fixture, "style-1-file")->image = &style;
  double one = estimate(&fixture, 2000, 1500).held_bytes;
  g_assert_cmpfloat(one - none, >=, of_style);
  g_assert_cmpfloat(one - none, <, 1.5 * of_style);
  for (int i = 1; i <= 4; i++) {
    g_autofree char *key = g_strdup_printf("style-%d-region", i);
    fixture_argument(&fixture, key)->image = &region;
  }
  double four = estimate(&fixture, 2000, 1500).held_bytes;
  g_test_message("style %.1f MB, regions %.1f MB", (one - none) / 1e6, (four - one) / 1e6);
  g_assert_cmpfloat(four - one, >=, of_region);
  g_assert_cmpfloat(four - one, <, 2 * of_region);
  fixture_clear(&fixture);
}

/* a map of many pictures takes memory as their square, beside what is kept of each */
static void
test_map_of_many(void)
{
  Fixture fixture;
  TestSource source;
  g_autoptr(NnNetwork) network = base_network_new();
  fixture_init(&fixture, "image-map", network, 1);
  test_source_init(&source, fixture.context, 0);
  fixture_argument(&fixture, "folder")->source = &source.base;
  double few = estimate(&fixture, 0, 0).bytes;
  source.count = 10000;
  double many = estimate(&fixture, 0, 0).bytes;
  source.count = 0;
  double map = many - few - nn_picture_features_bytes(10000, 0);
  g_test_message("%.1f MB", map / 1e6);
  g_assert_cmpfloat(map, >, 0.9e8 * sizeof(float)); /* the network is not there any more */
  g_assert_cmpfloat(map, <, 1.2e8 * sizeof(float));
  test_source_clear(&source);
  fixture_clear(&fixture);
}

/* what the sheet is made of, and not all filters where few are asked for */
static void
test_filters(void)
{
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  fixture_init(&fixture, "filters", network, 1);
  double all = estimate(&fixture, 0, 0).bytes;
  const NnImage *sheet = fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  double ratio = all / ((double)nn_image_samples(sheet) * sizeof(float));
  g_test_message("%.3f", ratio);
  g_assert_cmpfloat(ratio, >, 0.7);
  g_assert_cmpfloat(ratio, <, 1.3);
  fixture_argument(&fixture, "count")->i = 2;
  g_assert_cmpfloat(estimate(&fixture, 0, 0).bytes, <, all / 2);
  fixture_clear(&fixture);
}

/* the cut is what takes the memory of large pictures; its time is not told */
static void
test_subject(void)
{
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  fixture_init(&fixture, "select-subject", network, 1);
  fixture_argument(&fixture, "working-size")->i = 0;
  NnEstimate small = estimate(&fixture, 1000, 1000), large = estimate(&fixture, 2000, 2000);
  g_assert_cmpfloat(small.multiply_adds, ==, 0);
  g_assert_cmpfloat_with_epsilon(large.bytes / small.bytes, 4, 0.01);
  fixture_argument(&fixture, "working-size")->i = 256;
  g_assert_cmpfloat(estimate(&fixture, 2000, 2000).bytes, <, large.bytes / 2);
  /* in the end the picture is there, filled, with seeds, labels, the mask and what blurs it */
  g_assert_cmpfloat(estimate(&fixture, 5000, 4000).bytes, ==, (12 + 1 + 1 + 4 + 4) * 5000.0 * 4000);
  fixture_clear(&fixture);
}

static void
test_every_effect(void)
{
  for (int i = 0; nn_effect_at(i) != NULL; i++) {
    g_test_message("%s", nn_effect_at(i)->id);
    g_assert_nonnull(nn_effect_at(i)->estimate);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/cost/footprint", test_footprint);
  g_test_add_func("/cost/layers", test_layers);
  g_test_add_func("/cost/partial", test_partial);
  g_test_add_func("/cost/operations", test_operations);
  g_test_add_func("/cost/proportions", test_proportions);
  g_test_add_func("/cost/whole", test_whole);
  g_test_add_func("/cost/unknown", test_unknown);
  g_test_add_func("/cost/folders", test_folders);
  g_test_add_func("/cost/few-patches", test_few_patches);
  g_test_add_func("/cost/maps", test_maps);
  g_test_add_func("/cost/given", test_given);
  g_test_add_func("/cost/map-of-many", test_map_of_many);
  g_test_add_func("/cost/filters", test_filters);
  g_test_add_func("/cost/subject", test_subject);
  g_test_add_func("/cost/every-effect", test_every_effect);
  return g_test_run();
}
