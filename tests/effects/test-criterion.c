/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Criteria in tiles are criteria on the whole picture: value and gradient of every loss of loss/, on
 * layers of the small network and on its scores, with a memory budget that makes at least LEAST x
 * LEAST tiles; of several losses on one layer; of several layers, normalised; and what is only
 * observed. */
#include <math.h>
#include <string.h>

#include "base-network.h"
#include "nncore/base/error.h"
#include "nncore/effects/criterion.h"
#include "nncore/loss/content.h"
#include "nncore/loss/similarity.h"
#include "nncore/loss/style.h"
#include "noise.h"
#include "tests/worst.h"

#define LIMIT 1e-4
enum { WIDTH = 333, HEIGHT = 401, LEAST = 3, MOST_LAYERS = 2 };

typedef struct {
  const NnNetwork *network;
  NnContext *context;
  NnCriterion *criterion;
  int n_layers;
} Fixture;

typedef enum {
  L2,
  MEAN,
  CHANNEL,
  EXCITEMENT,
  SQUARED_EXCITEMENT,
  NEURON,
  STRONGEST_NEURON,
  GUIDE,
  MARGIN,
  SIMILARITY,
  CONTENT,
  GRAM,
  COVARIANCE,
  WASSERSTEIN,
  MASKED_CONTENT,
  MASKED_GRAM,
  MASKED_COVARIANCE,
  MASKED_WASSERSTEIN,
  N_KINDS
} Kind;

/* layers that a loss is tried on; what rectifiers leave is never below 0 */
static const char *const rectified[] = {"relu2_2", "relu4_1", NULL};
static const char *const bare[] = {"conv2_2", "conv4_1", NULL};
static const char *const scores[] = {"logits", NULL};

typedef struct {
  Kind kind;
  const char *name;
  const char *const *layers;
} Test;

static const Test tests[] = {
    {L2, "l2", rectified},
    {MEAN, "mean", rectified},
    {CHANNEL, "channel", rectified},
    {EXCITEMENT, "excitement", bare},
    {SQUARED_EXCITEMENT, "squared-excitement", bare},
    {NEURON, "neuron", bare},
    {STRONGEST_NEURON, "strongest-neuron", bare},
    {GUIDE, "guide", rectified},
    {MARGIN, "margin", bare},
    {SIMILARITY, "similarity", rectified},
    {CONTENT, "content", rectified},
    {GRAM, "gram", rectified},
    {COVARIANCE, "covariance", rectified},
    {WASSERSTEIN, "wasserstein", rectified},
    {MASKED_CONTENT, "masked-content", rectified},
    {MASKED_GRAM, "masked-gram", rectified},
    {MASKED_COVARIANCE, "masked-covariance", rectified},
    {MASKED_WASSERSTEIN, "masked-wasserstein", rectified},
    {L2, "scores/l2", scores},
    {CHANNEL, "scores/class", scores},
    {NEURON, "scores/neuron", scores},
    {STRONGEST_NEURON, "scores/strongest-neuron", scores},
    {MARGIN, "scores/margin", scores},
    {CONTENT, "scores/content", scores},
};

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

/* (transfer full): weights that fall off along the diagonal, 0 in a corner */
static float *
mask_new(int64_t height, int64_t width)
{
  float *weights = g_new(float, height *width);
  for (int64_t y = 0; y < height; y++)
    for (int64_t x = 0; x < width; x++)
      weights[y * width + x] = MAX((float)(x + y) / (float)(height + width) - 0.3f, 0);
  return weights;
}

static NnLoss *
style_new(const Fixture *fixture, NnStyle kind, const NnShape *shape)
{
  return nn_loss_style(fixture->context, kind, shape->dim[1], NULL);
}

static NnLoss *
loss_new(const Fixture *fixture, Kind kind, const NnShape *shape)
{
  int64_t channels = shape->dim[1], channel = channels / 3;
  int64_t y = shape->rank > 2 ? shape->dim[2] / 2 : 0, x = shape->rank > 3 ? shape->dim[3] / 3 : 0;
  g_autoptr(NnTensor) features = NULL;
  switch (kind) {
  case L2:
    return nn_loss_l2();
  case MEAN:
    return nn_loss_mean();
  case CHANNEL:
    return nn_loss_channel(channel);
  case EXCITEMENT:
    return nn_loss_excitement(channel, false, 0.1f);
  case SQUARED_EXCITEMENT:
    return nn_loss_excitement(channel, true, 0.25f);
  case NEURON:
    return nn_loss_neuron(channel, y, x);
  case STRONGEST_NEURON:
    return nn_loss_neuron(-1, y, x);
  case GUIDE:
    features = noise_new(&NN_SHAPE(1, channels, 6, 5), NN_LAYOUT_CHANNELS_LAST, 3);
    return nn_loss_guide(fixture->context, features, NULL);
  case MARGIN:
    return nn_loss_margin(channels, channel, NULL);
  case SIMILARITY:
    return nn_loss_similarity(fixture->context, channels, 2, NULL);
  case CONTENT:
  case MASKED_CONTENT:
    return nn_loss_content(fixture->context, shape, NULL);
  case GRAM:
  case MASKED_GRAM:
    return style_new(fixture, NN_STYLE_GRAM, shape);
  case COVARIANCE:
  case MASKED_COVARIANCE:
    return style_new(fixture, NN_STYLE_COVARIANCE, shape);
  case WASSERSTEIN:
  case MASKED_WASSERSTEIN:
    return style_new(fixture, NN_STYLE_WASSERSTEIN, shape);
  case N_KINDS:
    break;
  }
  g_assert_not_reached();
}

/* what was observed is the first of two pictures; what will be evaluated is the second */
static void
take_turns(const Fixture *fixture, NnLoss *loss)
{
  loss->klass->close(loss, fixture->context);
  nn_loss_similarity_turn(loss, 1);
}

/* what was observed of another picture is what losses compare with */
static void
take_target(const Fixture *fixture, Kind kind, int term, const NnShape *shape)
{
  NnLoss *loss = nn_criterion_loss(fixture->criterion, term);
  int64_t height = shape->dim[2], width = shape->dim[3];
  g_autofree float *mask = kind >= MASKED_CONTENT ? mask_new(height, width) : NULL;
  if (kind == SIMILARITY)
    take_turns(fixture, loss);
  else if (kind == CONTENT || kind == MASKED_CONTENT)
    g_assert_true(nn_loss_content_fix(loss, fixture->context, mask, height, width, NULL));
  else if (kind >= GRAM)
    g_assert_true(nn_loss_style_add_target(loss, 1, NULL));
  if (kind > MASKED_CONTENT)
    g_assert_true(nn_loss_style_set_mask(loss, mask, height, width, NULL));
}

/* @budget_bytes: for itself */
static NnEvaluator *
evaluator_new(Fixture *fixture, int64_t budget_bytes)
{
  g_autoptr(GError) error = NULL;
  int64_t held = nn_context_memory_held(fixture->context); /* what else is there takes its part */
  nn_context_set_memory_budget(fixture->context, held + budget_bytes);
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
    most = worse(most, fabs((double)one->data[i] - many->data[i]));
    largest = MAX(largest, fabs((double)one->data[i]));
  }
  g_test_message("value %g within %.1e, gradient within %.1e", value,
                 fabs(tiled_value - value) / fabs(value), most / largest);
  g_assert_cmpfloat(largest, >, 0);
  g_assert_cmpfloat(fabs(tiled_value - value), <, LIMIT * fabs(value));
  g_assert_cmpfloat(most, <, LIMIT * largest);
}

static void
fixture_init(Fixture *fixture, const NnNetwork *network, const char *const *layers)
{
  g_autoptr(GError) error = NULL;
  *fixture = (Fixture){.network = network, .context = nn_context_new(2)};
  fixture->n_layers = (int)g_strv_length((char **)layers);
  g_assert_cmpint(fixture->n_layers, <=, MOST_LAYERS);
  fixture->criterion = nn_criterion_new(network, fixture->context, layers, fixture->n_layers,
                                        (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
}

static void
fixture_clear(Fixture *fixture)
{
  nn_criterion_free(fixture->criterion);
  nn_context_free(fixture->context);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fixture, fixture_clear)

/* terms of @kinds (bits), each on all layers; or, once they have observed it, their targets */
static void
set_terms(Fixture *fixture, const NnEvaluator *evaluator, unsigned kinds, bool observed)
{
  int term = 0;
  for (int kind = 0; kind < N_KINDS; kind++)
    for (int layer = 0; (kinds >> kind & 1) != 0 && layer < fixture->n_layers; layer++, term++) {
      NnShape shape = nn_evaluator_target_shape(evaluator, layer);
      if (observed)
        take_target(fixture, (Kind)kind, term, &shape);
      else
        nn_criterion_add(fixture->criterion, layer, loss_new(fixture, (Kind)kind, &shape),
                         layer == 0 ? 1 : -0.5);
    }
}

static void
check(unsigned kinds, const char *const *layers, bool normalise)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_auto(Fixture) fixture = {0};
  fixture_init(&fixture, network, layers);
  g_autoptr(NnEvaluator) plain = evaluator_new(&fixture, G_MAXINT64 / 2);
  g_autoptr(NnImage) target = picture_at(2);
  set_terms(&fixture, plain, kinds, false);
  g_assert_true(nn_criterion_observe(fixture.criterion, plain, target, NULL));
  set_terms(&fixture, plain, kinds, true);
  nn_criterion_normalise(fixture.criterion, normalise);
  g_autoptr(NnEvaluator) whole = evaluator_new(&fixture, G_MAXINT64 / 2);
  g_autoptr(NnEvaluator) tiled = tiled_new(&fixture, whole);
  compare(&fixture, whole, tiled);
}

static void
test_kind(gconstpointer data)
{
  const Test *test = data;
  check(1u << test->kind, test->layers, false);
}

static void
test_sum(void)
{
  check(1u << L2 | 1u << CONTENT | 1u << GRAM | 1u << WASSERSTEIN, rectified, false);
}

static void
test_normalised(void)
{
  check(1u << L2, rectified, true);
}

/* ---- what is only observed ---- */

typedef struct {
  int64_t channels, strongest;
  double *means;
  NnPeak *peaks;
} Seen;

/* terms: the strongest channel of each layer, then the peaks of each */
static void
add_observers(Fixture *fixture, const NnEvaluator *evaluator)
{
  for (int term = 0; term < 2 * fixture->n_layers; term++) {
    int layer = term % fixture->n_layers;
    int64_t channels = nn_evaluator_target_shape(evaluator, layer).dim[1];
    NnLoss *loss = term < fixture->n_layers ? nn_loss_strongest(channels, NULL)
                                            : nn_loss_peaks(channels, 1, NULL);
    nn_criterion_add(fixture->criterion, layer, loss, 1);
  }
}

static void
see(const Fixture *fixture, int layer, Seen *seen)
{
  const NnLoss *strongest = nn_criterion_loss(fixture->criterion, layer);
  const NnLoss *peaks = nn_criterion_loss(fixture->criterion, fixture->n_layers + layer);
  seen->channels = nn_loss_strongest_channels(strongest);
  seen->strongest = nn_loss_strongest_channel(strongest);
  seen->means = g_new(double, seen->channels);
  seen->peaks = g_new(NnPeak, seen->channels);
  for (int64_t c = 0; c < seen->channels; c++) {
    seen->means[c] = nn_loss_strongest_mean(strongest, c);
    seen->peaks[c] = *nn_loss_peaks_at(peaks, c);
  }
}

static void
seen_clear(Seen *seen)
{
  g_free(seen->means);
  g_free(seen->peaks);
}

static void
compare_seen(const Seen *one, const Seen *many)
{
  double largest = 0, most = 0;
  g_assert_cmpint(many->channels, ==, one->channels);
  g_assert_cmpint(many->strongest, ==, one->strongest);
  for (int64_t c = 0; c < one->channels; c++) {
    const NnPeak *a = &one->peaks[c], *b = &many->peaks[c];
    g_assert_true(b->y == a->y && b->x == a->x);
    largest = MAX(largest, fabs((double)a->value));
    most = worse(most, fabs((double)b->value - a->value));
    most = worse(most, fabs(many->means[c] - one->means[c]));
  }
  g_test_message("within %.1e", most / largest);
  g_assert_cmpfloat(largest, >, 0);
  g_assert_cmpfloat(most, <, LIMIT * largest);
}

static void
compare_observed(Fixture *fixture, NnEvaluator *whole, NnEvaluator *tiled)
{
  g_autoptr(NnImage) picture = picture_at(0);
  Seen one[MOST_LAYERS], many[MOST_LAYERS];
  g_assert_true(nn_criterion_observe(fixture->criterion, whole, picture, NULL));
  for (int layer = 0; layer < fixture->n_layers; layer++)
    see(fixture, layer, &one[layer]);
  g_assert_true(nn_criterion_observe(fixture->criterion, tiled, picture, NULL));
  for (int layer = 0; layer < fixture->n_layers; layer++) {
    see(fixture, layer, &many[layer]);
    compare_seen(&one[layer], &many[layer]);
    seen_clear(&one[layer]);
    seen_clear(&many[layer]);
  }
}

/* what is around a channel's peak does not count from now on */
static void
exclude_peaks(const Fixture *fixture, int layer)
{
  NnLoss *peaks = nn_criterion_loss(fixture->criterion, fixture->n_layers + layer);
  int64_t channels = nn_loss_strongest_channels(nn_criterion_loss(fixture->criterion, layer));
  for (int64_t c = 0; c < channels; c++) {
    NnPeak peak = *nn_loss_peaks_at(peaks, c);
    NnBox around = {{peak.y - 4, peak.x - 4}, {peak.y + 5, peak.x + 5}};
    nn_loss_peaks_exclude(peaks, c, &around);
  }
}

static void
test_observed(gconstpointer layers)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_auto(Fixture) fixture = {0};
  fixture_init(&fixture, network, layers);
  g_autoptr(NnEvaluator) whole = evaluator_new(&fixture, G_MAXINT64 / 2);
  g_autoptr(NnEvaluator) tiled = tiled_new(&fixture, whole);
  add_observers(&fixture, whole);
  compare_observed(&fixture, whole, tiled);
  if (layers != scores) { /* which have one place, and would have none */
    for (int layer = 0; layer < fixture.n_layers; layer++)
      exclude_peaks(&fixture, layer);
    compare_observed(&fixture, whole, tiled);
  }
}

/* ---- ends and budgets ---- */

/* a run that is told to end does, and the next one is as if it had never been */
static bool
stop_at_half(gpointer data, double fraction)
{
  return fraction < 0.5;
}

static void
test_cancelled(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_auto(Fixture) fixture = {0};
  g_autoptr(GError) error = NULL;
  fixture_init(&fixture, network, rectified);
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
}

/* no budget is small enough to be met by anything: the sentence says what would do */
static void
test_no_budget(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_auto(Fixture) fixture = {0};
  g_autoptr(GError) error = NULL;
  fixture_init(&fixture, network, rectified);
  nn_criterion_add(fixture.criterion, 1, nn_loss_l2(), 1);
  nn_context_set_memory_budget(fixture.context, 4096);
  g_assert_null(nn_criterion_evaluator(fixture.criterion, WIDTH, HEIGHT, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, "budget"));
}

/* what others hold of the budget is not the evaluator's */
static void
test_held(void)
{
  g_autoptr(NnNetwork) network = base_network_new();
  g_auto(Fixture) fixture = {0};
  g_autoptr(GError) error = NULL;
  fixture_init(&fixture, network, rectified);
  nn_criterion_add(fixture.criterion, 1, nn_loss_l2(), 1);
  g_autoptr(NnEvaluator) whole = evaluator_new(&fixture, 1 << 30);
  int64_t bytes = (int64_t)nn_evaluator_bytes(whole);
  int64_t budget = nn_context_memory_held(fixture.context) + bytes + bytes / 8;
  nn_context_set_memory_budget(fixture.context, budget);
  nn_context_hold_memory(fixture.context, bytes / 4);
  g_autoptr(NnEvaluator) tiled = nn_criterion_evaluator(fixture.criterion, WIDTH, HEIGHT, &error);
  nn_context_hold_memory(fixture.context, -(bytes / 4));
  int rows, columns;
  g_assert_no_error(error);
  nn_evaluator_grid(tiled, &rows, &columns);
  g_assert_cmpint(rows * columns, >, 1);
  g_assert_cmpint((int64_t)nn_evaluator_bytes(tiled), <=, bytes + bytes / 8 - bytes / 4);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *path = g_strconcat("/criterion/tiles/", tests[i].name, NULL);
    g_test_add_data_func(path, &tests[i], test_kind);
  }
  g_test_add_func("/criterion/tiles/sum", test_sum);
  g_test_add_func("/criterion/tiles/normalised", test_normalised);
  g_test_add_data_func("/criterion/tiles/observed", rectified, test_observed);
  g_test_add_data_func("/criterion/tiles/observed-scores", scores, test_observed);
  g_test_add_func("/criterion/cancelled", test_cancelled);
  g_test_add_func("/criterion/no-budget", test_no_budget);
  g_test_add_func("/criterion/held", test_held);
  return g_test_run();
}
