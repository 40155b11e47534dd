/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The effects that explain, from end to end on the small network: results of the right kind and
 * size, the same for every number of threads; Stop keeps, Cancel does not, in tiles too; bounds hold;
 * memory is given back in time; sentences where nothing can be done. What the maps say is held against
 * PyTorch in tests/oracle. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/effects/attribution.h"
#include "nncore/effects/effect.h"
#include "nncore/effects/grad-cam.h"
#include "nncore/loss/loss.h"
#include "nncore/plan/plan-private.h"
#include "tests/effects/base-network.h"
#include "tests/image/pictures.h"
#include "tests/unit/onnx-builder.h"

typedef struct {
  NnNetwork *network;
  NnContext *context;
  NnArgument *arguments;
  NnEffectRun run;
  NnProgress progress;
  NnImage *content;
} Fixture;

static NnArgument *
argument(Fixture *fixture, const char *key)
{
  return (NnArgument *)nn_effect_argument(&fixture->run, key);
}

static void
set_up(Fixture *fixture, const char *effect_id, int threads)
{
  const NnEffect *effect = nn_effect_find(effect_id);
  *fixture = (Fixture){.network = base_network_new(), .context = nn_context_new(threads)};
  fixture->network->input.own_px = 48;
  fixture->arguments = nn_effect_arguments(effect);
  fixture->content = picture_noise(60, 44, 4, 3);
  for (int i = 0; i < 60 * 44; i++) {
    fixture->content->data[4 * i + 3] = 1;
    if (i % 60 > 20 && i % 60 < 40) /* a shape */
      fixture->content->data[4 * i] = 0.9f;
  }
  fixture->run = (NnEffectRun){.effect = effect,
                               .context = fixture->context,
                               .arguments = fixture->arguments,
                               .content = fixture->content,
                               .progress = &fixture->progress,
                               .results = nn_results_new()};
  argument(fixture, "network")->network = fixture->network;
}

static void
tear_down(Fixture *fixture)
{
  g_array_unref(fixture->run.results);
  g_free(fixture->arguments);
  nn_image_free(fixture->content);
  nn_context_free(fixture->context);
  nn_network_free(fixture->network);
}

/* takes @network */
static void
use_network(Fixture *fixture, NnNetwork *network)
{
  nn_network_free(fixture->network);
  fixture->network = network;
  argument(fixture, "network")->network = network;
}

static void
use_content(Fixture *fixture, NnImage *content)
{
  nn_image_free(fixture->content);
  fixture->run.content = fixture->content = content;
}

/* what the scores are made of is "map", without a rectifier; clears @builder */
static NnNetwork *
classifier_finish(OnnxBuilder *builder)
{
  onnx_add_node(builder, "GlobalAveragePool", "map", "mean", NULL);
  onnx_add_node(builder, "Flatten", "mean", "logits", NULL);
  onnx_add_output(builder, "logits");
  NnNetwork *network = nn_network_new(onnx_builder_finish(builder), "small");
  network->role = NN_ROLE_CLASSIFIER;
  return network;
}

/* quick enough to be run often */
static NnNetwork *
classifier_new(int classes)
{
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_weights(&builder, "a", &NN_SHAPE(32, 3, 3, 3));
  onnx_add_weights(&builder, "b", &NN_SHAPE(classes, 32, 3, 3));
  onnx_add_node(&builder, "Conv", "x a", "c", "pads=1,1,1,1");
  onnx_add_node(&builder, "Relu", "c", "r", NULL);
  onnx_add_node(&builder, "Conv", "r b", "map", "pads=1,1,1,1");
  return classifier_finish(&builder);
}

/* of two classes, where infinities of both signs meet */
static NnNetwork *
nonsense_new(void)
{
  static const float weights[] = {INFINITY, -INFINITY, 1, -INFINITY, INFINITY, 1};
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 0, 0));
  onnx_add_raw(&builder, "w", 1, (int64_t[]){2, 3, 1, 1}, 4, weights, sizeof weights);
  onnx_add_node(&builder, "Conv", "x w", "map", NULL);
  return classifier_finish(&builder);
}

/* (transfer none): result @index, after a run that must succeed */
static const NnResult *
result_at(const Fixture *fixture, guint index)
{
  g_assert_cmpuint(fixture->run.results->len, >, index);
  return &g_array_index(fixture->run.results, NnResult, index);
}

static void
run(Fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  g_array_set_size(fixture->run.results, 0);
  bool done = nn_effect_run(&fixture->run, &error);
  g_assert_no_error(error);
  g_assert_true(done);
}

static GError *
run_fails(Fixture *fixture)
{
  GError *error = NULL;
  g_array_set_size(fixture->run.results, 0);
  g_assert_false(nn_effect_run(&fixture->run, &error));
  g_assert_nonnull(error);
  g_test_message("%s", error->message);
  return error;
}

static void
assert_of_content_size(const Fixture *fixture, const NnImage *image, int channels)
{
  g_assert_cmpint(image->width, ==, fixture->content->width);
  g_assert_cmpint(image->height, ==, fixture->content->height);
  g_assert_cmpint(image->channels, ==, channels);
  for (size_t i = 0; i < nn_image_samples(image); i++)
    g_assert_true(image->data[i] >= 0 && image->data[i] <= 1);
}

/* ---- losses ---- */

/* each element of the gradient of a loss against a central difference */
static void
check_loss(NnLoss *loss, const NnShape *shape)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnTensor) x = nn_tensor_new(NN_DTYPE_FLOAT, shape, NULL);
  g_autoptr(NnTensor) gradient = nn_tensor_new(NN_DTYPE_FLOAT, shape, NULL);
  g_autoptr(NnTensor) ignored = nn_tensor_new(NN_DTYPE_FLOAT, shape, NULL);
  const float h = 1 / 64.0f;
  for (int64_t i = 0; i < nn_shape_count(shape); i++)
    x->f[i] = (float)((i * 37 + 11) % 23) / 4;
  nn_loss_evaluate(loss, context, x, 2, gradient);
  for (int64_t i = 0; i < nn_shape_count(shape); i++) {
    float kept = x->f[i];
    x->f[i] = kept + h;
    double above = nn_loss_evaluate(loss, context, x, 1, ignored);
    x->f[i] = kept - h;
    double below = nn_loss_evaluate(loss, context, x, 1, ignored);
    x->f[i] = kept;
    g_assert_cmpfloat_with_epsilon(gradient->f[i], (above - below) / h, 1e-5);
  }
}

static void
test_losses(void)
{
  g_autoptr(NnLoss) neuron = nn_loss_neuron(2, 1, 3);
  g_autoptr(NnLoss) strongest = nn_loss_neuron(-1, 0, 2);
  g_autoptr(NnLoss) of_scores = nn_loss_neuron(4, 0, 0);
  g_autoptr(NnLoss) margin = nn_loss_margin(5, 1, NULL);
  g_autoptr(NnLoss) of_first = nn_loss_margin(5, 0, NULL);
  check_loss(neuron, &NN_SHAPE(1, 5, 3, 4));
  check_loss(strongest, &NN_SHAPE(1, 5, 3, 4));
  check_loss(of_scores, &NN_SHAPE(1, 5));
  check_loss(margin, &NN_SHAPE(1, 5, 2, 3));
  check_loss(of_first, &NN_SHAPE(1, 5));
}

/* ---- saliency and occlusion ---- */

static const char *const map_effects[] = {"saliency", "occlusion"};

static void
test_methods(void)
{
  Fixture fixture;
  set_up(&fixture, "saliency", 2);
  argument(&fixture, "samples")->i = 2;
  argument(&fixture, "steps")->i = 2;
  for (int method = 0; method < 8; method++)
    for (int target = 0; target < 3; target++) {
      argument(&fixture, "method")->i = method;
      argument(&fixture, "target")->i = target;
      argument(&fixture, "layer")->text = "relu3_1";
      run(&fixture);
      assert_of_content_size(&fixture, result_at(&fixture, 0)->image, 4);
      g_assert_cmpint(result_at(&fixture, 0)->place, ==, NN_PLACE_LAYER);
    }
  tear_down(&fixture);
}

/* the values of its ends, one above the other end of the bar */
static void
assert_legend(const Fixture *fixture, const NnResult *legend)
{
  assert_of_content_size(fixture, legend->image, 4);
  g_assert_true(legend->own_alpha);
  g_assert_cmpuint(legend->captions->len, ==, 2);
  const NnCaption *ends = (const NnCaption *)(gpointer)legend->captions->data;
  g_assert_cmpstr(ends[0].text, ==, "0");
  g_assert_cmpfloat(g_ascii_strtod(ends[1].text, NULL), >, 0);
  g_assert_true(g_str_has_suffix(legend->label, ends[1].text));
  g_assert_cmpint(ends[1].box.x + ends[1].box.width, >, ends[0].box.x + ends[0].box.width);
  for (int i = 0; i < 2; i++)
    g_assert_true(ends[i].box.y >= 0 && ends[i].box.y + ends[i].box.height < 44);
}

static void
test_outputs(gconstpointer effect)
{
  Fixture fixture;
  set_up(&fixture, effect, 2);
  const NnPlace places[] = {NN_PLACE_LAYER, NN_PLACE_LAYER, NN_PLACE_MASK, NN_PLACE_SELECTION};
  argument(&fixture, "legend")->i = 1;
  argument(&fixture, "opacity")->d = 30;
  for (int output = 0; output < 4; output++) {
    argument(&fixture, "output")->i = output;
    argument(&fixture, "transparent")->i = output == 1;
    run(&fixture);
    bool layer = output < 2;
    const NnResult *result = result_at(&fixture, layer ? 1 : 0); /* a legend lies above its map */
    g_assert_cmpint(result->place, ==, places[output]);
    assert_of_content_size(&fixture, result->image, layer ? 4 : 1);
    g_assert_cmpint(result->own_alpha, ==, output == 1);
    g_assert_cmpfloat(result->opacity, ==, layer ? 0.3 : 1);
    if (layer)
      assert_legend(&fixture, result_at(&fixture, 0));
    else
      g_assert_cmpint(result_at(&fixture, 1)->place, ==, NN_PLACE_TEXT);
  }
  const NnImage *selection = result_at(&fixture, 0)->image;
  float most = 0;
  for (size_t i = 0; i < nn_image_samples(selection); i++) {
    g_assert_true(selection->data[i] == 0 || selection->data[i] == 1);
    most = MAX(most, selection->data[i]);
  }
  g_assert_cmpfloat(most, ==, 1);
  tear_down(&fixture);
}

static void
test_threads(gconstpointer effect)
{
  g_autoptr(NnImage) one = NULL;
  for (int threads = 1; threads <= 3; threads++) {
    Fixture fixture;
    set_up(&fixture, effect, threads);
    run(&fixture);
    const NnImage *image = result_at(&fixture, 0)->image;
    if (one == NULL)
      one = nn_image_copy(image, NULL);
    else
      g_assert_cmpmem(one->data, nn_image_samples(one) * sizeof(float), image->data,
                      nn_image_samples(image) * sizeof(float));
    tear_down(&fixture);
  }
}

/** Answer: what a host says of one run: @verdict, once there have been @after reports. @silent: those
 * without a text: from within evaluations in tiles. */
typedef struct {
  int calls, after;
  NnVerdict verdict;
  int silent;
  double fraction;
} Answer;

static NnVerdict
answer(const NnReport *report, gpointer data)
{
  Answer *answer = data;
  g_assert_cmpfloat(report->fraction, >=, answer->fraction);
  g_assert_cmpfloat(report->fraction, <=, 1);
  answer->fraction = report->fraction;
  answer->silent += report->text == NULL;
  return ++answer->calls > answer->after ? answer->verdict : NN_CONTINUE;
}

static void
test_answers(gconstpointer effect)
{
  Fixture fixture;
  set_up(&fixture, effect, 2);
  Answer stop = {.after = 2, .verdict = NN_STOP};
  fixture.progress = (NnProgress){answer, &stop};
  run(&fixture);
  g_assert_cmpint(stop.calls, ==, 3);
  for (int after = 0; after < 3; after++) {
    Answer cancel = {.after = after, .verdict = NN_CANCEL};
    fixture.progress = (NnProgress){answer, &cancel};
    g_autoptr(GError) error = run_fails(&fixture);
    g_assert_error(error, NN_ERROR, NN_ERROR_CANCELLED);
    g_assert_cmpuint(fixture.run.results->len, ==, 0);
  }
  tear_down(&fixture);
}

static void
test_refusals(gconstpointer effect)
{
  Fixture fixture;
  set_up(&fixture, effect, 1);
  argument(&fixture, "class")->text = "no such thing";
  g_autoptr(GError) error = run_fails(&fixture);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  argument(&fixture, "class")->text = "";
  argument(&fixture, "target")->i = 1;
  argument(&fixture, "layer")->text = "relu2_1";
  argument(&fixture, "channel")->i = 64;
  g_clear_error(&error);
  error = run_fails(&fixture);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  for (int i = 0; i < 60 * 44; i++)
    fixture.content->data[4 * i + 3] = 0;
  g_clear_error(&error);
  error = run_fails(&fixture);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  tear_down(&fixture);
}

/* what holds all of the working picture in memory says so where it does not fit, before it takes any */
static void
test_budget(void)
{
  static const struct {
    const char *effect;
    int method;
    int64_t budget_mib;
  } cases[] = {
      {"saliency", 0, 46}, {"saliency", 6, 37}, {"saliency", 7, 37}, {"occlusion", -1, 37}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Fixture fixture;
    set_up(&fixture, cases[i].effect, 1);
    use_content(&fixture, picture_noise(320, 240, 4, 3));
    for (int p = 0; p < 320 * 240; p++)
      fixture.content->data[4 * p + 3] = 1;
    argument(&fixture, "working-size")->i = 320;
    nn_context_set_memory_budget(fixture.context, cases[i].budget_mib << 20);
    if (cases[i].method >= 0)
      argument(&fixture, "method")->i = cases[i].method;
    if (i == 0) { /* in tiles */
      run(&fixture);
    } else {
      g_autoptr(GError) error = run_fails(&fixture);
      g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
      g_test_message("%s", error->message);
      g_assert_nonnull(strstr(error->message, "smaller working size"));
    }
    tear_down(&fixture);
  }
}

static void
test_patches(void)
{
  Fixture fixture;
  set_up(&fixture, "occlusion", 2);
  argument(&fixture, "patch")->i = 200;
  g_autoptr(GError) error = run_fails(&fixture);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  argument(&fixture, "patch")->i = 9;
  argument(&fixture, "stride")->i = 20;
  run(&fixture);
  g_assert_nonnull(strstr(result_at(&fixture, 1)->label, "12 patches."));
  tear_down(&fixture);
}

/* stopped: as many as there were until then */
static void
test_patches_stopped(void)
{
  int told[2];
  Fixture fixture;
  set_up(&fixture, "occlusion", 2);
  argument(&fixture, "patch")->i = 9;
  argument(&fixture, "stride")->i = 4;
  Answer stop = {.after = 2, .verdict = NN_STOP};
  for (int i = 0; i < 2; i++) {
    run(&fixture);
    told[i] = atoi(strrchr(result_at(&fixture, 1)->label, '\n') + 1);
    fixture.progress = (NnProgress){answer, &stop};
  }
  g_assert_cmpint(told[1], >, 0);
  g_assert_cmpint(told[1], <, told[0]);
  tear_down(&fixture);
}

/* covered almost whole, twice: of some class it speaks against it both times, which is an error; but
 * not after a Stop, when more might have come */
static void
test_empty_map(void)
{
  Fixture fixture;
  set_up(&fixture, "occlusion", 2);
  argument(&fixture, "patch")->i = argument(&fixture, "stride")->i = 41;
  argument(&fixture, "output")->i = 1;
  g_autoptr(GError) error = NULL;
  for (int number = 0; error == NULL; number++) {
    g_autofree char *text = g_strdup_printf("%d", number);
    argument(&fixture, "class")->text = text;
    g_array_set_size(fixture.run.results, 0);
    if (nn_effect_run(&fixture.run, &error))
      continue;
    g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
    g_assert_nonnull(strstr(error->message, "the map is empty"));
    Answer stop = {.after = 1, .verdict = NN_STOP};
    fixture.progress = (NnProgress){answer, &stop};
    run(&fixture);
    g_assert_cmpint(stop.calls, ==, 2);
  }
  const NnImage *image = result_at(&fixture, 0)->image;
  assert_of_content_size(&fixture, image, 4);
  for (size_t i = 0; i < nn_image_samples(image); i++)
    g_assert_cmpfloat(image->data[i], ==, i % 4 == 3);
  tear_down(&fixture);
}

/* the same of gradients that are 0 all over: of a neuron that its rectifier silences */
static void
test_empty_samples(void)
{
  Fixture fixture;
  set_up(&fixture, "saliency", 2);
  use_network(&fixture, classifier_new(8));
  argument(&fixture, "target")->i = NN_TARGET_NEURON;
  argument(&fixture, "layer")->text = "r";
  argument(&fixture, "noise")->d = 0;
  argument(&fixture, "samples")->i = 3;
  argument(&fixture, "output")->i = 1;
  g_autoptr(GError) error = NULL;
  for (int channel = 0; error == NULL; channel++) {
    argument(&fixture, "channel")->i = channel;
    g_array_set_size(fixture.run.results, 0);
    nn_effect_run(&fixture.run, &error);
  }
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "the map is empty"));
  Answer stop = {.after = 1, .verdict = NN_STOP};
  fixture.progress = (NnProgress){answer, &stop};
  run(&fixture);
  g_assert_cmpint(stop.calls, ==, 2);
  const NnImage *image = result_at(&fixture, 0)->image;
  for (size_t i = 0; i < nn_image_samples(image); i++)
    g_assert_cmpfloat(image->data[i], ==, i % 4 == 3);
  tear_down(&fixture);
}

/* ---- memory ---- */

typedef struct {
  NnContext *context;
  int64_t most;
} Held;

static NnVerdict
note_held(const NnReport *report, gpointer data)
{
  Held *held = data;
  held->most = MAX(held->most, nn_context_memory_held(held->context));
  return NN_CONTINUE;
}

/* while patches are exchanged, the network is there once */
static void
test_occlusion_memory(void)
{
  static const char *const layer = "logits";
  Fixture fixture;
  NnEstimate cost;
  set_up(&fixture, "occlusion", 2);
  nn_context_set_memory_budget(fixture.context, 1 << 30);
  NnProgram *program = nn_program_new(fixture.network->model, fixture.context, &layer, 1,
                                      (NnProgramOptions){.separate = true}, NULL);
  int64_t bytes = (int64_t)nn_program_bytes(program);
  nn_program_unref(program);
  g_assert_true(nn_effect_estimate(&fixture.run, 60, 44, &cost, NULL));
  Held held = {.context = fixture.context};
  fixture.progress = (NnProgress){note_held, &held};
  run(&fixture);
  g_assert_cmpint(held.most, ==, bytes + (int64_t)cost.held_bytes);
  g_assert_cmpint(nn_context_memory_held(fixture.context), ==, 0);
  tear_down(&fixture);
}

/* what the map's program and plan take is enough, whatever the number of threads */
static void
check_cam_memory(int threads)
{
  static const char *const layers[] = {"relu5_1", "logits"};
  g_autoptr(GError) error = NULL;
  g_autoptr(NnNetwork) network = base_network_new();
  g_autoptr(NnContext) context = nn_context_new(threads);
  g_autoptr(NnImage) view = picture_noise(96, 96, 3, 5);
  nn_context_set_memory_budget(context, 40 << 20);
  NnProgram *program = nn_program_new(network->model, context, layers, G_N_ELEMENTS(layers),
                                      (NnProgramOptions){.gradient = true}, &error);
  g_assert_no_error(error);
  NnPlan *plan = nn_plan_new(program, &NN_SHAPE(1, 3, 96, 96), 1, &error);
  g_assert_no_error(error);
  size_t needed = nn_program_bytes(program) + nn_plan_nominal_bytes(plan);
  nn_plan_unref(plan);
  nn_program_unref(program);
  nn_context_set_memory_budget(context, (int64_t)needed);
  NnTargetChoice choice = {.kind = NN_TARGET_CLASS, .class_text = "3", .layer = ""};
  g_autoptr(NnTarget) target =
      nn_target_new(network, context, &choice, (NnProgramOptions){.gradient = false}, &error);
  g_assert_no_error(error);
  nn_target_open(target, view, &error);
  g_assert_no_error(error);
  g_autoptr(NnImage) cam = nn_grad_cam(network, context, target, view, layers[0], NULL, &error);
  g_assert_no_error(error);
  g_assert_nonnull(cam);
  g_assert_cmpint(nn_context_memory_held(context), ==, 0);
}

static void
test_cam_memory(void)
{
  check_cam_memory(1);
  check_cam_memory(8);
}

/* of a content that is much larger than what the network sees, what becomes of the map counts */
static void
test_result_memory(void)
{
  Fixture fixture;
  set_up(&fixture, "saliency", 1);
  nn_context_set_memory_budget(fixture.context, INT64_C(1) << 40);
  for (int legend = 0; legend < 2; legend++) {
    NnEstimate cost;
    double bytes = (legend ? 9 : 5) * 4000.0 * 3000.0 * sizeof(float);
    argument(&fixture, "legend")->i = legend;
    g_assert_true(nn_effect_estimate(&fixture.run, 4000, 3000, &cost, NULL));
    g_assert_cmpfloat(cost.bytes, >=, bytes);
    g_assert_cmpfloat(cost.bytes, <, 1.03 * bytes);
    g_assert_cmpfloat(cost.held_bytes, >=, bytes);
    g_assert_cmpfloat(cost.held_bytes, <=, cost.bytes);
  }
  tear_down(&fixture);
}

/* ---- networks that give no numbers ---- */

static void
assert_no_numbers(Fixture *fixture)
{
  use_network(fixture, nonsense_new());
  g_autoptr(GError) error = run_fails(fixture);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "no numbers"));
  tear_down(fixture);
}

static void
test_no_numbers(void)
{
  static const char *const effects[] = {"saliency", "occlusion", "what-is-it", "adversarial"};
  Fixture fixture;
  for (size_t i = 0; i < G_N_ELEMENTS(effects); i++) {
    set_up(&fixture, effects[i], 1);
    assert_no_numbers(&fixture);
  }
  for (int kind = NN_TARGET_CHANNEL; kind <= NN_TARGET_NEURON; kind++)
    for (int channel = -1; channel < 2; channel++) {
      set_up(&fixture, "saliency", 1);
      argument(&fixture, "target")->i = kind;
      argument(&fixture, "layer")->text = "map";
      argument(&fixture, "channel")->i = channel;
      assert_no_numbers(&fixture);
    }
}

/* ---- answers while the network works in tiles ---- */

static void
set_up_large(Fixture *fixture, const char *effect)
{
  set_up(fixture, effect, 2);
  use_network(fixture, classifier_new(8));
  use_content(fixture, picture_scene(160, 120));
  argument(fixture, "working-size")->i = 160;
}

/* less and less memory until there are tiles, which what keeps all of the picture may refuse then.
 * Returns: the number of reports */
static int
shrink_budget(Fixture *fixture)
{
  for (int64_t budget = 10 << 20;; budget = budget / 8 * 7) {
    g_autoptr(GError) error = NULL;
    Answer count = {.after = G_MAXINT};
    g_assert_cmpint(budget, >, 1 << 18);
    nn_context_set_memory_budget(fixture->context, budget);
    fixture->progress = (NnProgress){answer, &count};
    g_array_set_size(fixture->run.results, 0);
    if (!nn_effect_run(&fixture->run, &error))
      g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
    if (count.silent < 3)
      continue;
    g_test_message("%s: %d reports with %.1f MiB", fixture->run.effect->id, count.calls,
                   (double)budget / 1048576);
    return count.calls;
  }
}

static void
check_cancel_in_tiles(Fixture *fixture)
{
  shrink_budget(fixture);
  for (int after = 1; after <= 3; after++) {
    Answer cancel = {.after = after, .verdict = NN_CANCEL};
    fixture->progress = (NnProgress){answer, &cancel};
    g_autoptr(GError) error = run_fails(fixture);
    g_assert_error(error, NN_ERROR, NN_ERROR_CANCELLED);
    g_assert_cmpint(cancel.calls, ==, after + 1);
    g_assert_cmpuint(fixture->run.results->len, ==, 0);
    g_assert_cmpint(nn_context_memory_held(fixture->context), ==, 0);
  }
  tear_down(fixture);
}

static void
test_cancel_in_tiles(void)
{
  static const NnMethod methods[] = {NN_METHOD_GRADIENT, NN_METHOD_GRAD_CAM};
  Fixture fixture;
  set_up_large(&fixture, "what-is-it");
  check_cancel_in_tiles(&fixture);
  for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
    set_up_large(&fixture, "saliency");
    argument(&fixture, "method")->i = methods[i];
    check_cancel_in_tiles(&fixture);
  }
  set_up_large(&fixture, "occlusion");
  argument(&fixture, "patch")->i = argument(&fixture, "stride")->i = 40;
  check_cancel_in_tiles(&fixture);
  set_up_large(&fixture, "adversarial");
  argument(&fixture, "least")->i = 0;
  argument(&fixture, "iterations")->i = 2;
  check_cancel_in_tiles(&fixture);
}

/* in the first look, in the second sample, and there again: as many samples as there are, at least one */
static void
test_stop_in_tiles(void)
{
  Fixture fixture;
  set_up_large(&fixture, "saliency");
  argument(&fixture, "samples")->i = 1;
  int reports = shrink_budget(&fixture);
  g_autoptr(NnImage) one = nn_image_copy(result_at(&fixture, 0)->image, NULL);
  argument(&fixture, "samples")->i = 3;
  const int stops[] = {1, reports, reports + 1};
  for (size_t i = 0; i < G_N_ELEMENTS(stops); i++) {
    Answer stop = {.after = stops[i], .verdict = NN_STOP};
    fixture.progress = (NnProgress){answer, &stop};
    run(&fixture);
    g_assert_cmpint(stop.calls, ==, MAX(reports, stops[i] + 1));
    const NnImage *image = result_at(&fixture, 0)->image;
    g_assert_cmpmem(image->data, nn_image_samples(image) * sizeof(float), one->data,
                    nn_image_samples(one) * sizeof(float));
  }
  argument(&fixture, "method")->i = NN_METHOD_INTEGRATED; /* both ends, then */
  Answer stop = {.after = 1, .verdict = NN_STOP};
  fixture.progress = (NnProgress){answer, &stop};
  run(&fixture);
  g_assert_nonnull(strstr(result_at(&fixture, 1)->label, "In 1 steps"));
  tear_down(&fixture);
}

/* a search that does not end by itself ends with what there is */
static void
test_stop_search_in_tiles(void)
{
  Fixture fixture;
  set_up_large(&fixture, "adversarial");
  argument(&fixture, "whole-levels")->i = 0;
  argument(&fixture, "bound")->d = 0.01;
  argument(&fixture, "confidence")->d = 99.9;
  argument(&fixture, "iterations")->i = 2;
  int reports = shrink_budget(&fixture);
  argument(&fixture, "iterations")->i = 1000;
  for (int after = 1; after < 2 * reports; after += 1 + reports / 5) {
    Answer stop = {.after = after, .verdict = NN_STOP};
    fixture.progress = (NnProgress){answer, &stop};
    run(&fixture);
    g_assert_cmpint(stop.calls, >, after);
    g_assert_cmpint(stop.calls, <=, after + reports);
    g_assert_nonnull(strstr(result_at(&fixture, 2)->label, "Stopped before"));
  }
  tear_down(&fixture);
}

/* ---- what is it ---- */

static void
test_what_is_it(void)
{
  Fixture fixture;
  set_up(&fixture, "what-is-it", 2);
  run(&fixture);
  g_assert_cmpuint(fixture.run.results->len, ==, 1);
  g_assert_cmpint(result_at(&fixture, 0)->place, ==, NN_PLACE_TEXT);
  g_auto(GStrv) lines = g_strsplit(result_at(&fixture, 0)->label, "\n", -1);
  g_assert_cmpuint(g_strv_length(lines), ==, 5);
  double last = 100;
  for (int i = 0; i < 5; i++) {
    double percent = g_ascii_strtod(strrchr(lines[i], '(') + 1, NULL);
    g_assert_cmpint(lines[i][0], ==, '1' + i);
    g_assert_true(percent >= 0 && percent <= last);
    last = percent;
  }
  fixture.network->role = NN_ROLE_FEATURES;
  g_autoptr(GError) error = run_fails(&fixture);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  tear_down(&fixture);
}

/* ---- adversarial ---- */

static double
largest_change(const Fixture *fixture, const NnImage *image)
{
  double largest = 0;
  for (size_t i = 0; i < nn_image_samples(image); i++)
    largest = MAX(largest, fabs((double)image->data[i] - (double)fixture->content->data[i]));
  return largest;
}

/* the number that the network puts first, as what-is-it's text has it */
static char *
seen_in(Fixture *fixture, const NnImage *image)
{
  const NnEffect *effect = nn_effect_find("what-is-it");
  g_autofree NnArgument *arguments = nn_effect_arguments(effect);
  g_autoptr(GArray) results = nn_results_new();
  NnEffectRun run = {.effect = effect,
                     .context = fixture->context,
                     .arguments = arguments,
                     .content = image,
                     .results = results};
  arguments[0].network = fixture->network;
  g_assert_true(nn_effect_run(&run, NULL));
  const char *text = g_array_index(results, NnResult, 0).label;
  return g_strndup(text, strcspn(text, "("));
}

static void
test_adversarial(void)
{
  Fixture fixture;
  set_up(&fixture, "adversarial", 2);
  g_autofree char *before = seen_in(&fixture, fixture.content);
  for (int method = 0; method < 2; method++)
    for (int whole = 0; whole < 2; whole++) {
      argument(&fixture, "method")->i = method;
      argument(&fixture, "whole-levels")->i = whole;
      argument(&fixture, "bound")->d = 12;
      run(&fixture);
      const NnImage *image = result_at(&fixture, 0)->image;
      g_assert_cmpfloat(largest_change(&fixture, image), <=, 12.0 / 255 + 1e-6);
      assert_of_content_size(&fixture, image, 4);
      g_assert_cmpint(result_at(&fixture, 1)->place, ==, NN_PLACE_LAYER);
      for (size_t i = 0; whole == 1 && i < nn_image_samples(image); i++) {
        double levels = ((double)image->data[i] - (double)fixture.content->data[i]) * 255;
        bool at_end = image->data[i] == 0 || image->data[i] == 1;
        g_assert_true(at_end || fabs(levels - rint(levels)) < 1e-3);
      }
      g_autofree char *after = seen_in(&fixture, image);
      if (method == 0)
        g_assert_cmpstr(before, !=, after);
    }
  tear_down(&fixture);
}

/* of the bound, whole levels use what they have room for; one that has none is refused */
static void
test_whole_levels(void)
{
  static const struct {
    double bound;
    int levels;
  } cases[] = {{3.6, 3}, {3, 3}, {1.999, 1}, {1, 1}};
  Fixture fixture;
  set_up(&fixture, "adversarial", 2);
  use_network(&fixture, classifier_new(8));
  argument(&fixture, "iterations")->i = 5;
  for (int method = 0; method < 2; method++)
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
      argument(&fixture, "method")->i = method;
      argument(&fixture, "least")->i = method == 0;
      argument(&fixture, "bound")->d = cases[i].bound;
      run(&fixture);
      double levels = 255 * largest_change(&fixture, result_at(&fixture, 0)->image);
      g_assert_cmpfloat(levels, <=, cases[i].levels + 1e-3);
      if (method == 1) /* one step, all the way */
        g_assert_cmpfloat(levels, >=, cases[i].levels - 1e-3);
    }
  argument(&fixture, "bound")->d = 0.99;
  g_autoptr(GError) error = run_fails(&fixture);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "turn off whole levels"));
  tear_down(&fixture);
}

static void
test_one_class(void)
{
  Fixture fixture;
  set_up(&fixture, "adversarial", 1);
  use_network(&fixture, classifier_new(1));
  g_autoptr(GError) error = run_fails(&fixture);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  g_assert_nonnull(strstr(error->message, "one class only"));
  tear_down(&fixture);
}

/* what cannot be done says so */
static void
test_not_enough(void)
{
  Fixture fixture;
  set_up(&fixture, "adversarial", 2);
  argument(&fixture, "whole-levels")->i = 0;
  argument(&fixture, "confidence")->d = 99.9;
  argument(&fixture, "bound")->d = 0.01;
  argument(&fixture, "iterations")->i = 5;
  run(&fixture);
  g_assert_nonnull(strstr(result_at(&fixture, 2)->label, "That was not enough."));
  Answer stop = {.after = 2, .verdict = NN_STOP};
  fixture.progress = (NnProgress){answer, &stop};
  run(&fixture);
  g_assert_cmpint(stop.calls, ==, 3);
  g_assert_null(strstr(result_at(&fixture, 2)->label, "That was not enough."));
  g_assert_nonnull(strstr(result_at(&fixture, 2)->label, "Stopped before"));
  tear_down(&fixture);
}

static void
test_goal(void)
{
  Fixture fixture;
  set_up(&fixture, "adversarial", 2);
  argument(&fixture, "class")->text = "17";
  argument(&fixture, "bound")->d = 16;
  argument(&fixture, "iterations")->i = 60;
  run(&fixture);
  g_autofree char *after = seen_in(&fixture, result_at(&fixture, 0)->image);
  g_autofree char *goal =
      g_strndup(fixture.network->labels[17], strcspn(fixture.network->labels[17], ","));
  g_assert_nonnull(strstr(after, goal));
  /* nothing left to do on the result itself */
  use_content(&fixture, nn_image_copy(result_at(&fixture, 0)->image, NULL));
  g_autoptr(GError) error = run_fails(&fixture);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/explain/losses", test_losses);
  g_test_add_func("/explain/methods", test_methods);
  for (size_t i = 0; i < G_N_ELEMENTS(map_effects); i++) {
    const char *id = map_effects[i];
    g_autofree char *outputs = g_strdup_printf("/explain/%s/outputs", id);
    g_autofree char *threads = g_strdup_printf("/explain/%s/threads", id);
    g_autofree char *answers = g_strdup_printf("/explain/%s/answers", id);
    g_autofree char *refusals = g_strdup_printf("/explain/%s/refusals", id);
    g_test_add_data_func(outputs, id, test_outputs);
    g_test_add_data_func(threads, id, test_threads);
    g_test_add_data_func(answers, id, test_answers);
    g_test_add_data_func(refusals, id, test_refusals);
  }
  g_test_add_func("/explain/patches", test_patches);
  g_test_add_func("/explain/patches-stopped", test_patches_stopped);
  g_test_add_func("/explain/empty-map", test_empty_map);
  g_test_add_func("/explain/empty-samples", test_empty_samples);
  g_test_add_func("/explain/budget", test_budget);
  g_test_add_func("/explain/occlusion-memory", test_occlusion_memory);
  g_test_add_func("/explain/cam-memory", test_cam_memory);
  g_test_add_func("/explain/result-memory", test_result_memory);
  g_test_add_func("/explain/no-numbers", test_no_numbers);
  g_test_add_func("/explain/tiles/cancel", test_cancel_in_tiles);
  g_test_add_func("/explain/tiles/stop", test_stop_in_tiles);
  g_test_add_func("/explain/tiles/stop-search", test_stop_search_in_tiles);
  g_test_add_func("/explain/what-is-it", test_what_is_it);
  g_test_add_func("/explain/adversarial", test_adversarial);
  g_test_add_func("/explain/whole-levels", test_whole_levels);
  g_test_add_func("/explain/one-class", test_one_class);
  g_test_add_func("/explain/not-enough", test_not_enough);
  g_test_add_func("/explain/goal", test_goal);
  return g_test_run();
}
