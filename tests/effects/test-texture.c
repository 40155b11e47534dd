/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texture synthesis on the small network: features get the exemplar's statistics, of all of it or
 * of what is selected; sizes and places; mixtures; a tileable one's differences across its border
 * are like those inside; a small exemplar's borders are not to be found in a large texture; the same
 * picture for every number of threads; Stop and Cancel; choices that are none. */
#include "nncore/effects/style.h"
#include "tests/effects/base-network.h"
#include "tests/effects/fixture.h"

#define LAYERS "relu1_1,relu2_1,relu3_1"

/* stripes and dots over a gradient: a texture with a direction; opaque */
static NnImage *
exemplar_new(int width, int height, float red)
{
  NnImage *image = picture_new(width, height, 4);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      float *pixel = image->data + ((size_t)y * (size_t)width + (size_t)x) * 4;
      double wave = sin(x * 0.9 + 0.4 * sin(y * 0.3)), dot = hypot(x % 13 - 6, y % 11 - 5) < 3;
      pixel[0] = (float)(0.45 + 0.3 * wave) * (1 - red) + red;
      pixel[1] = (float)(0.5 - 0.2 * wave + 0.3 * dot);
      pixel[2] = (float)(0.3 + 0.2 * dot);
      pixel[3] = 1;
    }
  return image;
}

static void
set_up(Fixture *fixture, const NnNetwork *network, int threads)
{
  fixture_init(fixture, "texture-synthesis", network, threads);
  fixture_argument(fixture, "layers")->text = LAYERS;
  fixture_argument(fixture, "iterations")->i = 20;
  fixture_argument(fixture, "width")->i = 48;
  fixture_argument(fixture, "height")->i = 40;
}

/* how far features of @texture are from those of @exemplar: the loss itself */
static double
distance(const NnNetwork *network, NnContext *context, const NnImage *texture,
         const NnImage *exemplar)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnStyleModel) model = nn_style_model_new(network, context, NN_STYLE_GRAM, LAYERS, NULL,
                                                     (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  g_autoptr(NnImage) picture = picture_without_alpha(exemplar);
  g_autoptr(NnImage) other = picture_without_alpha(texture);
  g_autoptr(NnImage) gradient = nn_image_copy(other, NULL);
  NnStyleSource source = {.picture = picture, .weight = 1};
  g_autoptr(NnEvaluator) evaluator =
      nn_style_model_prepare(model, &source, 1, 1, NULL, 0, other->width, other->height, &error);
  g_assert_no_error(error);
  double value;
  nn_criterion_evaluate(nn_style_model_criterion(model), evaluator, other, 0, 0, gradient, &value,
                        &error);
  g_assert_no_error(error);
  return value;
}

static NnImage *
make(Fixture *fixture, const NnImage *content)
{
  const NnImage *image = fixture_run(fixture, content, NN_PLACE_NEW_IMAGE);
  g_assert_cmpint(image->channels, ==, 4);
  for (size_t i = 0; i < nn_image_samples(image); i++)
    g_assert_true(image->data[i] >= 0 && image->data[i] <= 1);
  return nn_image_copy(image, NULL);
}

static void
test_statistics(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) exemplar = exemplar_new(64, 56, 0);
  g_autoptr(NnImage) noise = picture_noise(48, 40, 4, 3);
  for (int loss = 0; loss < 3; loss++) {
    Fixture fixture;
    set_up(&fixture, network, 2);
    fixture_argument(&fixture, "loss")->i = loss;
    g_autoptr(NnImage) texture = make(&fixture, exemplar);
    g_assert_cmpint(texture->width, ==, 48);
    g_assert_cmpint(texture->height, ==, 40);
    double far = distance(network, fixture.context, noise, exemplar);
    double near = distance(network, fixture.context, texture, exemplar);
    g_test_message("loss %d: noise %g, texture %g", loss, far, near);
    g_assert_cmpfloat(near, <, 0.05 * far);
    fixture_clear(&fixture);
  }
}

static void
test_places(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) exemplar = exemplar_new(37, 31, 0);
  Fixture fixture;
  set_up(&fixture, network, 2);
  fixture_argument(&fixture, "iterations")->i = 2;
  fixture_argument(&fixture, "place")->i = 1;
  g_autoptr(NnImage) layer = fixture_run_layer(&fixture, exemplar);
  fixture_argument(&fixture, "place")->i = 0;
  fixture_argument(&fixture, "width")->i = fixture_argument(&fixture, "height")->i = 0;
  g_autoptr(NnImage) same = make(&fixture, exemplar);
  g_assert_cmpint(same->width, ==, 37);
  g_assert_cmpint(same->height, ==, 31);
  fixture_argument(&fixture, "width")->i = 70;
  fixture_argument(&fixture, "working-size")->i = 32;
  for (int tileable = 0; tileable < 2; tileable++) {
    fixture_argument(&fixture, "tileable")->i = tileable;
    g_autoptr(NnImage) wide = make(&fixture, exemplar);
    g_assert_cmpint(wide->width, ==, 70);
    g_assert_cmpint(wide->height, ==, 31);
  }
  fixture_clear(&fixture);
}

/* only what is selected counts: a grey exemplar with a red part selected gives a red texture */
static void
test_selection(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) content = exemplar_new(64, 64, 0);
  g_autoptr(NnImage) red = exemplar_new(64, 64, 0.9f);
  g_autoptr(NnImage) selection = picture_constant(64, 64, 1, 0);
  for (int y = 20; y < 60; y++)
    for (int x = 10; x < 50; x++) {
      size_t i = (size_t)y * 64 + (size_t)x;
      for (int c = 0; c < 4; c++)
        content->data[4 * i + (size_t)c] = red->data[4 * i + (size_t)c];
      selection->data[i] = 1;
    }
  Fixture fixture;
  set_up(&fixture, network, 2);
  fixture.run.selection = selection;
  g_autoptr(NnImage) texture = make(&fixture, content);
  g_assert_cmpfloat(mean_of(texture, 0), >, 0.85);
  fixture.run.selection = NULL;
  g_autoptr(NnImage) whole = make(&fixture, content);
  g_assert_cmpfloat(mean_of(whole, 0), <, 0.75);
  fixture_clear(&fixture);
}

static void
test_mixture(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) grey = exemplar_new(48, 48, 0);
  g_autoptr(NnImage) red = exemplar_new(48, 48, 1);
  Fixture fixture;
  set_up(&fixture, network, 2);
  fixture_argument(&fixture, "exemplar-2-file")->image = red;
  g_autoptr(NnImage) both = make(&fixture, grey);
  fixture_argument(&fixture, "own-weight")->d = 0;
  g_autoptr(NnImage) second = make(&fixture, grey);
  g_autoptr(NnImage) alone = make(&fixture, NULL);
  g_assert_cmpfloat(mean_of(second, 0), >, 0.9);
  g_assert_cmpfloat(mean_of(both, 0), <, 0.9);
  g_assert_cmpfloat(mean_of(both, 0), >, 0.55);
  g_assert_cmpfloat(largest_difference(second, alone), ==, 0);
  fixture_clear(&fixture);
}

/* by how many deviations of those inside the differences across the borders are above their mean */
static double
border_excess(const NnImage *image, bool vertical)
{
  int n = vertical ? image->height : image->width, across = vertical ? image->width : image->height;
  double sum = 0, squares = 0, border = 0;
  for (int i = 0; i < n; i++) {
    double mean = 0;
    for (int k = 0; k < across; k++)
      for (int c = 0; c < 3; c++)
        mean += vertical
                    ? fabs((double)pixel_at(image, k, i, c) - pixel_at(image, k, (i + 1) % n, c))
                    : fabs((double)pixel_at(image, i, k, c) - pixel_at(image, (i + 1) % n, k, c));
    border = mean;
    if (i == n - 1)
      break;
    sum += mean;
    squares += mean * mean;
  }
  double mean = sum / (n - 1);
  return (border - mean) / sqrt(squares / (n - 1) - mean * mean);
}

/* mean of many seeds, both ways: 16 numbers of deviation 1 have a mean within 0.75 of 0 */
static void
test_tileable(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) exemplar = exemplar_new(61, 53, 0);
  double excess[2] = {0};
  for (int tileable = 0; tileable < 2; tileable++)
    for (int seed = 0; seed < 8; seed++) {
      Fixture fixture;
      set_up(&fixture, network, 2);
      fixture_argument(&fixture, "tileable")->i = tileable;
      fixture_argument(&fixture, "seed")->i = seed;
      fixture_argument(&fixture, "scales")->i = 2;
      g_autoptr(NnImage) texture = make(&fixture, exemplar);
      excess[tileable] += (border_excess(texture, false) + border_excess(texture, true)) / 16;
      fixture_clear(&fixture);
    }
  g_test_message("excess at the border: tileable %g, otherwise %g", excess[1], excess[0]);
  g_assert_cmpfloat(fabs(excess[1]), <, 0.75);
  g_assert_cmpfloat(excess[0], >, 1.5);
}

/* what was made of a small patch of one colour has hardly more of it than the noise it came from
 * leaves: no line, no smudge where borders of the patch are looked for */
static void
test_small_exemplar(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) exemplar = picture_new(20, 24, 4);
  for (size_t i = 0; i < nn_image_samples(exemplar); i++)
    exemplar->data[i] = (const float[]){0.6f, 0.35f, 0.15f, 1}[i % 4];
  for (int tileable = 0; tileable < 2; tileable++) {
    Fixture fixture;
    set_up(&fixture, network, 2);
    fixture_argument(&fixture, "width")->i = 96;
    fixture_argument(&fixture, "height")->i = 80;
    fixture_argument(&fixture, "tileable")->i = tileable;
    g_autoptr(NnImage) texture = make(&fixture, exemplar);
    double squares = 0;
    for (size_t i = 0; i < nn_image_samples(texture); i++)
      squares += pow((double)texture->data[i] - (double)exemplar->data[i % 4], 2);
    double deviation = sqrt(squares / (double)nn_image_samples(texture));
    g_test_message("tileable %d: deviates by %g", tileable, deviation);
    g_assert_cmpfloat(deviation, <, 0.004);
    fixture_clear(&fixture);
  }
}

/* pixels that are no numbers, or far beyond white, count as what the network sees of them */
static void
test_not_finite(void)
{
  static const float given[] = {NAN, INFINITY, -INFINITY, 40}, seen[] = {0, 1, 0, 1};
  g_autoptr(NnNetwork) network = base_network_new();
  NnImage *results[2];
  for (int i = 0; i < 2; i++) {
    g_autoptr(NnImage) exemplar = exemplar_new(40, 40, 0);
    for (int k = 0; k < 4; k++) {
      exemplar->data[4 * (300 + 40 * k) + k % 3] = i == 0 ? given[k] : seen[k];
      exemplar->data[4 * (310 + 40 * k) + 3] = i == 0 ? given[k] : seen[k];
    }
    Fixture fixture;
    set_up(&fixture, network, 1);
    fixture_argument(&fixture, "iterations")->i = 4;
    results[i] = make(&fixture, exemplar);
    fixture_clear(&fixture);
  }
  g_assert_cmpfloat(largest_difference(results[0], results[1]), ==, 0);
  nn_image_free(results[0]);
  nn_image_free(results[1]);
}

static void
test_same_bits(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) exemplar = exemplar_new(40, 40, 0);
  NnImage *results[3];
  for (int i = 0; i < 3; i++) {
    Fixture fixture;
    set_up(&fixture, network, i == 1 ? 3 : 1);
    fixture_argument(&fixture, "tileable")->i = 1;
    fixture_argument(&fixture, "iterations")->i = 4;
    fixture_argument(&fixture, "seed")->i = i == 2;
    results[i] = make(&fixture, exemplar);
    fixture_clear(&fixture);
  }
  g_assert_cmpfloat(largest_difference(results[0], results[1]), ==, 0);
  g_assert_cmpfloat(largest_difference(results[0], results[2]), >, 1e-3);
  for (int i = 0; i < 3; i++)
    nn_image_free(results[i]);
}

static void
test_stop(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) exemplar = exemplar_new(40, 40, 0);
  Fixture fixture;
  set_up(&fixture, network, 1);
  fixture.render = true;
  fixture.verdict = NN_STOP;
  for (fixture.stop_after = 1; fixture.stop_after < 5; fixture.stop_after++) {
    g_autoptr(NnImage) part = make(&fixture, exemplar);
    g_assert_cmpint(part->width, ==, 48);
  }
  fixture.verdict = NN_CANCEL;
  for (fixture.stop_after = 1; fixture.stop_after < 5; fixture.stop_after++)
    fixture_fail(&fixture, exemplar, NN_ERROR_CANCELLED, "");
  fixture_clear(&fixture);
}

static void
test_errors(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnImage) exemplar = exemplar_new(40, 40, 0);
  g_autoptr(NnImage) nothing = picture_constant(8, 8, 4, 0);
  Fixture fixture;
  set_up(&fixture, network, 1);
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "exemplar-2-file");
  fixture_fail(&fixture, nothing, NN_ERROR_ARGUMENT, "transparent");
  fixture_argument(&fixture, "layers")->text = "no_such_layer";
  fixture_fail(&fixture, exemplar, NN_ERROR_ARGUMENT, "no_such_layer");
  fixture_argument(&fixture, "layers")->text = "logits";
  fixture_argument(&fixture, "tileable")->i = 1;
  fixture_fail(&fixture, exemplar, NN_ERROR_ARGUMENT, "logits");
  fixture_argument(&fixture, "layers")->text = LAYERS;
  fixture_argument(&fixture, "exemplar-2-file")->image = exemplar;
  fixture_argument(&fixture, "place")->i = 1;
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "no layer");
  fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/texture/statistics", test_statistics);
  g_test_add_func("/texture/places", test_places);
  g_test_add_func("/texture/selection", test_selection);
  g_test_add_func("/texture/mixture", test_mixture);
  g_test_add_func("/texture/tileable", test_tileable);
  g_test_add_func("/texture/small-exemplar", test_small_exemplar);
  g_test_add_func("/texture/not-finite", test_not_finite);
  g_test_add_func("/texture/same-bits", test_same_bits);
  g_test_add_func("/texture/stop", test_stop);
  g_test_add_func("/texture/errors", test_errors);
  return g_test_run();
}
