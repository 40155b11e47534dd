/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Style transfer from end to end on the small network: style comes, content stays; the same
 * picture for every number of threads; Stop keeps, Cancel does not; colours, regions, masks,
 * mixtures, pooling; impossible choices end in sentences. */
#include <math.h>
#include <string.h>

#include "nncore/effects/transfer.h"
#include "nncore/image/colour.h"
#include "nncore/plan/workspace.h"
#include "tests/effects/base-network.h"
#include "tests/effects/fixture.h"
#include "tests/unit/onnx-builder.h"

#define STYLE_LAYERS "relu1_1,relu2_1,relu3_1"
#define CONTENT_LAYERS "relu3_2"

/* stripes of two colours at a slant; opaque RGBA */
static NnImage *
stripes_new(int width, int height, bool warm)
{
  NnImage *image = picture_new(width, height, 4);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      float *pixel = image->data + ((size_t)y * (size_t)width + (size_t)x) * 4;
      float wave = (float)(0.5 + 0.5 * sin((x * (warm ? 1 : -1) + 2 * y) / 2.5));
      pixel[0] = warm ? 0.9f : 0.2f * wave;
      pixel[1] = 0.3f + 0.4f * wave;
      pixel[2] = warm ? 0.2f * wave : 0.9f;
      pixel[3] = 1;
    }
  return image;
}

static NnNetwork *
network_new(void)
{
  NnNetwork *network = base_network_new();
  g_hash_table_insert(network->presets, g_strdup("style"), g_strdup(STYLE_LAYERS));
  g_hash_table_insert(network->presets, g_strdup("content"), g_strdup(CONTENT_LAYERS));
  return network;
}

/* few iterations at one size */
static void
set_up(Fixture *fixture, const NnNetwork *network, const NnImage *style, int threads)
{
  fixture_init(fixture, "style-transfer", network, threads);
  fixture_argument(fixture, "style-1-layer")->image = style;
  fixture_argument(fixture, "scales")->i = 2;
  fixture_argument(fixture, "iterations")->i = 12;
  fixture_argument(fixture, "tolerance")->d = 0;
}

typedef struct {
  double style, content;
} Losses;

/* of @image against @style and @content */
static Losses
losses_of(const NnNetwork *network, NnStyle kind, const NnImage *image, const NnImage *style,
          const NnImage *content)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnImage) picture = picture_without_alpha(image);
  g_autoptr(NnImage) style_picture = picture_without_alpha(style);
  g_autoptr(NnImage) content_picture = picture_without_alpha(content);
  g_autoptr(NnImage) gradient = picture_new(picture->width, picture->height, 3);
  g_autoptr(NnStyleModel) model =
      nn_style_model_new(network, context, kind, STYLE_LAYERS, CONTENT_LAYERS,
                         (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  NnStyleSource source = {style_picture, 1, NULL, NULL};
  g_autoptr(NnEvaluator) evaluator = nn_style_model_prepare(
      model, &source, 1, 1, content_picture, 1, picture->width, picture->height, &error);
  g_assert_no_error(error);
  double value;
  nn_criterion_evaluate(nn_style_model_criterion(model), evaluator, picture, 0, 0, gradient, &value,
                        &error);
  g_assert_no_error(error);
  Losses losses = {nn_style_model_style_loss(model), nn_style_model_content_loss(model)};
  g_assert_cmpfloat_with_epsilon(losses.style + losses.content, value, 1e-9);
  return losses;
}

static void
test_transfers(void)
{
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_scene(88, 70);
  g_autoptr(NnImage) style = stripes_new(80, 80, true);
  for (int kind = 0; kind < 3; kind++)
    for (int optimiser = 0; optimiser < 2; optimiser++) {
      Fixture fixture;
      set_up(&fixture, network, style, 2);
      fixture_argument(&fixture, "loss")->i = kind;
      fixture_argument(&fixture, "optimizer")->i = optimiser;
      fixture_argument(&fixture, "iterations")->i = 30;
      g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
      Losses before = losses_of(network, (NnStyle)kind, content, style, content);
      Losses after = losses_of(network, (NnStyle)kind, result, style, content);
      g_test_message("style %g to %g, content %g to %g", before.style, after.style, before.content,
                     after.content);
      g_assert_cmpfloat(after.style, <, 0.4 * before.style);
      fixture_argument(&fixture, "content-weight")->d = 100;
      g_autoptr(NnImage) faithful = fixture_run_layer(&fixture, content);
      Losses kept = losses_of(network, (NnStyle)kind, faithful, style, content);
      g_assert_cmpfloat(kept.content, <, 0.5 * after.content);
      fixture_clear(&fixture);
    }
}

static void
test_threads(void)
{
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_scene(60, 71);
  g_autoptr(NnImage) style = stripes_new(50, 40, true);
  for (int optimiser = 0; optimiser < 2; optimiser++) {
    NnImage *results[2];
    for (int i = 0; i < 2; i++) {
      Fixture fixture;
      set_up(&fixture, network, style, i == 0 ? 1 : 3);
      fixture_argument(&fixture, "optimizer")->i = optimiser;
      fixture_argument(&fixture, "loss")->i = NN_STYLE_WASSERSTEIN;
      fixture_argument(&fixture, "start")->i = NN_START_STYLE;
      results[i] = fixture_run_layer(&fixture, content);
      fixture_clear(&fixture);
    }
    size_t bytes = nn_image_samples(results[0]) * sizeof(float);
    g_assert_cmpmem(results[0]->data, bytes, results[1]->data, bytes);
    nn_image_free(results[0]);
    nn_image_free(results[1]);
  }
}

/* pixels that are no numbers, or far beyond white, count as what the network sees of them */
static void
test_not_finite(void)
{
  static const float given[] = {NAN, INFINITY, -INFINITY, 40}, seen[] = {0, 1, 0, 1};
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_scene(48, 40);
  NnImage *styles[2], *results[2];
  for (int i = 0; i < 2; i++) {
    styles[i] = stripes_new(40, 36, true);
    for (int k = 0; k < 4; k++) {
      styles[i]->data[4 * (300 + 40 * k) + k % 3] = i == 0 ? given[k] : seen[k];
      styles[i]->data[4 * (310 + 40 * k) + 3] = i == 0 ? given[k] : seen[k];
    }
  }
  for (int mode = 0; mode < 5; mode++) {
    for (int i = 0; i < 2; i++) {
      Fixture fixture;
      set_up(&fixture, network, styles[i], 2);
      fixture_argument(&fixture, "iterations")->i = 3;
      fixture_argument(&fixture, "colors")->i = mode % 4;
      fixture_argument(&fixture, "start")->i = mode == 4 ? NN_START_STYLE : NN_START_CONTENT;
      results[i] = fixture_run_layer(&fixture, content);
      fixture_clear(&fixture);
    }
    size_t bytes = nn_image_samples(results[0]) * sizeof(float);
    g_assert_cmpmem(results[0]->data, bytes, results[1]->data, bytes);
    nn_image_free(results[0]);
    nn_image_free(results[1]);
  }
  nn_image_free(styles[0]);
  nn_image_free(styles[1]);
}

static bool
differ(const NnImage *a, const NnImage *b)
{
  return memcmp(a->data, b->data, nn_image_samples(a) * sizeof(float)) != 0;
}

static void
test_stopped(void)
{
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_scene(60, 71);
  g_autoptr(NnImage) style = stripes_new(50, 40, true);
  for (int after = 2; after < 25; after += 7) {
    Fixture fixture;
    set_up(&fixture, network, style, 2);
    fixture.stop_after = after;
    fixture.verdict = NN_STOP;
    fixture.render = after % 2 == 0;
    g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
    g_assert_cmpint(fixture.reports, ==, after);
    fixture.verdict = NN_CANCEL;
    fixture_fail(&fixture, content, NN_ERROR_CANCELLED, "");
    fixture_clear(&fixture);
  }
}

/* chroma, the differences of channels, stays; alpha and what lies under alpha 0, too */
static void
test_luminance(void)
{
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_scene(60, 48);
  g_autoptr(NnImage) style = stripes_new(50, 40, true);
  for (int i = 0; i < 200; i++)
    content->data[4 * i + 3] = (float)(i % 3) / 2;
  Fixture fixture;
  set_up(&fixture, network, style, 2);
  fixture_argument(&fixture, "colors")->i = NN_COLOURS_LUMINANCE;
  g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
  g_assert_true(differ(result, content));
  for (int i = 0; i < 60 * 48; i++) {
    const float *from = content->data + 4 * i, *to = result->data + 4 * i;
    g_assert_cmpfloat(to[3], ==, from[3]);
    for (int c = 0; c < 3; c++) {
      g_assert_cmpfloat_with_epsilon(to[c] - nn_luminance(to), from[c] - nn_luminance(from),
                                     1.0 / 255);
      if (from[3] == 0)
        g_assert_cmpfloat(to[c], ==, from[c]);
    }
  }
  fixture_clear(&fixture);
}

/* every choice of colours, start and pooling makes a picture of its own */
static void
test_choices(void)
{
  static const struct {
    const char *key;
    int choice;
  } choices[] = {{"colors", 0}, {"colors", 1},  {"colors", 2},  {"colors", 3}, {"start", 1},
                 {"start", 2},  {"pooling", 1}, {"pooling", 2}, {"average", 0}};
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_scene(60, 48);
  g_autoptr(NnImage) style = stripes_new(50, 40, false);
  g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func((GDestroyNotify)nn_image_free);
  for (size_t i = 0; i < G_N_ELEMENTS(choices); i++) {
    Fixture fixture;
    set_up(&fixture, network, style, 2);
    fixture_argument(&fixture, choices[i].key)->i = choices[i].choice;
    g_ptr_array_add(results, fixture_run_layer(&fixture, content));
    for (guint k = 0; k + 1 < results->len; k++)
      g_assert_true(differ(results->pdata[k], results->pdata[i]));
    fixture_clear(&fixture);
  }
}

/* the working size and the strength bound the change: at strength 0 there is none */
static void
test_strength(void)
{
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_scene(130, 100);
  g_autoptr(NnImage) style = stripes_new(50, 40, false);
  Fixture fixture;
  set_up(&fixture, network, style, 2);
  fixture_argument(&fixture, "working-size")->i = 64;
  fixture_argument(&fixture, "strength")->d = 0;
  g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
  g_assert_false(differ(result, content));
  fixture_argument(&fixture, "strength")->d = 1;
  g_autoptr(NnImage) other = fixture_run_layer(&fixture, content);
  g_assert_true(differ(other, content));
  fixture_clear(&fixture);
}

/* A region over the left half: outside of it and of what layers up to relu2_1 see around it (10 px
 * and, for the mask's soft edge, two cells of 2 px) the style has no gradient at all. */
static void
test_regions(void)
{
  enum { SIDE = 96, ZONE = 16 };
  g_autoptr(GError) error = NULL;
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) style = stripes_new(64, 64, true);
  g_autoptr(NnImage) style_picture = picture_without_alpha(style);
  g_autoptr(NnImage) scene = picture_scene(SIDE, SIDE);
  g_autoptr(NnImage) picture = picture_without_alpha(scene);
  g_autoptr(NnImage) gradient = picture_new(SIDE, SIDE, 3);
  g_autoptr(NnImage) region = picture_new(SIDE, SIDE, 1);
  for (int i = 0; i < SIDE * SIDE; i++)
    region->data[i] = i % SIDE < SIDE / 2 ? 1 : 0;
  g_autoptr(NnStyleModel) model =
      nn_style_model_new(network, context, NN_STYLE_GRAM, "relu1_1,relu2_1", NULL,
                         (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  NnStyleSource source = {style_picture, 1, NULL, region};
  g_autoptr(NnEvaluator) evaluator =
      nn_style_model_prepare(model, &source, 1, 1, NULL, 0, SIDE, SIDE, &error);
  g_assert_no_error(error);
  double value, inside = 0;
  nn_criterion_evaluate(nn_style_model_criterion(model), evaluator, picture, 0, 0, gradient, &value,
                        &error);
  g_assert_no_error(error);
  for (int i = 0; i < SIDE * SIDE * 3; i++) {
    int column = i / 3 % SIDE;
    if (column >= SIDE / 2 + ZONE)
      g_assert_cmpfloat(gradient->data[i], ==, 0);
    else if (column < SIDE / 2 - ZONE)
      inside += fabs((double)gradient->data[i]);
  }
  g_assert_cmpfloat(inside, >, 0);
}

/* the sum of squares of the picture's colours on one side that are nearer to the warm stripes */
static double
redness(const NnImage *image, bool left)
{
  double sum = 0;
  for (int i = 0; i < image->width * image->height; i++) {
    int column = i % image->width;
    if (left ? column < image->width / 3 : column >= image->width * 2 / 3)
      sum += (double)image->data[4 * i] - (double)image->data[4 * i + 2];
  }
  return sum;
}

/* warm stripes left, cold ones where no region is */
static void
test_two_regions(void)
{
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_constant(90, 60, 4, 0.5f);
  g_autoptr(NnImage) warm = stripes_new(64, 64, true);
  g_autoptr(NnImage) cold = stripes_new(64, 64, false);
  g_autoptr(NnImage) region = picture_new(90, 60, 1);
  for (int i = 0; i < 90 * 60; i++) {
    region->data[i] = i % 90 < 45 ? 1 : 0;
    content->data[4 * i + 3] = 1;
    content->data[4 * i + i % 3] += 0.01f; /* features that are not 0 */
  }
  Fixture fixture;
  set_up(&fixture, network, warm, 2);
  fixture_argument(&fixture, "style-1-region")->image = region;
  fixture_argument(&fixture, "style-2-layer")->image = cold;
  fixture_argument(&fixture, "iterations")->i = 30;
  g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
  g_assert_cmpfloat(redness(result, true), >, 100);
  g_assert_cmpfloat(redness(result, false), <, -100);
  fixture_clear(&fixture);
}

/* where the style's picture is transparent, nothing is taken from it */
static void
test_style_mask(void)
{
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnImage) content = picture_scene(60, 48);
  NnImage *results[2];
  for (int i = 0; i < 2; i++) {
    g_autoptr(NnImage) style = stripes_new(60, 60, true);
    for (int p = 0; p < 60 * 60; p++)
      if (p % 60 >= 30) {
        style->data[4 * p + 3] = 0;
        style->data[4 * p + 2] = (float)i;
      }
    Fixture fixture;
    set_up(&fixture, network, style, 2);
    results[i] = fixture_run_layer(&fixture, content);
    fixture_clear(&fixture);
  }
  g_assert_false(differ(results[0], results[1]));
  nn_image_free(results[0]);
  nn_image_free(results[1]);
}

static void
test_errors(void)
{
  g_autoptr(NnNetwork) network = network_new();
  g_autoptr(NnNetwork) bare = base_network_new();
  g_autoptr(NnImage) content = picture_scene(60, 48);
  g_autoptr(NnImage) style = stripes_new(50, 40, false);
  g_autoptr(NnImage) nothing = picture_constant(50, 40, 4, 0);
  g_autoptr(NnImage) empty = picture_constant(60, 48, 1, 0);
  Fixture fixture;
  set_up(&fixture, network, NULL, 2);
  fixture_fail(&fixture, content, NN_ERROR_ARGUMENT, "style-1-file");
  fixture_argument(&fixture, "style-1-file")->image = nothing;
  fixture_fail(&fixture, content, NN_ERROR_ARGUMENT, "style");
  fixture_argument(&fixture, "style-1-layer")->image = style;
  fixture_fail(&fixture, nothing, NN_ERROR_ARGUMENT, "transparent");
  fixture_argument(&fixture, "style-1-region")->image = empty;
  fixture_fail(&fixture, content, NN_ERROR_ARGUMENT, "region");
  fixture_argument(&fixture, "style-1-region")->image = NULL;
  fixture_argument(&fixture, "style-layers")->text = "relu9_1";
  fixture_fail(&fixture, content, NN_ERROR_ARGUMENT, "relu9_1");
  fixture_argument(&fixture, "style-layers")->text = "relu1_1";
  fixture_argument(&fixture, "style-weight")->d = -1;
  fixture_fail(&fixture, content, NN_ERROR_ARGUMENT, "style-weight");
  fixture_clear(&fixture);
  set_up(&fixture, bare, style, 2);
  fixture_fail(&fixture, content, NN_ERROR_ARGUMENT, "layer");
  fixture_clear(&fixture);
}

/* 1, 2, 3, 4 in a window */
static void
test_pooling(void)
{
  const double expected[] = {4, 2.5, sqrt(7.5)};
  g_autoptr(NnContext) context = nn_context_new(1);
  for (int kind = 0; kind < 3; kind++) {
    g_autoptr(GError) error = NULL;
    OnnxBuilder builder;
    onnx_builder_init(&builder);
    onnx_add_input(&builder, "x", &NN_SHAPE(1, 1, 0, 0));
    onnx_add_node(&builder, "MaxPool", "x", "y", "kernel_shape=2,2 strides=2,2");
    onnx_add_output(&builder, "y");
    g_autoptr(NnModel) model = onnx_builder_open(&builder, NULL);
    onnx_builder_clear(&builder);
    g_autoptr(NnProgram) program =
        nn_program_new(model, context, (const char *const[]){"y"}, 1,
                       (NnProgramOptions){.pooling = (NnPoolingKind)kind}, &error);
    g_assert_no_error(error);
    g_autoptr(NnPlan) plan = nn_plan_new(program, &NN_SHAPE(1, 1, 2, 2), 1, &error);
    g_autoptr(NnWorkspace) workspace = nn_workspace_new(plan, context, &error);
    g_assert_no_error(error);
    for (int i = 0; i < 4; i++)
      nn_workspace_input(workspace, 0)->f[i] = (float)(i + 1);
    nn_workspace_forward(workspace);
    g_assert_cmpfloat_with_epsilon(nn_workspace_target(workspace, 0)->f[0], expected[kind], 1e-6);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/style-transfer/transfers", test_transfers);
  g_test_add_func("/style-transfer/threads", test_threads);
  g_test_add_func("/style-transfer/stopped", test_stopped);
  g_test_add_func("/style-transfer/not-finite", test_not_finite);
  g_test_add_func("/style-transfer/luminance", test_luminance);
  g_test_add_func("/style-transfer/choices", test_choices);
  g_test_add_func("/style-transfer/strength", test_strength);
  g_test_add_func("/style-transfer/regions", test_regions);
  g_test_add_func("/style-transfer/two-regions", test_two_regions);
  g_test_add_func("/style-transfer/style-mask", test_style_mask);
  g_test_add_func("/style-transfer/errors", test_errors);
  g_test_add_func("/style-transfer/pooling", test_pooling);
  return g_test_run();
}
