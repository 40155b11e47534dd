/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fast style on networks whose pictures are known beforehand: sizes, padding, mixing, strength,
 * colours, alpha; Stop and Cancel; networks that will not do. */
#include <string.h>

#include "nncore/image/colour.h"
#include "nncore/image/pad.h"
#include "tests/effects/fixture.h"
#include "tests/unit/onnx-builder.h"

static const NnInputSpec levels = {.range = 255, .deviation = {1, 1, 1}, .multiple = 1};

static NnNetwork *
network_of(OnnxBuilder *builder, NnRole role)
{
  g_autoptr(GError) error = NULL;
  NnModel *model = onnx_builder_open(builder, &error);
  g_assert_no_error(error);
  onnx_builder_clear(builder);
  NnNetwork *network = nn_network_new(model, "painter");
  network->role = role;
  network->input = levels;
  return network;
}

static void
add_number(OnnxBuilder *builder, const char *name, float value)
{
  static const int64_t one = 1;
  onnx_add_raw(builder, name, 1, &one, 1, &value, sizeof value);
}

static void
begin(OnnxBuilder *builder)
{
  onnx_builder_init(builder);
  onnx_add_input(builder, "x", &NN_SHAPE(1, 3, 0, 0));
}

/* y = offset + factor * x, in levels */
static NnNetwork *
affine_network(float factor, float offset)
{
  OnnxBuilder builder;
  begin(&builder);
  add_number(&builder, "factor", factor);
  add_number(&builder, "offset", offset);
  onnx_add_node(&builder, "Mul", "x factor", "m", NULL);
  onnx_add_node(&builder, "Add", "m offset", "y", NULL);
  onnx_add_output(&builder, "y");
  return network_of(&builder, NN_ROLE_FEED_FORWARD);
}

/* the mean of blocks of 4 x 4, spread out again: sides must be multiples of 4 */
static NnNetwork *
block_network(bool spread)
{
  OnnxBuilder builder;
  static const float scales[] = {1, 1, 4, 4};
  static const int64_t n = 4;
  begin(&builder);
  onnx_add_node(&builder, "AveragePool", "x", spread ? "m" : "y", "kernel_shape=4,4 strides=4,4");
  if (spread) {
    onnx_add_raw(&builder, "scales", 1, &n, 1, scales, sizeof scales);
    onnx_add_node(&builder, "Resize", "m  scales", "y",
                  "mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor");
  }
  onnx_add_output(&builder, "y");
  return network_of(&builder, NN_ROLE_FEED_FORWARD);
}

/* convolutions, normalised over the picture */
static NnNetwork *
norm_network(void)
{
  OnnxBuilder builder;
  begin(&builder);
  onnx_add_weights(&builder, "w", &NN_SHAPE(16, 3, 3, 3));
  onnx_add_weights(&builder, "scale", &NN_SHAPE(16));
  onnx_add_weights(&builder, "shift", &NN_SHAPE(16));
  onnx_add_weights(&builder, "v", &NN_SHAPE(3, 16, 3, 3));
  onnx_add_node(&builder, "Conv", "x w", "c", "pads=1,1,1,1");
  onnx_add_node(&builder, "InstanceNormalization", "c scale shift", "n", NULL);
  onnx_add_node(&builder, "Relu", "n", "r", NULL);
  onnx_add_node(&builder, "Conv", "r v", "d", "pads=1,1,1,1");
  add_number(&builder, "factor", 20);
  onnx_add_node(&builder, "Mul", "d factor", "y", NULL);
  onnx_add_output(&builder, "y");
  return network_of(&builder, NN_ROLE_FEED_FORWARD);
}

/* the same bits for every number of threads, whole and in tiles */
static void
test_threads(void)
{
  g_autoptr(NnNetwork) network = norm_network();
  g_autoptr(NnImage) content = picture_scene(181, 203);
  for (int tiles = 0; tiles < 2; tiles++) {
    g_autoptr(NnImage) first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
      Fixture fixture;
      NnEstimate whole;
      fixture_init(&fixture, "fast-style", network, threads);
      nn_context_set_memory_budget(fixture.context, INT64_C(1) << 40);
      g_assert_true(
          nn_effect_estimate(&fixture.run, content->width, content->height, &whole, NULL));
      if (tiles != 0)
        nn_context_set_memory_budget(fixture.context,
                                     (int64_t)(whole.bytes - 0.5 * whole.tiled_bytes));
      g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
      g_assert_cmpfloat(largest_difference(result, content), >, 0.1);
      if (first == NULL)
        first = nn_image_copy(result, NULL);
      g_assert_cmpfloat(largest_difference(result, first), ==, 0);
      fixture_clear(&fixture);
    }
  }
}

static void
test_values(void)
{
  g_autoptr(NnNetwork) network = affine_network(-1, 255);
  g_autoptr(NnImage) content = picture_scene(23, 17);
  Fixture fixture;
  fixture_init(&fixture, "fast-style", network, 2);
  g_autoptr(NnImage) negative = fixture_run_layer(&fixture, content);
  fixture_argument(&fixture, "strength")->d = 0.5;
  g_autoptr(NnImage) half = fixture_run_layer(&fixture, content);
  fixture_argument(&fixture, "working-size")->i = 9;
  g_autoptr(NnImage) small = fixture_run_layer(&fixture, content);
  for (size_t i = 0; i < nn_image_samples(content); i++) {
    bool alpha = i % 4 == 3;
    g_assert_cmpfloat_with_epsilon(negative->data[i], alpha ? 1 : 1 - content->data[i], 1e-5);
    g_assert_cmpfloat_with_epsilon(half->data[i], alpha ? 1 : 0.5, 1e-5);
  }
  /* a network that looks at single pixels changes a smaller picture likewise */
  g_assert_cmpfloat_with_epsilon(mean_of(small, 0), 0.5, 0.01);
  fixture_clear(&fixture);
}

static void
test_clipped(void)
{
  g_autoptr(NnNetwork) network = affine_network(100, -50 * 255.0f); /* black or white */
  g_autoptr(NnImage) content = picture_noise(8, 8, 4, 1);
  Fixture fixture;
  fixture_init(&fixture, "fast-style", network, 1);
  fixture_argument(&fixture, "strength")->d = 0.5;
  g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
  for (size_t i = 0; i < nn_image_samples(content); i++) {
    float x = content->data[i];
    double target = CLAMP(100 * (double)x - 50, 0, 1);
    if (i % 4 != 3 && content->data[i / 4 * 4 + 3] > 0)
      g_assert_cmpfloat_with_epsilon(result->data[i], x + (target - x) / 2, 1e-4);
  }
  fixture_clear(&fixture);
}

static void
test_mix(void)
{
  g_autoptr(NnNetwork) first = affine_network(0, 51);   /* 0.2 */
  g_autoptr(NnNetwork) second = affine_network(0, 204); /* 0.8 */
  g_autoptr(NnImage) content = picture_scene(12, 8);
  static const double mixes[] = {0, 0.25, 1};
  Fixture fixture;
  fixture_init(&fixture, "fast-style", first, 2);
  fixture_argument(&fixture, "second-network")->network = second;
  for (size_t i = 0; i < G_N_ELEMENTS(mixes); i++) {
    fixture_argument(&fixture, "mix")->d = mixes[i];
    g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
    g_assert_cmpfloat_with_epsilon(mean_of(result, 1), 0.2 + 0.6 * mixes[i], 1e-5);
  }
  fixture_clear(&fixture);
}

/* luminance is the network's, chroma the content's, where it fits */
static void
test_colours(void)
{
  g_autoptr(NnNetwork) network = affine_network(0.9f, 0);
  g_autoptr(NnImage) content = picture_scene(20, 20);
  Fixture fixture;
  fixture_init(&fixture, "fast-style", network, 2);
  fixture_argument(&fixture, "keep-colors")->i = 1;
  g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
  for (size_t i = 0; i < nn_image_samples(content); i += 4) {
    const float *from = content->data + i, *to = result->data + i;
    float before = nn_luminance(from), after = nn_luminance(to);
    g_assert_cmpfloat_with_epsilon(after, 0.9 * before, 1e-5);
    for (int c = 0; c < 3; c++)
      g_assert_cmpfloat_with_epsilon(to[c] - after, from[c] - before, 1e-5);
  }
  fixture_clear(&fixture);
}

/* the mean of the 4 x 4 block that (x, y) lies in, of the picture reflected at its end */
static double
block_mean(const NnImage *padded, int x, int y, int c)
{
  double sum = 0;
  for (int k = 0; k < 16; k++)
    sum += pixel_at(padded, x / 4 * 4 + k % 4, y / 4 * 4 + k / 4, c);
  return sum / 16;
}

/* sizes that the network does not take, whether or not the file says so */
static void
test_sizes(void)
{
  g_autoptr(NnNetwork) network = block_network(true);
  static const int sizes[][2] = {{1, 1}, {2, 7}, {4, 4}, {13, 5}, {30, 19}};
  Fixture fixture;
  fixture_init(&fixture, "fast-style", network, 2);
  for (int said = 0; said < 2; said++)
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
      network->input.multiple = said ? 4 : 1;
      int width = sizes[i][0], height = sizes[i][1];
      g_autoptr(NnImage) content = picture_noise(width, height, 4, i);
      for (size_t k = 3; k < nn_image_samples(content); k += 4)
        content->data[k] = 1;
      g_autoptr(NnImage) padded =
          nn_image_pad_reflect(content, (width + 3) / 4 * 4, (height + 3) / 4 * 4, NULL);
      g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
      for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
          g_assert_cmpfloat_with_epsilon(pixel_at(result, x, y, 1), block_mean(padded, x, y, 1),
                                         1e-5);
    }
  fixture_clear(&fixture);
}

static void
test_alpha(void)
{
  g_autoptr(NnNetwork) network = affine_network(0, 255);
  g_autoptr(NnImage) content = picture_scene(9, 9);
  for (int i = 0; i < 9; i++) {
    content->data[4 * i + 3] = 0;
    content->data[4 * i] = -7;
  }
  content->data[4 * 40 + 3] = 0.5f;
  Fixture fixture;
  fixture_init(&fixture, "fast-style", network, 1);
  g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
  for (int i = 0; i < 81; i++) {
    g_assert_cmpfloat(result->data[4 * i + 3], ==, content->data[4 * i + 3]);
    if (i < 9)
      g_assert_cmpfloat(result->data[4 * i], ==, -7);
    else
      g_assert_cmpfloat(result->data[4 * i], ==, 1);
  }
  for (size_t i = 3; i < nn_image_samples(content); i += 4)
    content->data[i] = 0;
  fixture_fail(&fixture, content, NN_ERROR_ARGUMENT, "transparent");
  fixture_clear(&fixture);
}

static void
test_refusals(void)
{
  g_autoptr(NnNetwork) good = affine_network(1, 0), small = block_network(false);
  g_autoptr(NnNetwork) nonsense = affine_network(NAN, 0);
  g_autoptr(NnImage) content = picture_scene(16, 12);
  Fixture fixture;
  fixture_init(&fixture, "fast-style", good, 1);
  good->role = NN_ROLE_CLASSIFIER;
  fixture_fail(&fixture, content, NN_ERROR_ARGUMENT, "feed-forward");
  good->role = NN_ROLE_FEED_FORWARD;
  fixture_argument(&fixture, "network")->network = small;
  fixture_fail(&fixture, content, NN_ERROR_SHAPE, "1 x 3 x 3 x 4");
  fixture_argument(&fixture, "network")->network = nonsense;
  g_autoptr(GError) error = NULL;
  fixture_start(&fixture, content);
  g_assert_false(nn_effect_run(&fixture.run, &error));
  g_assert_nonnull(error);
  fixture_clear(&fixture);
}

/* how many of the networks of test_stop(), which make 0.2 and 0.8 of all, painted the result */
static int
painted_of(const NnImage *content, const NnImage *result)
{
  double means[] = {mean_of(content, 0), 0.5 * mean_of(content, 0) + 0.5 * 0.2, 0.5};
  for (int n = 0; n < 3; n++)
    if (fabs(mean_of(result, 0) - means[n]) < 1e-5)
      return n;
  g_assert_not_reached();
}

static void
test_stop(void)
{
  g_autoptr(NnNetwork) first = affine_network(0, 51), second = affine_network(0, 204);
  g_autoptr(NnImage) content = picture_scene(16, 12);
  Fixture fixture;
  fixture_init(&fixture, "fast-style", first, 1);
  fixture_argument(&fixture, "second-network")->network = second;
  fixture.render = true;
  fixture.verdict = NN_STOP;
  int before = 0;
  for (fixture.stop_after = 1; fixture.stop_after < 9; fixture.stop_after++) {
    g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
    /* what a network has not painted yet counts as the content */
    int painted = painted_of(content, result);
    g_assert_cmpint(painted, >=, before);
    g_assert_true(painted == 0 || fixture.stop_after > 1);
    before = painted;
  }
  g_assert_cmpint(before, ==, 2);
  fixture.verdict = NN_CANCEL;
  for (fixture.stop_after = 1; fixture.stop_after < 4; fixture.stop_after++)
    fixture_fail(&fixture, content, NN_ERROR_CANCELLED, "");
  fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/fast-style/threads", test_threads);
  g_test_add_func("/fast-style/values", test_values);
  g_test_add_func("/fast-style/clipped", test_clipped);
  g_test_add_func("/fast-style/mix", test_mix);
  g_test_add_func("/fast-style/colours", test_colours);
  g_test_add_func("/fast-style/sizes", test_sizes);
  g_test_add_func("/fast-style/alpha", test_alpha);
  g_test_add_func("/fast-style/refusals", test_refusals);
  g_test_add_func("/fast-style/stop", test_stop);
  return g_test_run();
}
