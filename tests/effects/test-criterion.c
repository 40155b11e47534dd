/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Criteria in tiles are criteria on the whole picture: value and gradient of every loss of loss/, on
 * layers of the small network, with a memory budget that makes at least LEAST x LEAST tiles; of
 * several losses on one layer; of several layers, normalised. */
#include <math.h>
#include <string.h>

#include "base-network.h"
#include "nncore/base/error.h"
#include "nncore/effects/criterion.h"
#include "nncore/loss/content.h"
#include "nncore/loss/style.h"
#include "noise.h"

#define LIMIT 1e-4
enum { WIDTH = 333, HEIGHT = 401, LEAST = 3 };

typedef struct {
  const NnNetwork *network;
  NnContext *context;
  NnCriterion *criterion;
} Fixture;

typedef enum {
  L2,
  MEAN,
  CHANNEL,
  GUIDE,
  CONTENT,
  GRAM,
  COVARIANCE,
  WASSERSTEIN,
  MASKED,
  N_KINDS
} Kind;

static const char *const kind_names[] = {"l2",   "mean",       "channel",     "guide", "content",
                                         "gram", "covariance", "wasserstein", "masked"};

static NnImage *
picture_at(int seed)
{
  NnImage *image = nn_image_new(WIDTH, HEIGHT, 3, NULL);
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++)
      for (int c = 0; c < 3; c++)
        image->data[(y * WIDTH + x) * 3 + c] =
            (float)(0.5 + 0.3 * sin(0.05 * (seed + 1) * y + c) * cos(0.07 * x + seed)) +
            0.1f * noise_at((uint64_t)seed, (uint64_t)((y * WIDTH + x) * 3 + c));
  return image;
}

/* weights that fall off along the diagonal, 0 in a corner */
static void
set_mask(NnLoss *loss, const NnShape *shape)
{
  int64_t height = shape->dim[2], width = shape->dim[3];
  g_autofree float *weights = g_new(float, height *width);
  for (int64_t y = 0; y < height; y++)
    for (int64_t x = 0; x < width; x++)
      weights[y * width + x] = MAX((float)(x + y) / (float)(height + width) - 0.3f, 0);
  g_assert_true(nn_loss_style_set_mask(loss, weights, height, width, NULL));
}

static NnLoss *
loss_new(const Fixture *fixture, Kind kind, const NnShape *shape)
{
  g_autoptr(NnTensor) features = NULL;
  switch (kind) {
  case L2:
    return nn_loss_l2();
  case MEAN:
    return nn_loss_mean();
  case CHANNEL:
    return nn_loss_channel(shape->dim[1] / 3);
  case GUIDE:
    features = noise_new(&NN_SHAPE(1, shape->dim[1], 6, 5), NN_LAYOUT_CHANNELS_LAST, 3);
    return nn_loss_guide(fixture->context, features, NULL);
  case CONTENT:
    return nn_loss_content(shape, NULL);
  case GRAM:
  case MASKED:
    return nn_loss_style(fixture->context, NN_STYLE_GRAM, shape->dim[1], NULL);
  case COVARIANCE:
    return nn_loss_style(fixture->context, NN_STYLE_COVARIANCE, shape->dim[1], NULL);
  case WASSERSTEIN:
    return nn_loss_style(fixture->context, NN_STYLE_WASSERSTEIN, shape->dim[1], NULL);
  case N_KINDS:
    break;
  }
  g_assert_not_reached();
}

/* what was observed of another picture is what losses compare with */
static void
take_target(const Fixture *fixture, Kind kind, int term, const NnShape *shape)
{
  NnLoss *loss = nn_criterion_loss(fixture->criterion, term);
  if (kind == CONTENT)
    g_assert_true(nn_loss_content_fix(loss, fixture->context, NULL, 0, 0, NULL));
  else if (kind >= GRAM)
    g_assert_true(nn_loss_style_add_target(loss, 1, NULL));
  if (kind == MASKED)
    set_mask(loss, shape);
}

static NnEvaluator *
evaluator_new(Fixture *fixture, int64_t budget_bytes)
{
  g_autoptr(GError) error = NULL;
  nn_context_set_memory_budget(fixture->context, budget_bytes);
  NnEvaluator *evaluator = nn_criterion_evaluator(fixture->criterion, WIDTH, HEIGHT, &error);
  g_assert_no_error(error);
  return evaluator;
}

static NnEvaluator *
tiled_new(Fixture *fixture, const NnEvaluator *whole)
{
  int rows = 1, columns = 1;
  for (double budget = (double)nn_evaluator_bytes(whole); budget > 1; budget *= 0.875) {
    g_autoptr(NnEvaluator) evaluator = evaluator_new(fixture, (int64_t)budget - 1);
    nn_evaluator_grid(evaluator, &rows, &columns);
    if (rows >= LEAST && columns >= LEAST)
      return g_steal_pointer(&evaluator);
  }
  g_assert_not_reached();
}

static void
compare(Fixture *fixture, NnEvaluator *whole, NnEvaluator *tiled)
{
  g_autoptr(NnImage) picture = picture_at(0);
  g_autoptr(NnImage) one = picture_at(1);
  g_autoptr(NnImage) many = picture_at(1);
  double value, tiled_value, most = 0, largest = 0;
  g_assert_true(
      nn_criterion_evaluate(fixture->criterion, whole, picture, 5, -3, one, &value, NULL));
  g_assert_true(
      nn_criterion_evaluate(fixture->criterion, tiled, picture, 5, -3, many, &tiled_value, NULL));
  for (size_t i = 0; i < nn_image_samples(one); i++) {
    most = MAX(most, fabs((double)one->data[i] - many->data[i]));
    largest = MAX(largest, fabs((double)one->data[i]));
  }
  g_test_message("value %g within %.1e, gradient within %.1e", value,
                 fabs(tiled_value - value) / fabs(value), most / largest);
  g_assert_cmpfloat(largest, >, 0);
  g_assert_cmpfloat(fabs(tiled_value - value), <, LIMIT * fabs(value));
  g_assert_cmpfloat(most, <, LIMIT * largest);
}

static void
fixture_init(Fixture *fixture, const NnNetwork *network)
{
  static const char *const layers[] = {"relu2_2", "relu4_1"};
  g_autoptr(GError) error = NULL;
  *fixture = (Fixture){.network = network, .context = nn_context_new(2)};
  fixture->criterion = nn_criterion_new(network, fixture->context, layers, 2,
                                        (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
}

static void
fixture_clear(Fixture *fixture)
{
  nn_criterion_free(fixture->criterion);
  nn_context_free(fixture->context);
}

/* terms of @kinds (bits), each on both layers; or, once they have observed it, their targets */
static void
set_terms(Fixture *fixture, const NnEvaluator *evaluator, unsigned kinds, bool observed)
{
  int term = 0;
  for (int kind = 0; kind < N_KINDS; kind++)
    for (int layer = 0; (kinds >> kind & 1) != 0 && layer < 2; layer++, term++) {
      NnShape shape = nn_evaluator_target_shape(evaluator, layer);
      if (observed)
        take_target(fixture, (Kind)kind, term, &shape);
      else
        nn_criterion_add(fixture->criterion, layer, loss_new(fixture, (Kind)kind, &shape),
                         layer == 0 ? 1 : -0.5);
    }
}

static void
check(unsigned kinds, bool normalise)
{
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  fixture_init(&fixture, network);
  g_autoptr(NnEvaluator) plain = evaluator_new(&fixture, G_MAXINT64 / 2);
  g_autoptr(NnImage) target = picture_at(2);
  set_terms(&fixture, plain, kinds, false);
  g_assert_true(nn_criterion_observe(fixture.criterion, plain, target, NULL));
  set_terms(&fixture, plain, kinds, true);
  nn_criterion_normalise(fixture.criterion, normalise);
  g_autoptr(NnEvaluator) whole = evaluator_new(&fixture, G_MAXINT64 / 2);
  g_autoptr(NnEvaluator) tiled = tiled_new(&fixture, whole);
  compare(&fixture, whole, tiled);
  fixture_clear(&fixture);
}

static void
test_kind(gconstpointer data)
{
  check(1u << GPOINTER_TO_INT(data), false);
}

static void
test_sum(void)
{
  check(1u << L2 | 1u << CONTENT | 1u << GRAM | 1u << WASSERSTEIN, false);
}

static void
test_normalised(void)
{
  check(1u << L2, true);
}

/* a run that is told to end does, and the next one is as if it had never been */
static bool
stop_at_half(gpointer data, double fraction)
{
  return fraction < 0.5;
}

static void
test_cancelled(void)
{
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(GError) error = NULL;
  fixture_init(&fixture, network);
  nn_criterion_add(fixture.criterion, 1, nn_loss_l2(), 1);
  g_autoptr(NnEvaluator) whole = evaluator_new(&fixture, G_MAXINT64 / 2);
  g_autoptr(NnEvaluator) tiled = tiled_new(&fixture, whole);
  g_autoptr(NnImage) picture = picture_at(0);
  g_autoptr(NnImage) gradient = picture_at(1);
  double value;
  nn_criterion_watch(fixture.criterion, stop_at_half, NULL);
  g_assert_false(
      nn_criterion_evaluate(fixture.criterion, tiled, picture, 0, 0, gradient, &value, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_CANCELLED);
  nn_criterion_watch(fixture.criterion, NULL, NULL);
  compare(&fixture, whole, tiled);
  fixture_clear(&fixture);
}

/* no budget is small enough to be met by anything: the sentence says what would do */
static void
test_no_budget(void)
{
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(GError) error = NULL;
  fixture_init(&fixture, network);
  nn_criterion_add(fixture.criterion, 1, nn_loss_l2(), 1);
  nn_context_set_memory_budget(fixture.context, 4096);
  g_assert_null(nn_criterion_evaluator(fixture.criterion, WIDTH, HEIGHT, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, "budget"));
  fixture_clear(&fixture);
}

/* what the caller keeps for itself is not the evaluator's */
static void
test_reserve(void)
{
  Fixture fixture;
  g_autoptr(NnNetwork) network = base_network_new();
  fixture_init(&fixture, network);
  nn_criterion_add(fixture.criterion, 1, nn_loss_l2(), 1);
  g_autoptr(NnEvaluator) whole = evaluator_new(&fixture, 1 << 30);
  size_t bytes = nn_evaluator_bytes(whole);
  nn_criterion_reserve(fixture.criterion, bytes / 4);
  g_autoptr(NnEvaluator) tiled = evaluator_new(&fixture, (int64_t)bytes + (int64_t)bytes / 8);
  int rows, columns;
  nn_evaluator_grid(tiled, &rows, &columns);
  g_assert_cmpint(rows * columns, >, 1);
  g_assert_cmpuint(nn_evaluator_bytes(tiled), <=, bytes + bytes / 8 - bytes / 4);
  fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (int kind = 0; kind < N_KINDS; kind++) {
    g_autofree char *path = g_strconcat("/criterion/tiles/", kind_names[kind], NULL);
    g_test_add_data_func(path, GINT_TO_POINTER(kind), test_kind);
  }
  g_test_add_func("/criterion/tiles/sum", test_sum);
  g_test_add_func("/criterion/tiles/normalised", test_normalised);
  g_test_add_func("/criterion/cancelled", test_cancelled);
  g_test_add_func("/criterion/no-budget", test_no_budget);
  g_test_add_func("/criterion/reserve", test_reserve);
  return g_test_run();
}
