/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feature inversion on the small network: the first layer gives nearly the picture back, deeper
 * ones less; pixels and frequencies; smoothness and range; the same picture for every number of
 * threads; alpha; Stop and Cancel; layers that do not exist. */
#include <string.h>

#include "tests/effects/base-network.h"
#include "tests/effects/fixture.h"

static void
set_up(Fixture *fixture, const NnNetwork *network, int threads, const char *layers)
{
  fixture_init(fixture, "feature-inversion", network, threads);
  fixture_argument(fixture, "layers")->text = layers;
  fixture_argument(fixture, "iterations")->i = 40;
}

/* of 0..1, over the three colours */
static double
psnr(const NnImage *a, const NnImage *b)
{
  double squares = 0;
  size_t count = 0;
  for (size_t i = 0; i < nn_image_samples(a); i++)
    if (i % 4 != 3) {
      squares += pow((double)a->data[i] - b->data[i], 2);
      count++;
    }
  return 10 * log10((double)count / squares);
}

static void
test_depth(gconstpointer data)
{
  static const char *const layers[] = {"relu1_1", "relu2_1", "relu3_1", "relu4_1"};
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) content = picture_scene(64, 48);
  double before = INFINITY;
  for (size_t i = 0; i < G_N_ELEMENTS(layers); i++) {
    Fixture fixture;
    set_up(&fixture, network, 2, layers[i]);
    fixture_argument(&fixture, "iterations")->i = 120;
    fixture_argument(&fixture, "parametrization")->i = GPOINTER_TO_INT(data);
    g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
    double value = psnr(content, result);
    g_test_message("%s: PSNR %.1f dB", layers[i], value);
    g_assert_cmpfloat(value, <, before);
    if (i == 0)
      g_assert_cmpfloat(value, >, 28);
    before = value;
    fixture_clear(&fixture);
  }
}

/* mean square of differences of neighbours */
static double
roughness(const NnImage *image)
{
  double sum = 0;
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x + 1 < image->width; x++)
      sum += pow((double)pixel_at(image, x + 1, y, 1) - pixel_at(image, x, y, 1), 2);
  return sum / (image->width * image->height);
}

static double
distance_from_grey(const NnImage *image)
{
  double sum = 0;
  for (size_t i = 0; i < nn_image_samples(image); i++)
    sum += i % 4 == 3 ? 0 : pow((double)image->data[i] - 0.5, 2);
  return sum;
}

static void
test_priors(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) content = picture_scene(48, 48);
  Fixture fixture;
  set_up(&fixture, network, 2, "relu3_1");
  fixture_argument(&fixture, "parametrization")->i = 0;
  fixture_argument(&fixture, "smoothness")->d = 0;
  fixture_argument(&fixture, "range")->d = 0;
  g_autoptr(NnImage) free = fixture_run_layer(&fixture, content);
  fixture_argument(&fixture, "smoothness")->d = 0.2;
  g_autoptr(NnImage) smooth = fixture_run_layer(&fixture, content);
  g_assert_cmpfloat(roughness(smooth), <, 0.5 * roughness(free));
  fixture_argument(&fixture, "smoothness")->d = 0;
  fixture_argument(&fixture, "range")->d = 100;
  g_autoptr(NnImage) grey = fixture_run_layer(&fixture, content);
  g_assert_cmpfloat(distance_from_grey(grey), <, 0.7 * distance_from_grey(free));
  fixture_clear(&fixture);
}

static void
test_same_bits(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) content = picture_scene(40, 33);
  for (int frequencies = 0; frequencies < 2; frequencies++) {
    NnImage *results[4];
    for (int i = 0; i < 4; i++) {
      Fixture fixture;
      set_up(&fixture, network, i == 1 ? 3 : 1, "relu2_1");
      fixture_argument(&fixture, "iterations")->i = 8;
      fixture_argument(&fixture, "parametrization")->i = frequencies;
      fixture_argument(&fixture, "seed")->i = i == 2;
      fixture_argument(&fixture, "optimizer")->i = i == 3;
      results[i] = fixture_run_layer(&fixture, content);
      fixture_clear(&fixture);
    }
    g_assert_cmpfloat(largest_difference(results[0], results[1]), ==, 0);
    g_assert_cmpfloat(largest_difference(results[0], results[2]), >, 1e-3);
    g_assert_cmpfloat(largest_difference(results[0], results[3]), >, 1e-3);
    for (int i = 0; i < 4; i++)
      nn_image_free(results[i]);
  }
}

static void
test_alpha_and_size(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) content = picture_scene(60, 40);
  for (int i = 0; i < 60; i++) {
    content->data[4 * i] = 9;
    content->data[4 * i + 3] = 0;
  }
  content->data[4 * 100 + 3] = 0.5f;
  Fixture fixture;
  set_up(&fixture, network, 2, "relu1_1");
  fixture_argument(&fixture, "working-size")->i = 30;
  g_autoptr(NnImage) result = fixture_run_layer(&fixture, content);
  for (int i = 0; i < 60 * 40; i++) {
    g_assert_cmpfloat(result->data[4 * i + 3], ==, content->data[4 * i + 3]);
    if (i < 60)
      g_assert_cmpfloat(result->data[4 * i], ==, 9);
    for (int c = 0; i >= 60 && c < 3; c++)
      g_assert_true(result->data[4 * i + c] >= 0 && result->data[4 * i + c] <= 1);
  }
  fixture_clear(&fixture);
}

static void
test_stop(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) content = picture_scene(32, 32);
  Fixture fixture;
  set_up(&fixture, network, 1, "relu2_1");
  fixture.render = true;
  fixture.verdict = NN_STOP;
  g_autoptr(NnImage) whole = fixture_run_layer(&fixture, content);
  fixture.stop_after = 6;
  g_autoptr(NnImage) part = fixture_run_layer(&fixture, content);
  g_assert_cmpint(fixture.reports, ==, 6);
  g_assert_cmpfloat(psnr(content, part), <, psnr(content, whole));
  fixture.stop_after = 1;
  g_autoptr(NnImage) nothing = fixture_run_layer(&fixture, content);
  fixture.verdict = NN_CANCEL;
  for (fixture.stop_after = 1; fixture.stop_after < 5; fixture.stop_after++)
    fixture_fail(&fixture, content, NN_ERROR_CANCELLED, "");
  fixture_clear(&fixture);
}

static void
test_errors(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) content = picture_scene(32, 32);
  g_autoptr(NnImage) tiny = picture_scene(2, 2);
  g_autoptr(NnImage) nothing = picture_constant(8, 8, 4, 0);
  Fixture fixture;
  set_up(&fixture, network, 1, "no_such_layer");
  fixture_fail(&fixture, content, NN_ERROR_ARGUMENT, "no_such_layer");
  fixture_argument(&fixture, "layers")->text = "relu5_1";
  fixture_fail(&fixture, tiny, NN_ERROR_SHAPE, "");
  fixture_fail(&fixture, nothing, NN_ERROR_ARGUMENT, "transparent");
  fixture_argument(&fixture, "layers")->text = "";
  fixture_fail(&fixture, content, NN_ERROR_ARGUMENT, "layer"); /* no preset here */
  fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/inversion/depth/pixels", GINT_TO_POINTER(0), test_depth);
  g_test_add_data_func("/inversion/depth/frequencies", GINT_TO_POINTER(1), test_depth);
  g_test_add_func("/inversion/priors", test_priors);
  g_test_add_func("/inversion/same-bits", test_same_bits);
  g_test_add_func("/inversion/alpha-and-size", test_alpha_and_size);
  g_test_add_func("/inversion/stop", test_stop);
  g_test_add_func("/inversion/errors", test_errors);
  return g_test_run();
}
