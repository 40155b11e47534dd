/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking inside, against what a plan of the whole picture gives, element by element: filters as they
 * stand in the file, maps of a layer, and the patches that excite it most, which nothing outside of
 * them changes. The same results for every number of threads and in tiles; sentences where nothing
 * can be done. */
#include <math.h>

#include "nncore/effects/gather.h"
#include "nncore/effects/patches.h"
#include "nncore/effects/sheet.h"
#include "nncore/image/fill.h"
#include "nncore/plan/workspace.h"
#include "tests/effects/base-network.h"
#include "tests/effects/fixture.h"
#include "tests/effects/sources.h"
#include "tests/unit/onnx-builder.h"

/* ---- networks ---- */

typedef struct {
  const char *op, *inputs, *outputs, *attributes;
} Layer;

#define POINTWISE \
  {"Conv", "x a", "c", NULL}, \
  { \
    "Relu", "c", "y", NULL \
  }

static const struct {
  const char *name;
  NnShape weights[2]; /* "a" and "b" */
  Layer layers[5];
} designs[] = {
    {"padding",
     {NN_SHAPE(6, 3, 3, 3)},
     {{"Conv", "x a", "c", "pads=1,1,1,1"}, {"Relu", "c", "y", NULL}}},
    {"stride",
     {NN_SHAPE(5, 3, 5, 5), NN_SHAPE(7, 5, 3, 3)},
     {{"Conv", "x a", "c", "pads=2,2,2,2 strides=2,2"},
      {"Relu", "c", "r", NULL},
      {"MaxPool", "r", "p", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1"},
      {"Conv", "p b", "y", "pads=1,1,1,1"}}},
    {"dilation",
     {NN_SHAPE(4, 3, 3, 3), NN_SHAPE(6, 4, 3, 3)},
     {{"Conv", "x a", "c", "pads=2,2,2,2 dilations=2,2"},
      {"LeakyRelu", "c", "r", "alpha=0.1f"},
      {"Conv", "r b", "y", "pads=0,3,6,3 dilations=3,3 strides=3,1"}}},
    {"groups",
     {NN_SHAPE(6, 3, 1, 1), NN_SHAPE(4, 3, 3, 2)},
     {POINTWISE, {"Conv", "y b", "z", "group=2"}}},
};

static NnNetwork *
design_new(const char *name)
{
  g_autoptr(GError) error = NULL;
  size_t d = 0;
  while (strcmp(designs[d].name, name) != 0)
    d++;
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  for (int i = 0; i < 2 && designs[d].weights[i].rank > 0; i++)
    onnx_add_weights(&builder, i == 0 ? "a" : "b", &designs[d].weights[i]);
  for (const Layer *layer = designs[d].layers; layer->op != NULL; layer++)
    onnx_add_node(&builder, layer->op, layer->inputs, layer->outputs, layer->attributes);
  onnx_add_output(&builder, strcmp(name, "groups") == 0 ? "z" : "y");
  NnModel *model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  onnx_builder_clear(&builder);
  NnNetwork *network = nn_network_new(model, name);
  g_hash_table_insert(network->presets, g_strdup("dream"), g_strdup("y"));
  return network;
}

static NnTensor *
weights_of(const NnNetwork *network, const char *name)
{
  return nn_model_load_constant(network->model, nn_graph_find(nn_model_graph(network->model), name),
                                NULL);
}

/* ---- by a plan ---- */

typedef struct {
  NnProgram *program;
  NnPlan *plan;
  NnWorkspace *workspace;
  NnTensor *map; /* plain */
} Plan;

/* @picture: RGB */
static Plan
plan_run(const NnNetwork *network, NnContext *context, const char *layer, const NnImage *picture)
{
  Plan plan = {.program = nn_program_new(network->model, context, &layer, 1,
                                         (NnProgramOptions){.gradient = false}, NULL)};
  NnShape shape = NN_SHAPE(1, 3, picture->height, picture->width);
  plan.plan = nn_plan_new(plan.program, &shape, 1, NULL);
  plan.workspace = nn_workspace_new(plan.plan, context, NULL);
  nn_preprocess(picture, &network->input, nn_workspace_input(plan.workspace, 0));
  nn_workspace_forward(plan.workspace);
  const NnTensor *made = nn_workspace_target(plan.workspace, 0);
  plan.map = nn_tensor_new(NN_DTYPE_FLOAT, &made->shape, NULL);
  nn_tensor_copy(made, plan.map);
  return plan;
}

static void
plan_clear(Plan *plan)
{
  nn_tensor_unref(plan->map);
  nn_workspace_free(plan->workspace);
  nn_plan_unref(plan->plan);
  nn_program_unref(plan->program);
}

static float
map_at(const NnTensor *map, int64_t channel, int64_t y, int64_t x)
{
  const int64_t *dim = map->shape.dim;
  return map->f[(channel * dim[2] + y) * dim[3] + x];
}

/* the highest value of a channel, the first row by row */
static NnPeak
highest(const NnTensor *map, int64_t channel)
{
  NnPeak peak = {.value = -INFINITY};
  for (int64_t y = 0; y < map->shape.dim[2]; y++)
    for (int64_t x = 0; x < map->shape.dim[3]; x++)
      if (map_at(map, channel, y, x) > peak.value)
        peak = (NnPeak){map_at(map, channel, y, x), y, x};
  return peak;
}

/* ---- sheets ---- */

static const NnCaption *
caption_at(const Fixture *fixture, guint index)
{
  const NnResult *result = &g_array_index(fixture->run.results, NnResult, 0);
  g_assert_cmpuint(result->captions->len, >, index);
  return &g_array_index(result->captions, NnCaption, index);
}

/* the cell's first pixel: captions lie below the cells, which are @height px high */
static const float *
cell_pixel(const Fixture *fixture, guint cell, int height, int y, int x)
{
  const NnResult *result = &g_array_index(fixture->run.results, NnResult, 0);
  NnRectangle box = caption_at(fixture, cell)->box;
  return result->image->data + ((box.y - height + y) * result->image->width + box.x + x) * 3;
}

static NnImage *
opaque_noise(int width, int height, uint64_t seed)
{
  NnImage *image = picture_noise(width, height, 4, seed);
  for (int i = 0; i < width * height; i++)
    image->data[4 * i + 3] = 1;
  return image;
}

/* ---- filters ---- */

/* the first design's filters: each by itself in colour, then all alike; 3 px a weight */
static void
test_filters_colour(void)
{
  for (int mode = 0; mode < 4; mode++) {
    Fixture fixture;
    NnNetwork *network = design_new("padding");
    network->input.bgr = mode % 2 == 1;
    g_autoptr(NnTensor) w = weights_of(network, "a");
    fixture_init(&fixture, "filters", network, 1);
    fixture_argument(&fixture, "cell-size")->i = 11;
    fixture_argument(&fixture, "scale")->i = mode / 2;
    fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
    float most = 0;
    for (int i = 0; i < 6 * 27; i++)
      most = MAX(most, fabsf(w->f[i]));
    for (int f = 0; f < 6; f++) {
      float low = INFINITY, high = -INFINITY;
      for (int i = 0; i < 27; i++) {
        low = MIN(low, w->f[f * 27 + i]);
        high = MAX(high, w->f[f * 27 + i]);
      }
      g_autofree char *number = g_strdup_printf("%d", f);
      g_assert_cmpstr(caption_at(&fixture, f)->text, ==, number);
      for (int i = 0; i < 81; i++)
        for (int c = 0; c < 3; c++) {
          int from = network->input.bgr ? 2 - c : c;
          float weight = w->f[f * 27 + from * 9 + i / 9 / 3 * 3 + i % 9 / 3];
          float wanted = mode / 2 == 0 ? (weight - low) / (high - low) : 0.5f + weight / most / 2;
          const float *pixel = cell_pixel(&fixture, f, 9, i / 9, i % 9);
          g_assert_cmpfloat_with_epsilon(pixel[c], wanted, 1e-5f);
        }
    }
    fixture_clear(&fixture);
    nn_network_free(network);
  }
}

/* two groups of three: grouped filters are grey; the mean and each of what they read */
static void
test_filters_groups(void)
{
  Fixture fixture;
  NnNetwork *network = design_new("groups");
  g_autoptr(NnTensor) w = weights_of(network, "b");
  fixture_init(&fixture, "filters", network, 1);
  fixture_argument(&fixture, "layer")->text = "z";
  fixture_argument(&fixture, "scale")->i = 1;
  fixture_argument(&fixture, "cell-size")->i = 3;
  fixture_argument(&fixture, "first")->i = 1;
  fixture_argument(&fixture, "count")->i = 2;
  float most = 0;
  for (int f = 1; f < 3; f++)
    for (int t = 0; t < 6; t++)
      most = MAX(most, fabsf(w->f[f * 18 + t] + w->f[f * 18 + 6 + t] + w->f[f * 18 + 12 + t]) / 3);
  fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  for (int f = 1; f < 3; f++)
    for (int t = 0; t < 6; t++) {
      float mean = (w->f[f * 18 + t] + w->f[f * 18 + 6 + t] + w->f[f * 18 + 12 + t]) / 3;
      g_assert_cmpfloat_with_epsilon(cell_pixel(&fixture, f - 1, 3, t / 2, t % 2)[0],
                                     0.5f + mean / most / 2, 1e-5f);
    }
  fixture_argument(&fixture, "inputs")->i = 1;
  fixture_argument(&fixture, "scale")->i = 0;
  fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  g_assert_cmpstr(caption_at(&fixture, 1)->text, ==, "1 → 1");
  g_assert_cmpstr(caption_at(&fixture, 5)->text, ==, "5 → 2");
  for (int f = 1; f < 3; f++) {
    float low = INFINITY, high = -INFINITY;
    for (int i = 0; i < 18; i++) {
      low = MIN(low, w->f[f * 18 + i]);
      high = MAX(high, w->f[f * 18 + i]);
    }
    for (int i = 0; i < 18; i++)
      g_assert_cmpfloat_with_epsilon(
          cell_pixel(&fixture, (guint)((f - 1) * 3 + i / 6), 3, i % 6 / 2, i % 2)[1],
          (w->f[f * 18 + i] - low) / (high - low), 1e-5f);
  }
  fixture_clear(&fixture);
  nn_network_free(network);
}

/* weights in half precision behind a Cast; a layer behind the convolution; and what is refused */
static void
test_filters_base(void)
{
  Fixture fixture;
  NnNetwork *network = base_network_new();
  fixture_init(&fixture, "filters", network, 2);
  fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  g_assert_cmpuint(g_array_index(fixture.run.results, NnResult, 0).captions->len, ==, 32);
  fixture_argument(&fixture, "layer")->text = "pool2";
  fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  g_assert_nonnull(strstr(g_array_index(fixture.run.results, NnResult, 0).label, "conv2_2"));
  fixture_argument(&fixture, "first")->i = 64;
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "numbered from 0 to 63");
  fixture_argument(&fixture, "first")->i = 0;
  fixture_argument(&fixture, "layer")->text = "nothing";
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "no layer");
  fixture_argument(&fixture, "layer")->text = "conv5_1";
  fixture_argument(&fixture, "inputs")->i = 1;
  nn_context_set_memory_budget(fixture.context, 100 << 20);
  fixture_fail(&fixture, NULL, NN_ERROR_MEMORY, "fewer or smaller");
  fixture.stop_after = 1;
  fixture.verdict = NN_CANCEL;
  fixture_fail(&fixture, NULL, NN_ERROR_CANCELLED, "");
  g_assert_cmpint(nn_context_memory_held(fixture.context), ==, 0);
  fixture_clear(&fixture);
  nn_network_free(network);
}

/* one layer that is no convolution, and weights that are made from the picture */
static void
test_filters_none(void)
{
  for (int made = 0; made < 2; made++) {
    OnnxBuilder builder;
    Fixture fixture;
    onnx_builder_init(&builder);
    onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
    onnx_add_node(&builder, "Relu", "x", "r", NULL);
    if (made == 1)
      onnx_add_node(&builder, "Conv", "x r", "y", NULL);
    onnx_add_output(&builder, made == 1 ? "y" : "r");
    NnNetwork *network = nn_network_new(onnx_builder_open(&builder, NULL), "none");
    onnx_builder_clear(&builder);
    fixture_init(&fixture, "filters", network, 1);
    fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT,
                 made == 1 ? "from the picture itself" : "no convolutions");
    if (made == 1) {
      fixture_argument(&fixture, "layer")->text = "r";
      fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "not made by a convolution");
    }
    fixture_clear(&fixture);
    nn_network_free(network);
  }
}

/* ---- activations ---- */

static void
look_at_whole(Fixture *fixture, NnNetwork *network, int threads)
{
  fixture_init(fixture, "activations", network, threads);
  fixture_argument(fixture, "working-size")->i = 0;
  network->input.own_px = 1000;
}

/* each map against the plan's, in the order of the peaks and of the numbers */
static void
test_activations_sheet(void)
{
  for (int mode = 0; mode < 4; mode++) {
    bool by_number = mode % 2 == 1, alike = mode / 2 == 1;
    Fixture fixture;
    NnNetwork *network = design_new("stride");
    g_autoptr(NnImage) picture = opaque_noise(41, 37, 5);
    g_autoptr(NnImage) rgb = picture_without_alpha(picture);
    look_at_whole(&fixture, network, 2);
    Plan plan = plan_run(network, fixture.context, "y", rgb);
    fixture_argument(&fixture, "order")->i = by_number;
    fixture_argument(&fixture, "scale")->i = alike;
    fixture_argument(&fixture, "first")->i = by_number ? 2 : 0;
    fixture_argument(&fixture, "count")->i = 4;
    fixture_argument(&fixture, "cell-size")->i = 25;
    fixture_run(&fixture, picture, NN_PLACE_NEW_IMAGE);
    int height = (int)plan.map->shape.dim[2], width = (int)plan.map->shape.dim[3];
    int shown[4];
    float low = 0, high = 0, before = INFINITY;
    for (int i = 0; i < 4; i++) {
      shown[i] = atoi(caption_at(&fixture, (guint)i)->text);
      NnPeak peak = highest(plan.map, shown[i]);
      g_autofree char *told = g_strdup_printf("%d: %.3g", shown[i], (double)peak.value);
      g_assert_cmpstr(caption_at(&fixture, (guint)i)->text, ==, told);
      if (by_number)
        g_assert_cmpint(shown[i], ==, 2 + i);
      else
        g_assert_cmpfloat(peak.value, <=, before);
      before = peak.value;
      for (int p = 0; p < height * width; p++) {
        low = MIN(low, map_at(plan.map, shown[i], p / width, p % width));
        high = MAX(high, map_at(plan.map, shown[i], p / width, p % width));
      }
    }
    int factor = 25 / MAX(width, height);
    g_assert_cmpint(factor, >, 1);
    for (int i = 0; i < 4; i++) {
      float bottom = alike ? low : 0, top = alike ? high : highest(plan.map, shown[i]).value;
      for (int p = 0; !alike && p < height * width; p++)
        bottom = MIN(bottom, map_at(plan.map, shown[i], p / width, p % width));
      for (int p = 0; p < height * width; p++) {
        float wanted = (map_at(plan.map, shown[i], p / width, p % width) - bottom) / (top - bottom);
        for (int corner = 0; corner < 2; corner++) {
          int y = p / width * factor + corner * (factor - 1);
          int x = p % width * factor + corner * (factor - 1);
          g_assert_cmpfloat_with_epsilon(cell_pixel(&fixture, (guint)i, height * factor, y, x)[0],
                                         wanted, 1e-5f);
        }
      }
    }
    plan_clear(&plan);
    fixture_clear(&fixture);
    nn_network_free(network);
  }
}

/* cells smaller than the maps: means; and one channel over the picture */
static void
test_activations_small(void)
{
  Fixture fixture;
  NnNetwork *network = design_new("padding");
  g_autoptr(NnImage) picture = opaque_noise(40, 24, 6);
  g_autoptr(NnImage) rgb = picture_without_alpha(picture);
  look_at_whole(&fixture, network, 3);
  Plan plan = plan_run(network, fixture.context, "c", rgb);
  fixture_argument(&fixture, "layer")->text = "c";
  fixture_argument(&fixture, "cell-size")->i = 10;
  fixture_argument(&fixture, "order")->i = 1;
  fixture_argument(&fixture, "count")->i = 1;
  fixture_run(&fixture, picture, NN_PLACE_NEW_IMAGE);
  float means[60], low = 0, high = 0;
  for (int i = 0; i < 60; i++) {
    means[i] = 0;
    for (int k = 0; k < 16; k++)
      means[i] += map_at(plan.map, 0, i / 10 * 4 + k / 4, i % 10 * 4 + k % 4) / 16;
    low = MIN(low, means[i]);
    high = MAX(high, means[i]);
  }
  for (int i = 0; i < 60; i++)
    g_assert_cmpfloat_with_epsilon(cell_pixel(&fixture, 0, 6, i / 10, i % 10)[0],
                                   (means[i] - low) / (high - low), 1e-5f);

  fixture_argument(&fixture, "show")->i = 1;
  fixture_argument(&fixture, "output")->i = 1;
  fixture_argument(&fixture, "clip")->d = 0;
  const NnImage *layer = fixture_run(&fixture, picture, NN_PLACE_LAYER);
  int strongest = 0;
  for (int c = 1; c < 6; c++)
    if (highest(plan.map, c).value > highest(plan.map, strongest).value)
      strongest = c;
  g_autofree char *label = g_strdup_printf("c:%d", strongest);
  g_assert_cmpstr(g_array_index(fixture.run.results, NnResult, 0).label, ==, label);
  float top = highest(plan.map, strongest).value;
  for (int p = 0; p < 40 * 24; p++)
    g_assert_cmpfloat_with_epsilon(
        layer->data[4 * p], MAX(map_at(plan.map, strongest, p / 40, p % 40), 0) / top, 1e-5f);
  fixture_argument(&fixture, "channel")->i = 6;
  fixture_fail(&fixture, picture, NN_ERROR_ARGUMENT, "numbered from 0 to 5");
  plan_clear(&plan);
  fixture_clear(&fixture);
  nn_network_free(network);
}

/* one thread or three, in one piece or in tiles: the same to the bit where nothing is averaged */
static void
test_activations_pieces(void)
{
  g_autoptr(NnImage) first = NULL;
  g_autoptr(NnImage) picture = opaque_noise(150, 110, 7);
  for (int mode = 0; mode < 3; mode++) {
    Fixture fixture;
    NnNetwork *network = base_network_new();
    look_at_whole(&fixture, network, mode == 1 ? 3 : 1);
    if (mode == 2)
      nn_context_set_memory_budget(fixture.context, 3 << 20);
    fixture_argument(&fixture, "layer")->text = "relu2_1";
    fixture_argument(&fixture, "count")->i = 3;
    fixture_argument(&fixture, "cell-size")->i = 80;
    const NnImage *sheet = fixture_run(&fixture, picture, NN_PLACE_NEW_IMAGE);
    if (mode == 2)
      g_assert_cmpint(fixture.reports, >, 4); /* tile by tile */
    if (first == NULL)
      first = nn_image_copy(sheet, NULL);
    else
      g_assert_cmpmem(first->data, nn_image_samples(first) * sizeof(float), sheet->data,
                      nn_image_samples(sheet) * sizeof(float));
    fixture_clear(&fixture);
    nn_network_free(network);
  }
}

static void
test_activations_answers(void)
{
  Fixture fixture;
  NnNetwork *network = base_network_new();
  g_autoptr(NnImage) picture = opaque_noise(60, 44, 8);
  fixture_init(&fixture, "activations", network, 2);
  fixture.verdict = NN_CANCEL;
  for (fixture.stop_after = 1; fixture.stop_after < 3; fixture.stop_after++)
    fixture_fail(&fixture, picture, NN_ERROR_CANCELLED, "");
  fixture.stop_after = 0;
  fixture_argument(&fixture, "layer")->text = "logits"; /* scores: maps of one pixel */
  fixture_argument(&fixture, "count")->i = 5;
  fixture_run(&fixture, picture, NN_PLACE_NEW_IMAGE);
  g_assert_cmpuint(g_array_index(fixture.run.results, NnResult, 0).captions->len, ==, 5);
  for (int i = 0; i < 60 * 44; i++)
    picture->data[4 * i + 3] = 0;
  fixture_fail(&fixture, picture, NN_ERROR_ARGUMENT, "transparent");
  fixture_clear(&fixture);
  nn_network_free(network);
}

/* lightness of a pixel of the only map; the stopped one is brighter by the same factor all over, where it
 * has been seen at all */
static void
compare_stopped(const Fixture *fixture, const NnImage *whole)
{
  const NnImage *sheet = g_array_index(fixture->run.results, NnResult, 0).image;
  int seen = 0, missing = 0;
  float factor = 0;
  g_assert_cmpint(sheet->width, ==, whole->width);
  g_assert_cmpint(sheet->height, ==, whole->height);
  for (int y = 0; y < 55; y++)
    for (int x = 0; x < 75; x++) {
      NnRectangle box = caption_at(fixture, 0)->box;
      size_t at =
          ((size_t)(box.y - 110 + 2 * y) * (size_t)sheet->width + (size_t)(box.x + 2 * x)) * 3;
      float full = whole->data[at], here = sheet->data[at];
      seen += here > 0;
      missing += here == 0 && full > 0;
      if (here > 0.5f && factor == 0)
        factor = here / full;
      else if (here > 0)
        g_assert_cmpfloat_with_epsilon(here, factor > 0 ? factor * full : here, 1e-4f);
    }
  g_test_message("%d seen, %d missing", seen, missing);
  g_assert_cmpint(seen, >, 100);
  g_assert_cmpint(missing, >, 100);
}

/* Stop keeps what has been seen of maps, and the cells that have been drawn */
static void
test_activations_stop(void)
{
  g_autoptr(NnImage) picture = opaque_noise(150, 110, 7);
  Fixture fixture;
  NnNetwork *network = base_network_new();
  look_at_whole(&fixture, network, 2);
  nn_context_set_memory_budget(fixture.context, 3 << 20);
  fixture_argument(&fixture, "layer")->text = "relu2_1";
  fixture_argument(&fixture, "order")->i = 1;
  fixture_argument(&fixture, "first")->i = 20;
  fixture_argument(&fixture, "count")->i = 1;
  fixture_argument(&fixture, "cell-size")->i = 150;
  g_autoptr(NnImage) whole =
      nn_image_copy(fixture_run(&fixture, picture, NN_PLACE_NEW_IMAGE), NULL);
  int reports = fixture.reports;
  g_assert_cmpint(reports, >, 4); /* tile by tile */
  fixture.verdict = NN_STOP;
  fixture.stop_after = reports / 2;
  fixture_run(&fixture, picture, NN_PLACE_NEW_IMAGE);
  g_assert_cmpint(fixture.reports, ==, reports / 2);
  compare_stopped(&fixture, whole);

  fixture_argument(&fixture, "order")->i = 0; /* two passes: before the second there are no maps */
  fixture.stop_after = 2;
  for (int show = 0; show < 2; show++) {
    fixture_argument(&fixture, "show")->i = show;
    fixture_run(&fixture, picture, NN_PLACE_TEXT);
    g_assert_cmpuint(fixture.run.results->len, ==, 1);
    g_assert_cmpint(fixture.reports, <, 5);
  }
  fixture_argument(&fixture, "show")->i = 0;

  nn_context_set_memory_budget(fixture.context, 100 << 20);
  fixture_argument(&fixture, "count")->i = 5;
  fixture.stop_after = 3; /* after the second cell */
  fixture_run(&fixture, picture, NN_PLACE_NEW_IMAGE);
  g_assert_cmpint(fixture.reports, ==, 3);
  g_assert_cmpuint(g_array_index(fixture.run.results, NnResult, 0).captions->len, ==, 2);
  fixture.verdict = NN_CANCEL;
  fixture_fail(&fixture, picture, NN_ERROR_CANCELLED, "");
  fixture_clear(&fixture);
  nn_network_free(network);
}

typedef struct {
  NnContext *context;
  int64_t held; /* while maps are drawn */
} Holding;

static NnVerdict
note_held(const NnReport *report, gpointer data)
{
  Holding *holding = data;
  if (report->fraction > 0.9)
    holding->held = nn_context_memory_held(holding->context);
  return NN_CONTINUE;
}

/* (transfer full): the sheet; @held: (out) */
static NnImage *
run_holding(Fixture *fixture, const NnImage *picture, int64_t *held)
{
  g_autoptr(GError) error = NULL;
  Holding holding = {fixture->context, 0};
  NnProgress progress = {note_held, &holding};
  fixture_start(fixture, picture);
  fixture->run.progress = &progress;
  bool done = nn_effect_run(&fixture->run, &error);
  g_assert_no_error(error);
  g_assert_true(done);
  g_assert_cmpint(nn_context_memory_held(fixture->context), ==, 0);
  *held = holding.held;
  return nn_image_copy(g_array_index(fixture->run.results, NnResult, 0).image, NULL);
}

/* sheet and maps are held, and the network does with the rest of the budget or says that it cannot */
static void
test_activations_memory(void)
{
  g_autoptr(NnImage) picture = opaque_noise(150, 110, 7);
  Fixture fixture;
  NnNetwork *network = base_network_new();
  int64_t held;
  look_at_whole(&fixture, network, 1);
  fixture_argument(&fixture, "layer")->text = "relu2_1"; /* 64 maps of 75 x 55 px */
  fixture_argument(&fixture, "count")->i = 0;
  fixture_argument(&fixture, "cell-size")->i = 150;
  nn_context_set_memory_budget(fixture.context, INT64_C(1) << 40);
  g_autoptr(NnImage) plenty = run_holding(&fixture, picture, &held);
  g_assert_cmpint(held, >, (int64_t)(nn_image_samples(plenty) * sizeof(float)));
  double shown = nn_sheet_bytes(66, 150, 110) + nn_gather_bytes(64, 55, 75);
  nn_context_set_memory_budget(fixture.context, (int64_t)shown + (1 << 19));
  fixture_fail(&fixture, picture, NN_ERROR_MEMORY, "Raise the budget");
  g_assert_cmpint(nn_context_memory_held(fixture.context), ==, 0);
  int64_t budget = (int64_t)shown + (4 << 20);
  nn_context_set_memory_budget(fixture.context, budget);
  g_autoptr(NnImage) little = run_holding(&fixture, picture, &held);
  g_assert_cmpint(held, <=, budget);
  g_assert_cmpint(little->width, ==, plenty->width);
  g_assert_cmpfloat(largest_difference(little, plenty), ==, 0);
  fixture_clear(&fixture);
  nn_network_free(network);
}

/* ---- top patches ---- */

#define PICTURES 7

typedef struct {
  NnNetwork *network;
  NnContext *context;
  NnProbe *probe;
  NnImage *pictures[PICTURES]; /* RGBA; some of them NULL or transparent */
  MemorySource source;
} Search;

static const char *const names[PICTURES] = {"a", "b", "c", "d", "e", "f", "g"};

/* number 2 cannot be read, number 4 is transparent */
static void
search_init(Search *search, NnNetwork *network, const char *layer, int threads)
{
  g_autoptr(GError) error = NULL;
  *search = (Search){.network = network, .context = nn_context_new(threads)};
  for (int i = 0; i < PICTURES; i++)
    search->pictures[i] = i == 2 ? NULL : opaque_noise(40 + 3 * (i / 2), 50 - 4 * (i / 3), 20 + i);
  for (int i = 0; i < search->pictures[4]->width * search->pictures[4]->height; i++)
    search->pictures[4]->data[4 * i + 3] = 0;
  search->source = memory_source(search->pictures, names, PICTURES);
  search->probe = nn_probe_new(network, search->context, layer, &error);
  g_assert_no_error(error);
}

static void
search_clear(Search *search)
{
  nn_probe_free(search->probe);
  for (int i = 0; i < PICTURES; i++)
    nn_image_free(search->pictures[i]);
  nn_context_free(search->context);
  nn_network_free(search->network);
}

static NnPatches *
search_run(Search *search, const NnPatchSettings *settings)
{
  g_autoptr(GError) error = NULL;
  NnPatches *patches =
      nn_patches_find(search->probe, &search->source.source, settings, NULL, &error);
  g_assert_no_error(error);
  return patches;
}

static int
compare_patches(const void *a, const void *b)
{
  const NnPatch *x = a, *y = b;
  if (x->peak.value != y->peak.value)
    return x->peak.value < y->peak.value ? 1 : -1;
  return x->picture - y->picture;
}

/* the kept patches of each channel are the best of all pictures' highest places */
static void
test_patches_best(gconstpointer design)
{
  Search search;
  search_init(&search, design_new(design), "y", 2);
  NnPatchSettings settings = {.per_channel = 3, .per_picture = 1, .working_px = 200};
  g_autoptr(NnPatches) patches = search_run(&search, &settings);
  g_autofree char *refused = nn_patches_refused(patches);
  g_assert_cmpstr(refused, ==, "Left out, as the network can make nothing of them: e.");
  int n_wanted[16] = {0};
  NnPatch wanted[16][PICTURES];
  for (int i = 0; i < PICTURES; i++) {
    if (i == 2 || i == 4)
      continue;
    g_autoptr(NnImage) rgb = picture_without_alpha(search.pictures[i]);
    Plan plan = plan_run(search.network, search.context, "y", rgb);
    g_assert_cmpint(nn_patches_n_channels(patches), ==, plan.map->shape.dim[1]);
    for (int64_t c = 0; c < plan.map->shape.dim[1]; c++) {
      NnPeak peak = highest(plan.map, c);
      if (peak.value != 0) /* a rectifier's nothing */
        wanted[c][n_wanted[c]++] = (NnPatch){.picture = i, .peak = peak};
    }
    plan_clear(&plan);
  }
  for (int64_t c = 0; c < nn_patches_n_channels(patches); c++) {
    int n;
    const NnPatch *found = nn_patches_of(patches, c, &n);
    qsort(wanted[c], (size_t)n_wanted[c], sizeof(NnPatch), compare_patches);
    g_assert_cmpint(n, ==, MIN(3, n_wanted[c]));
    for (int i = 0; i < n; i++) {
      g_assert_cmpint(found[i].picture, ==, wanted[c][i].picture);
      g_assert_cmpfloat(found[i].peak.value, ==, wanted[c][i].peak.value);
      g_assert_cmpint(found[i].peak.y, ==, wanted[c][i].peak.y);
      g_assert_cmpint(found[i].peak.x, ==, wanted[c][i].peak.x);
    }
  }
  search_clear(&search);
}

/* other noise outside of @box */
static NnImage *
scrambled(const NnImage *view, NnRectangle box)
{
  NnImage *image = picture_noise(view->width, view->height, 3, 99);
  for (int y = MAX(box.y, 0); y < MIN(box.y + box.height, view->height); y++)
    for (int x = MAX(box.x, 0); x < MIN(box.x + box.width, view->width); x++)
      for (int c = 0; c < 3; c++)
        image->data[(y * view->width + x) * 3 + c] = view->data[(y * view->width + x) * 3 + c];
  return image;
}

static float
value_outside(const Search *search, const char *layer, const NnImage *view, const NnPatch *patch,
              int64_t channel, int shrink)
{
  NnRectangle box = {patch->box.x + shrink, patch->box.y + shrink, patch->box.width - 2 * shrink,
                     patch->box.height - 2 * shrink};
  g_autoptr(NnImage) image = scrambled(view, box);
  Plan plan = plan_run(search->network, search->context, layer, image);
  float value = map_at(plan.map, channel, patch->peak.y, patch->peak.x);
  plan_clear(&plan);
  return value;
}

/* of all channels: Winograd's rounding goes by the largest values around */
static float
layer_scale(const NnPatches *patches)
{
  float scale = 0;
  for (int64_t c = 0; c < nn_patches_n_channels(patches); c++) {
    int n;
    const NnPatch *best = nn_patches_of(patches, c, &n);
    scale = n > 0 ? MAX(scale, fabsf(best[0].peak.value)) : scale;
  }
  return scale;
}

/* what is outside of a patch does not count, what is at its edge does; and the cut is of the picture */
static void
check_crops(Search *search, const char *layer)
{
  NnPatchSettings settings = {.per_channel = 2, .per_picture = 2, .working_px = 200};
  g_autoptr(NnPatches) patches = search_run(search, &settings);
  float scale = layer_scale(patches);
  int changed = 0, past = 0, cut = 0;
  for (int64_t c = 0; c < MIN(nn_patches_n_channels(patches), 8); c++) {
    int n;
    const NnPatch *found = nn_patches_of(patches, c, &n);
    for (int i = 0; i < n; i++) {
      const NnPatch *patch = &found[i];
      g_autoptr(NnImage) view = nn_patches_view(patches, patch->picture, NULL);
      g_assert_cmpfloat_with_epsilon(value_outside(search, layer, view, patch, c, 0),
                                     patch->peak.value, 1e-6f * scale);
      changed += fabsf(value_outside(search, layer, view, patch, c, 1) - patch->peak.value) >
                 1e-4f * scale;
      g_autoptr(NnImage) picture = nn_patch_cut(patch, view, -1, NULL);
      for (int p = 0; p < picture->width * picture->height; p++) {
        int y = patch->box.y + p / picture->width, x = patch->box.x + p % picture->width;
        bool within = y >= 0 && y < view->height && x >= 0 && x < view->width;
        past += !within;
        g_assert_cmpfloat(picture->data[3 * p + 1], ==,
                          within ? view->data[(y * view->width + x) * 3 + 1] : -1);
      }
      cut++;
    }
  }
  g_test_message("%d patches, %d px past borders, %d changed by their edges", cut, past, changed);
  g_assert_cmpint(changed, >, cut / 2);
}

static void
test_patches_crops(gconstpointer design)
{
  Search search;
  search_init(&search, design_new(design), "y", 2);
  check_crops(&search, "y");
  search_clear(&search);
}

static void
test_patches_crops_base(void)
{
  Search search;
  search_init(&search, base_network_new(), "relu2_2", 2);
  check_crops(&search, "relu2_2");
  search_clear(&search);
}

/* deeper than the pictures are large: what is seen of them */
static void
test_patches_large_fields(void)
{
  Search search;
  search_init(&search, base_network_new(), "relu5_1", 2);
  NnPatchSettings settings = {.per_channel = 1, .per_picture = 1, .working_px = 48};
  g_autoptr(NnPatches) patches = search_run(&search, &settings);
  for (int64_t c = 0; c < nn_patches_n_channels(patches); c++) {
    int n;
    const NnPatch *patch = nn_patches_of(patches, c, &n);
    for (int i = 0; i < n; i++) {
      g_assert_cmpint(patch->box.x, >=, 0);
      g_assert_cmpint(patch->box.y + patch->box.height, <=, patch->height);
    }
  }
  search_clear(&search);
}

/* one after the other the highest that is not within a place of those before; @found: (out): four */
static void
pick_peaks(const NnTensor *map, int64_t channel, int picture, NnPatch *found)
{
  for (int i = 0; i < 4; i++) {
    found[i] = (NnPatch){.picture = picture, .peak = {.value = -INFINITY}};
    for (int64_t y = 0; y < map->shape.dim[2]; y++)
      for (int64_t x = 0; x < map->shape.dim[3]; x++) {
        bool apart = true;
        for (int k = 0; k < i; k++)
          apart = apart && (ABS(y - found[k].peak.y) >= 2 || ABS(x - found[k].peak.x) >= 2);
        if (apart && map_at(map, channel, y, x) > found[i].peak.value)
          found[i].peak = (NnPeak){map_at(map, channel, y, x), y, x};
      }
  }
}

/* the same by looking at all of every map */
static void
check_several(const Search *search, int64_t channel, const NnPatch *found, int n)
{
  NnPatch wanted[4 * PICTURES];
  int n_wanted = 0;
  for (int i = 0; i < PICTURES; i++) {
    if (i == 2 || i == 4)
      continue;
    g_autoptr(NnImage) rgb = picture_without_alpha(search->pictures[i]);
    Plan plan = plan_run(search->network, search->context, "c", rgb);
    pick_peaks(plan.map, channel, i, wanted + n_wanted);
    n_wanted += 4;
    plan_clear(&plan);
  }
  qsort(wanted, (size_t)n_wanted, sizeof(NnPatch), compare_patches);
  for (int i = 0; i < n; i++) {
    g_assert_cmpint(found[i].picture, ==, wanted[i].picture);
    g_assert_cmpfloat(found[i].peak.value, ==, wanted[i].peak.value);
    g_assert_true(found[i].peak.y == wanted[i].peak.y && found[i].peak.x == wanted[i].peak.x);
  }
}

/* of a picture several, apart; the first of them the highest; the same for every number of threads */
static void
test_patches_several(void)
{
  g_autofree NnPatch *first = NULL;
  for (int threads = 1; threads <= 3; threads += 2) {
    Search search;
    int channels[] = {5, 1};
    search_init(&search, design_new("padding"), "c", threads);
    NnPatchSettings settings = {channels, 2, 12, 4, 200};
    g_autoptr(NnPatches) patches = search_run(&search, &settings);
    int n;
    const NnPatch *found = nn_patches_of(patches, 0, &n);
    g_assert_cmpint(nn_patches_channel(patches, 0), ==, 5);
    g_assert_cmpint(n, ==, 12);
    check_several(&search, 5, found, n);
    if (first == NULL)
      first = g_memdup2(found, (gsize)n * sizeof *found);
    else
      for (int i = 0; i < n; i++)
        g_assert_true(first[i].picture == found[i].picture &&
                      first[i].peak.value == found[i].peak.value);
    search_clear(&search);
  }
}

static void
patches_init(Fixture *fixture, Search *search)
{
  fixture_init(fixture, "top-patches", search->network, 2);
  fixture_argument(fixture, "folder")->source = &search->source.source;
  fixture_argument(fixture, "patches")->i = 3;
}

/* the sheet: its rows, captions and pixels */
static void
test_patches_sheet(void)
{
  Search search;
  Fixture fixture;
  search_init(&search, design_new("padding"), "y", 1);
  patches_init(&fixture, &search);
  fixture_argument(&fixture, "channels")->text = " 4, 1-2,2";
  fixture_argument(&fixture, "cell-size")->i = 9;
  const NnImage *sheet = fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  g_assert_cmpuint(fixture.run.results->len, ==, 2); /* and who was refused */
  NnPatchSettings settings = {.per_channel = 3, .per_picture = 1, .working_px = 224};
  g_autoptr(NnPatches) patches = search_run(&search, &settings);
  const int channels[] = {4, 1, 2};
  for (int row = 0; row < 3; row++) {
    int n;
    const NnPatch *found = nn_patches_of(patches, channels[row], &n);
    g_assert_cmpint(atoi(caption_at(&fixture, (guint)row)->text), ==, channels[row]);
    for (int i = 0; i < 3; i++) {
      /* rows' heads are written first; patches in the order of their pictures */
      g_autofree char *told =
          g_strdup_printf("%.3g %s", (double)found[i].peak.value, names[found[i].picture]);
      guint at = 3;
      while (strcmp(caption_at(&fixture, at)->text, told) != 0)
        at++;
      g_autoptr(NnImage) view = nn_patches_view(patches, found[i].picture, NULL);
      g_autoptr(NnImage) cut = nn_patch_cut(&found[i], view, NN_SHEET_PAPER, NULL);
      g_assert_cmpint(cut->width, ==, 3);
      for (int p = 0; p < 81; p++)
        g_assert_cmpfloat(cell_pixel(&fixture, at, 9, p / 9, p % 9)[2], ==,
                          cut->data[(p / 9 / 3 * 3 + p % 9 / 3) * 3 + 2]);
    }
  }
  fixture_argument(&fixture, "captions")->i = 0;
  fixture_argument(&fixture, "channels")->text = "";
  fixture_argument(&fixture, "count")->i = 2;
  int before = sheet->height;
  g_assert_cmpint(fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE)->height, <, before);
  fixture_clear(&fixture);
  search_clear(&search);
}

static void
test_patches_answers(void)
{
  Search search;
  Fixture fixture;
  search_init(&search, design_new("stride"), "y", 1);
  patches_init(&fixture, &search);
  fixture.verdict = NN_STOP;
  fixture.stop_after = 3; /* after the second picture */
  fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  const NnResult *result = &g_array_index(fixture.run.results, NnResult, 0);
  for (guint i = 0; i < result->captions->len; i++) {
    const char *name = strchr(g_array_index(result->captions, NnCaption, i).text, ' ');
    g_assert_true(name == NULL || name[1] == 'a' || name[1] == 'b');
  }
  fixture.verdict = NN_CANCEL;
  for (fixture.stop_after = 1; fixture.stop_after < 11; fixture.stop_after += 3)
    fixture_fail(&fixture, NULL, NN_ERROR_CANCELLED, "");
  fixture.stop_after = 0;
  static const char *const wrong[] = {"1,x", "-3", "1.5", "99999999999", "0-2000"};
  for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
    fixture_argument(&fixture, "channels")->text = wrong[i];
    fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "number");
  }
  fixture_argument(&fixture, "channels")->text = "7";
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "numbered from 0 to 6");
  fixture_argument(&fixture, "channels")->text = "";
  search.source.pictures += 2;
  search.source.count = 1;
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "no pictures that could be looked at");
  fixture_argument(&fixture, "folder")->source = NULL;
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "Choose a folder");
  fixture_clear(&fixture);
  search_clear(&search);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/look/filters/colour", test_filters_colour);
  g_test_add_func("/look/filters/groups", test_filters_groups);
  g_test_add_func("/look/filters/base", test_filters_base);
  g_test_add_func("/look/filters/none", test_filters_none);
  g_test_add_func("/look/activations/sheet", test_activations_sheet);
  g_test_add_func("/look/activations/small", test_activations_small);
  g_test_add_func("/look/activations/pieces", test_activations_pieces);
  g_test_add_func("/look/activations/answers", test_activations_answers);
  g_test_add_func("/look/activations/stop", test_activations_stop);
  g_test_add_func("/look/activations/memory", test_activations_memory);
  for (int i = 0; i < 3; i++) {
    g_autofree char *best = g_strdup_printf("/look/patches/best/%s", designs[i].name);
    g_autofree char *crops = g_strdup_printf("/look/patches/crops/%s", designs[i].name);
    g_test_add_data_func(best, designs[i].name, test_patches_best);
    g_test_add_data_func(crops, designs[i].name, test_patches_crops);
  }
  g_test_add_func("/look/patches/crops/base", test_patches_crops_base);
  g_test_add_func("/look/patches/large-fields", test_patches_large_fields);
  g_test_add_func("/look/patches/several", test_patches_several);
  g_test_add_func("/look/patches/sheet", test_patches_sheet);
  g_test_add_func("/look/patches/answers", test_patches_answers);
  return g_test_run();
}
