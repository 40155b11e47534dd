/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Visualisation on the small network: similarity by definition and by finite differences; the
 * gradient of the whole objective by finite differences; excitement that rises above that of any
 * picture here; diversity; what each regulariser does to a picture; the same bits for every number of
 * threads and whatever else is on the sheet; sheets, Stop and Cancel; lists, good and bad. */
#include <string.h>

#include "nncore/effects/climb.h"
#include "nncore/effects/number-list.h"
#include "nncore/effects/target.h"
#include "nncore/loss/similarity.h"
#include "nncore/loss/smoothness.h"
#include "tests/effects/base-network.h"
#include "tests/effects/fixture.h"
#include "tests/effects/noise.h"

/* ---- similarity ---- */

enum { CHANNELS = 5, PLACES = 42 };

/* <G, H> / (|G| |H|) of two activations in plain order */
static double
cosine(const NnTensor *a, const NnTensor *b)
{
  double both = 0, first = 0, second = 0;
  for (int i = 0; i < CHANNELS; i++)
    for (int k = 0; k < CHANNELS; k++) {
      double g = 0, h = 0;
      for (int p = 0; p < PLACES; p++) {
        g += (double)a->f[i * PLACES + p] * (double)a->f[k * PLACES + p];
        h += (double)b->f[i * PLACES + p] * (double)b->f[k * PLACES + p];
      }
      both += g * h;
      first += g * g;
      second += h * h;
    }
  return both / sqrt(first * second);
}

static void
check_similarity(NnLayout layout)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  NnShape shape = NN_SHAPE(1, CHANNELS, 6, 7);
  g_autoptr(NnLoss) loss = nn_loss_similarity(context, CHANNELS, 3, NULL);
  g_autoptr(NnTensor) gradient = noise_new(&shape, layout, 9),
                      ignored = noise_new(&shape, layout, 8);
  NnTensor *plain[3], *x[3];
  for (int i = 0; i < 3; i++) {
    plain[i] = noise_new(&shape, NN_LAYOUT_PLAIN, (uint64_t)i);
    x[i] = noise_new(&shape, layout, (uint64_t)i);
    nn_tensor_copy(plain[i], x[i]);
    nn_loss_similarity_turn(loss, i);
    double value = nn_loss_evaluate(loss, context, x[i], 1, gradient);
    double wanted = i == 0   ? 0
                    : i == 1 ? cosine(plain[1], plain[0])
                             : (cosine(plain[2], plain[0]) + cosine(plain[2], plain[1])) / 2;
    g_assert_cmpfloat_with_epsilon(value, wanted, 1e-5);
  }
  for (int64_t i = 0; i < CHANNELS * PLACES; i++) {
    float kept = x[2]->f[i], h = 1 / 64.0f;
    x[2]->f[i] = kept + h;
    double above = nn_loss_evaluate(loss, context, x[2], 1, ignored);
    x[2]->f[i] = kept - h;
    double below = nn_loss_evaluate(loss, context, x[2], 1, ignored);
    x[2]->f[i] = kept;
    g_assert_cmpfloat_with_epsilon(gradient->f[i], (above - below) / (2 * (double)h), 2e-5);
  }
  nn_loss_similarity_forget(loss);
  g_assert_cmpfloat(nn_loss_evaluate(loss, context, x[2], 1, gradient), ==, 0);
  for (int64_t i = 0; i < CHANNELS * PLACES; i++)
    g_assert_cmpfloat(gradient->f[i], ==, 0);
  for (int i = 0; i < 3; i++) {
    nn_tensor_unref(plain[i]);
    nn_tensor_unref(x[i]);
  }
}

static void
test_similarity(void)
{
  check_similarity(NN_LAYOUT_PLAIN);
  check_similarity(NN_LAYOUT_CHANNELS_LAST);
}

/* ---- the objective ---- */

static const NnExcitationSettings small = {
    .kind = NN_TARGET_CHANNEL,
    .layer = "relu2_1",
    .size_px = 32,
    .frequencies = true,
    .variation = 0.7,
    .variants = 2,
    .diversity = 0.8,
};

typedef struct {
  NnExcitation *excitation;
  const NnExcitationSettings *settings;
  NnWarp warp;
  NnExcitementNow before; /* where a and the unit are taken from */
} Objective;

/* J with the unit and a held */
static double
objective_at(const Objective *objective, const NnImage *x)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnImage) ignored = picture_new(x->width, x->height, 3);
  NnExcitementNow now = objective->before;
  nn_excitation_evaluate(objective->excitation, 1, x, &objective->warp, ignored, NULL, &now,
                         &error);
  g_assert_no_error(error);
  double alike =
      objective->settings->variants > 1
          ? objective->settings->diversity * fabs(objective->before.excitement) * now.similarity
          : 0;
  double variation = (now.excitement - alike - now.objective) / now.unit;
  return now.excitement - alike - objective->before.unit * variation;
}

static double
objective_along(const Objective *objective, const NnImage *x, const NnImage *way, float length)
{
  g_autoptr(NnImage) moved = nn_image_copy(x, NULL);
  for (size_t i = 0; i < nn_image_samples(x); i++)
    moved->data[i] += length * way->data[i];
  return objective_at(objective, moved);
}

/* the gradient along @way, a direction of length 1, against differences */
static void
check_along(const Objective *objective, const NnImage *x, const NnImage *gradient,
            const NnImage *way)
{
  double slope = 0, size = 0, h = objective->settings->frequencies ? 0.04 : 0.008;
  for (size_t i = 0; i < nn_image_samples(x); i++) {
    slope += (double)gradient->data[i] * (double)way->data[i];
    size += (double)gradient->data[i] * (double)gradient->data[i];
  }
  double measured = (objective_along(objective, x, way, (float)h) -
                     objective_along(objective, x, way, (float)-h)) /
                    (2 * h);
  g_test_message("slope %g, measured %g, of %g", slope, measured, sqrt(size));
  g_assert_cmpfloat_with_epsilon(slope, measured, 0.01 * sqrt(size));
}

static void
normalise(NnImage *way)
{
  double squares = 0;
  for (size_t i = 0; i < nn_image_samples(way); i++)
    squares += (double)way->data[i] * (double)way->data[i];
  for (size_t i = 0; i < nn_image_samples(way); i++)
    way->data[i] /= (float)sqrt(squares);
}

static void
check_objective(const NnExcitationSettings *settings)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnExcitation) excitation = nn_excitation_new(network, context, settings, &error);
  g_assert_no_error(error);
  nn_excitation_choose(excitation, 3);
  Objective objective = {excitation, settings, {0.15, 1.1, 1, -2}, {0}};
  g_autoptr(NnImage) first = nn_excitation_start(excitation, 1, &error);
  g_autoptr(NnImage) x = nn_excitation_start(excitation, 2, &error);
  for (size_t i = 0; i < nn_image_samples(x); i++) /* away from grey, where nothing happens */
    x->data[i] +=
        (settings->frequencies ? 12 : 4) * (x->data[i] - (settings->frequencies ? 0 : 0.5f));
  g_autoptr(NnImage) gradient = picture_new(x->width, x->height, 3);
  nn_excitation_evaluate(excitation, 0, first, &objective.warp, gradient, NULL, &objective.before,
                         &error);
  objective.before = (NnExcitementNow){.excitement = 0.3};
  NnExcitementNow now = objective.before;
  nn_excitation_evaluate(excitation, 1, x, &objective.warp, gradient, NULL, &now, &error);
  g_assert_no_error(error);
  objective.before.unit = now.unit;
  g_assert_cmpfloat_with_epsilon(objective_at(&objective, x), now.objective, 1e-6);
  for (uint64_t seed = 0; seed < 6; seed++) {
    g_autoptr(NnImage) way = picture_noise(x->width, x->height, 3, seed);
    for (size_t i = 0; i < nn_image_samples(way); i++)
      way->data[i] = seed == 0 ? gradient->data[i] : (way->data[i] - 0.5f);
    normalise(way);
    check_along(&objective, x, gradient, way);
  }
}

static void
test_objective(void)
{
  NnExcitationSettings settings = small;
  check_objective(&settings);
  settings.frequencies = false;
  check_objective(&settings);
  settings.squared = true;
  settings.variants = 1;
  check_objective(&settings);
  settings.kind = NN_TARGET_NEURON;
  settings.frequencies = true;
  check_objective(&settings);
  settings.kind = NN_TARGET_CLASS;
  check_objective(&settings);
  settings.variants = 2;
  check_objective(&settings);
}

/* ---- the climb ---- */

/* the mean of a channel as nn_target has it: without warp and leak */
static double
excitement_of(const NnNetwork *network, NnContext *context, const NnExcitationSettings *settings,
              int channel, const NnImage *picture)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *number = g_strdup_printf("%d", channel);
  NnTargetChoice choice = {settings->kind, number, settings->layer, channel, 0.5, 0.5};
  g_autoptr(NnTarget) target =
      nn_target_new(network, context, &choice, (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  g_autoptr(NnImage) gradient = picture_new(picture->width, picture->height, 3);
  double value;
  g_assert_true(nn_target_open(target, picture, &error));
  g_assert_true(nn_target_gradient(target, picture, gradient, &value, &error));
  return value;
}

static bool
never_stop(gpointer data, int iteration, double fraction)
{
  g_assert_cmpfloat(fraction, >=, *(double *)data);
  *(double *)data = fraction;
  return true;
}

/* (transfer full): picture 0 of the channel; @now: (out) (optional): of the last */
static NnImage *
climb_to(const NnNetwork *network, const NnExcitationSettings *what, const NnClimbSettings *how,
         int channel, int threads, NnExcitementNow *now)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(threads);
  g_autoptr(NnExcitation) excitation = nn_excitation_new(network, context, what, &error);
  g_assert_no_error(error);
  g_autoptr(NnClimb) climb = nn_climb_new(context, excitation, what, how, &error);
  g_assert_no_error(error);
  double fraction = 0;
  nn_climb_run(climb, channel, never_stop, &fraction, &error);
  g_assert_no_error(error);
  g_assert_cmpfloat(fraction, ==, 1);
  if (now != NULL)
    *now = *nn_climb_now(climb, what->variants - 1);
  return nn_image_copy(nn_climb_picture(climb, 0), NULL);
}

static const NnClimbSettings usual = {
    .iterations = 40,
    .step = 6 / 255.0,
    .range = {.jitter_px = 4, .angle = 0.1, .rescale = 0.1},
};

#define RISE 2 /* at least, over the best of what it is compared with */

/* several channels, neurons and classes, both parametrisations and methods: above noise, and above
 * all that pictures at hand can offer */
static void
test_rise(void)
{
  static const int channels[] = {1, 30, 77};
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) scene = picture_scene(64, 64), rgb = picture_without_alpha(scene);
  g_autoptr(NnImage) noise = picture_noise(64, 64, 3, 3);
  g_autoptr(NnImage) grey = picture_constant(64, 64, 3, 0.5f);
  const NnImage *others[] = {rgb, noise, grey};
  for (int way = 0; way < 4; way++)
    for (size_t i = 0; i < G_N_ELEMENTS(channels); i++) {
      NnExcitationSettings what = {.kind = NN_TARGET_CHANNEL,
                                   .layer = "relu3_1",
                                   .size_px = 64,
                                   .frequencies = way % 2 == 0,
                                   .variants = 1};
      NnClimbSettings how = usual;
      how.method = way < 2 ? NN_CLIMB_ADAM : NN_CLIMB_NORMALISED;
      g_autoptr(NnImage) picture = climb_to(network, &what, &how, channels[i], 2, NULL);
      double reached = excitement_of(network, context, &what, channels[i], picture), best = 0;
      for (size_t k = 0; k < G_N_ELEMENTS(others); k++)
        best = MAX(best, excitement_of(network, context, &what, channels[i], others[k]));
      g_test_message("way %d, channel %d: %.4f, best other %.4f", way, channels[i], reached, best);
      g_assert_cmpfloat(reached, >, RISE * best);
    }
}

/* neurons that the start leaves silent, and classes */
static void
test_kinds(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) grey = picture_constant(64, 64, 3, 0.5f);
  for (int kind = 0; kind < 2; kind++)
    for (int i = 0; i < 6; i++) {
      NnExcitationSettings what = {.kind = kind == 0 ? NN_TARGET_NEURON : NN_TARGET_CLASS,
                                   .layer = "relu4_1",
                                   .size_px = 64,
                                   .frequencies = true,
                                   .variants = 1};
      g_autoptr(NnImage) picture = climb_to(network, &what, &usual, 20 * i, 2, NULL);
      double reached = excitement_of(network, context, &what, 20 * i, picture);
      double before = excitement_of(network, context, &what, 20 * i, grey);
      g_test_message("kind %d, number %d: %.3f from %.3f", kind, 20 * i, reached, before);
      g_assert_cmpfloat(reached, >, before + 2);
    }
}

static void
test_diversity(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  NnExcitationSettings what = {.kind = NN_TARGET_CHANNEL,
                               .layer = "relu3_1",
                               .size_px = 48,
                               .frequencies = true,
                               .variants = 3};
  double alike[2], excited[2];
  for (int i = 0; i < 2; i++) {
    NnExcitementNow now;
    what.diversity = i == 0 ? 1e-9 : 3; /* the former only measures */
    g_autoptr(NnImage) picture = climb_to(network, &what, &usual, 30, 2, &now);
    alike[i] = now.similarity;
    excited[i] = now.excitement;
  }
  g_test_message("similarity %.3f, with diversity %.3f; excitement %.3f and %.3f", alike[0],
                 alike[1], excited[0], excited[1]);
  g_assert_cmpfloat(alike[1], <, 0.8 * alike[0]);
  g_assert_cmpfloat(excited[1], >, 0);
}

/* mean |difference| of neighbours */
static double
roughness(const NnImage *image)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnImage) ignored = picture_constant(image->width, image->height, 3, 0);
  NnVariation variation = {image->width, image->height, 3, 1, false, false};
  return nn_total_variation(context, &variation, image->data, 0, ignored->data);
}

/* mean |x - grey|, and the share of pixels that are grey */
static double
contrast(const NnImage *image, double *cleared)
{
  double sum = 0;
  size_t grey = 0, samples = nn_image_samples(image);
  for (size_t i = 0; i < samples; i++)
    sum += fabs((double)image->data[i] - NN_GREY);
  for (size_t i = 0; i < samples; i += 3)
    grey += image->data[i] == (float)NN_GREY && image->data[i + 1] == (float)NN_GREY &&
            image->data[i + 2] == (float)NN_GREY;
  *cleared = (double)grey / (double)(samples / 3);
  return sum / (double)samples;
}

static void
test_regularisers(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  NnExcitationSettings what = {
      .kind = NN_TARGET_CHANNEL, .layer = "relu3_1", .size_px = 48, .variants = 1};
  NnClimbSettings how = usual;
  double cleared, ignored;
  g_autoptr(NnImage) plain = climb_to(network, &what, &how, 30, 2, NULL);
  how.decay = 0.05;
  g_autoptr(NnImage) decayed = climb_to(network, &what, &how, 30, 2, NULL);
  g_assert_cmpfloat(contrast(decayed, &ignored), <, 0.8 * contrast(plain, &cleared));
  g_assert_cmpfloat(cleared, <, 0.01);
  how.decay = 0;
  how.blur_sigma_px = 1;
  how.blur_every = 4;
  g_autoptr(NnImage) blurred = climb_to(network, &what, &how, 30, 2, NULL);
  g_assert_cmpfloat(roughness(blurred), <, 0.5 * roughness(plain));
  how.blur_every = 0;
  what.variation = 30;
  g_autoptr(NnImage) smooth = climb_to(network, &what, &how, 30, 2, NULL);
  g_assert_cmpfloat(roughness(smooth), <, 0.6 * roughness(plain));
  what.variation = 0;
  how.clear_norms = 0.4;
  g_autoptr(NnImage) small_cleared = climb_to(network, &what, &how, 30, 2, NULL);
  contrast(small_cleared, &cleared);
  g_assert_cmpfloat_with_epsilon(cleared, 0.4, 0.02);
  how.clear_norms = 0;
  how.clear_contributions = 0.6;
  g_autoptr(NnImage) idle_cleared = climb_to(network, &what, &how, 30, 2, NULL);
  contrast(idle_cleared, &cleared);
  g_assert_cmpfloat_with_epsilon(cleared, 0.6, 0.02);
}

static void
test_threads(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  NnClimbSettings how = usual;
  how.iterations = 6;
  how.clear_contributions = 0.2;
  for (int frequencies = 0; frequencies < 2; frequencies++) {
    NnExcitationSettings what = small;
    what.size_px = 60;
    what.frequencies = frequencies;
    g_autoptr(NnImage) first = climb_to(network, &what, &how, 9, 1, NULL);
    for (int threads = 2; threads <= 3; threads++) {
      g_autoptr(NnImage) other = climb_to(network, &what, &how, 9, threads, NULL);
      g_assert_cmpfloat(largest_difference(first, other), ==, 0);
    }
    how.seed = 1;
    g_autoptr(NnImage) another = climb_to(network, &what, &how, 9, 1, NULL);
    g_assert_cmpfloat(largest_difference(first, another), >, 0.01);
    how.seed = 0;
  }
}

/* ---- the effect ---- */

static void
set_up(Fixture *fixture, const NnNetwork *network, const char *channels)
{
  fixture_init(fixture, "visualise", network, 2);
  fixture_argument(fixture, "layer")->text = "relu2_1";
  fixture_argument(fixture, "channels")->text = channels;
  fixture_argument(fixture, "size")->i = 40;
  fixture_argument(fixture, "iterations")->i = 3;
}

static const NnResult *
only_result(const Fixture *fixture)
{
  g_assert_cmpuint(fixture->run.results->len, ==, 1);
  return &g_array_index(fixture->run.results, NnResult, 0);
}

/* a channel's picture is the same on a sheet as alone */
static void
test_sheet(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  Fixture fixture;
  set_up(&fixture, network, "5");
  fixture.render = true;
  g_autoptr(NnImage) alone = nn_image_copy(fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE), NULL);
  g_assert_cmpint(alone->width, ==, 40);
  g_assert_cmpint(alone->height, ==, 40);
  g_assert_null(only_result(&fixture)->captions);
  g_assert_nonnull(strstr(only_result(&fixture)->label, "relu2_1:5"));
  fixture_argument(&fixture, "channels")->text = "1,5, 7-6";
  const NnImage *sheet = fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  const NnResult *result = only_result(&fixture);
  g_assert_cmpuint(result->captions->len, ==, 4);
  g_assert_cmpstr(g_array_index(result->captions, NnCaption, 1).text, ==, "relu2_1:5");
  NnRectangle box = g_array_index(result->captions, NnCaption, 1).box;
  g_autoptr(NnImage) cell = nn_image_crop(sheet, (NnRectangle){box.x, box.y - 40, 40, 40}, NULL);
  g_assert_cmpfloat(largest_difference(alone, cell), ==, 0);
  fixture_clear(&fixture);
}

static void
test_variants(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  Fixture fixture;
  set_up(&fixture, network, "");
  fixture_argument(&fixture, "target")->i = NN_TARGET_CLASS;
  fixture_argument(&fixture, "classes")->text = "goldfish; 7, 9";
  fixture_argument(&fixture, "variants")->i = 2;
  const NnImage *sheet = fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  const GArray *captions = only_result(&fixture)->captions;
  g_assert_cmpuint(captions->len, ==, 6);
  g_assert_cmpint(sheet->height, >, sheet->width); /* a row a class */
  g_assert_cmpstr(g_array_index(captions, NnCaption, 1).text, ==, "goldfish");
  fixture_clear(&fixture);
}

/* Stop keeps what there is, as far as that goes of the sheet (three rows of three); Cancel nothing */
static void
test_answers(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  Fixture fixture;
  set_up(&fixture, network, "0-8");
  g_autoptr(NnImage) whole = nn_image_copy(fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE), NULL);
  fixture.stop_after = 1 + 3 * 2 + 1; /* the begin, two channels, a step of the third */
  fixture.verdict = NN_STOP;
  const NnImage *sheet = fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  g_assert_cmpint(fixture.reports, ==, fixture.stop_after);
  g_assert_cmpuint(only_result(&fixture)->captions->len, ==, 3);
  g_assert_cmpint(sheet->width, ==, whole->width);
  g_assert_cmpint(sheet->height, <, whole->height / 2);
  NnRectangle done = {0, 0, 2 + 2 * 42, 2 + 40}; /* two cells and what is around them */
  g_autoptr(NnImage) before = nn_image_crop(whole, done, NULL);
  g_autoptr(NnImage) kept = nn_image_crop(sheet, done, NULL);
  g_assert_cmpfloat(largest_difference(before, kept), ==, 0);
  fixture_argument(&fixture, "channels")->text = "2";
  fixture.stop_after = 2;
  fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  fixture.verdict = NN_CANCEL;
  for (fixture.stop_after = 1; fixture.stop_after < 4; fixture.stop_after++)
    fixture_fail(&fixture, NULL, NN_ERROR_CANCELLED, "");
  fixture_clear(&fixture);
}

static void
test_refusals(void)
{
  static const struct {
    const char *channels, *part;
  } lists[] = {
      {"64", "64"},
      {"0-64", "64"},
      {"1-", "list"},
      {"a", "list"},
      {"-1", "list"},
      {"1 2", "list"},
      {"99999999999999999999", "number"},
      {"0x1", "list"},
      {"1-2-3", "list"},
  };
  g_autoptr(NnNetwork) network = base_network_new();
  Fixture fixture;
  set_up(&fixture, network, "");
  for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
    fixture_argument(&fixture, "channels")->text = lists[i].channels;
    fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, lists[i].part);
  }
  g_autoptr(GError) error = NULL;
  g_assert_null(nn_parse_numbers("0-4096", "x", 5000, 4, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "4096"));
  fixture_argument(&fixture, "channels")->text = "";
  fixture_argument(&fixture, "layer")->text = "no_such_layer";
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "no_such_layer");
  fixture_argument(&fixture, "target")->i = NN_TARGET_CLASS;
  fixture_argument(&fixture, "classes")->text = "goldfish; no such thing";
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "no such thing");
  fixture_argument(&fixture, "classes")->text = "202";
  fixture_fail(&fixture, NULL, NN_ERROR_ARGUMENT, "202");
  fixture_clear(&fixture);
}

/* what a run costs goes with pictures and steps, and with the depth of the layer */
static void
test_estimate(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  Fixture fixture;
  set_up(&fixture, network, "0-3");
  double costs[4];
  for (int i = 0; i < 4; i++) {
    NnEstimate estimate = {0};
    fixture_argument(&fixture, "variants")->i = i < 1 ? 1 : 2;
    fixture_argument(&fixture, "iterations")->i = i < 2 ? 3 : 6;
    fixture_argument(&fixture, "layer")->text = i < 3 ? "relu2_1" : "relu4_1";
    g_assert_true(fixture.run.effect->estimate(&fixture.run, 0, 0, &estimate, NULL));
    costs[i] = estimate.multiply_adds;
  }
  g_assert_cmpfloat(costs[0], >, 1e7);
  g_assert_cmpfloat(costs[1], ==, 2 * costs[0]);
  g_assert_cmpfloat(costs[2], ==, 4 * costs[0]);
  g_assert_cmpfloat(costs[3], >, 1.5 * costs[2]);
  fixture_argument(&fixture, "channels")->text = "64 and more";
  NnEstimate estimate;
  g_assert_false(fixture.run.effect->estimate(&fixture.run, 0, 0, &estimate, NULL));
  fixture_clear(&fixture);
}

/* pictures count: more than the budget allows is refused beforehand; the network does with the rest */
static void
test_budget(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  Fixture fixture;
  set_up(&fixture, network, "0-3");
  nn_context_set_memory_budget(fixture.context, INT64_C(1) << 30);
  fixture_argument(&fixture, "size")->i = 4096;
  fixture_fail(&fixture, NULL, NN_ERROR_MEMORY, "smaller size");
  fixture_argument(&fixture, "channels")->text = "0";
  fixture_fail(&fixture, NULL, NN_ERROR_MEMORY, "smaller size");
  fixture_argument(&fixture, "size")->i = 1024;
  fixture_argument(&fixture, "variants")->i = 64;
  fixture_fail(&fixture, NULL, NN_ERROR_MEMORY, "fewer");
  fixture_argument(&fixture, "size")->i = 150;
  fixture_argument(&fixture, "variants")->i = 1;
  fixture_argument(&fixture, "iterations")->i = 1;
  NnEstimate estimate = {0};
  g_assert_true(fixture.run.effect->estimate(&fixture.run, 0, 0, &estimate, NULL));
  g_test_message("%.0f MB", estimate.bytes / 1e6);
  nn_context_set_memory_budget(fixture.context, (int64_t)(0.9 * estimate.bytes));
  fixture_run(&fixture, NULL, NN_PLACE_NEW_IMAGE);
  fixture_clear(&fixture);
}

static void
check_list(GArray *numbers, const char *wanted)
{
  g_autoptr(GString) text = g_string_new(NULL);
  g_assert_nonnull(numbers);
  for (guint i = 0; i < numbers->len; i++)
    g_string_append_printf(text, "%d ", g_array_index(numbers, int, i));
  g_array_unref(numbers);
  g_assert_cmpstr(text->str, ==, wanted);
}

static void
test_lists(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  check_list(nn_parse_numbers("3", "x", 10, 4, NULL), "3 ");
  check_list(nn_parse_numbers(" 3 - 5,9 , 2-1,", "x", 10, 4, NULL), "3 4 5 9 2 1 ");
  check_list(nn_parse_numbers("3,1-4,3", "x", 10, 4, NULL), "3 1 2 4 ");
  check_list(nn_parse_numbers("", "x", 10, 4, NULL), "0 2 5 7 ");
  check_list(nn_parse_numbers(" ", "x", 3, 4, NULL), "0 1 2 ");
  check_list(nn_parse_classes(network, "goldfish", "x", 202, 4, NULL), "0 ");
  check_list(nn_parse_classes(network, "bullfrog; goldfish;7-9", "x", 202, 4, NULL), "2 0 7 8 9 ");
  check_list(nn_parse_classes(network, "bullfrog, goldfish, 7", "x", 202, 4, NULL), "2 0 7 ");
  check_list(nn_parse_classes(network, ";", "x", 202, 2, NULL), "0 101 ");
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/visualise/similarity", test_similarity);
  g_test_add_func("/visualise/objective", test_objective);
  g_test_add_func("/visualise/rise", test_rise);
  g_test_add_func("/visualise/kinds", test_kinds);
  g_test_add_func("/visualise/diversity", test_diversity);
  g_test_add_func("/visualise/regularisers", test_regularisers);
  g_test_add_func("/visualise/threads", test_threads);
  g_test_add_func("/visualise/sheet", test_sheet);
  g_test_add_func("/visualise/variants", test_variants);
  g_test_add_func("/visualise/answers", test_answers);
  g_test_add_func("/visualise/refusals", test_refusals);
  g_test_add_func("/visualise/estimate", test_estimate);
  g_test_add_func("/visualise/budget", test_budget);
  g_test_add_func("/visualise/lists", test_lists);
  return g_test_run();
}
