/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DeepDream from end to end on the small network: what it is to maximise grows; the same picture
 * for every number of threads and every time; Stop keeps, Cancel does not; alpha and what lies
 * under it stay; sizes from 1 x 1 px on end in a picture or a sentence. */
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/effects/dream.h"
#include "nncore/effects/effect.h"
#include "nncore/image/blur.h"
#include "tests/effects/base-network.h"
#include "tests/image/pictures.h"
#include "tests/unit/onnx-builder.h"

typedef struct {
  NnNetwork *network;
  NnContext *context;
  NnArgument *arguments;
  NnEffectRun run;
  NnProgress progress;
} Fixture;

static NnArgument *
argument(Fixture *fixture, const char *key)
{
  return (NnArgument *)nn_effect_argument(&fixture->run, key);
}

/* a small dream: two octaves of four iterations */
static void
set_up(Fixture *fixture, int threads)
{
  const NnEffect *effect = nn_effect_find("deepdream");
  fixture->network = base_network_new();
  fixture->context = nn_context_new(threads);
  fixture->arguments = nn_effect_arguments(effect);
  fixture->progress = (NnProgress){NULL, NULL};
  fixture->run = (NnEffectRun){.effect = effect,
                               .context = fixture->context,
                               .arguments = fixture->arguments,
                               .progress = &fixture->progress,
                               .results = nn_results_new()};
  argument(fixture, "network")->network = fixture->network;
  argument(fixture, "octaves")->i = 2;
  argument(fixture, "iterations")->i = 4;
}

static void
tear_down(Fixture *fixture)
{
  g_array_unref(fixture->run.results);
  g_free(fixture->arguments);
  nn_context_free(fixture->context);
  nn_network_free(fixture->network);
}

/* (transfer none): the result's picture */
static const NnImage *
dream(Fixture *fixture, const NnImage *content)
{
  g_autoptr(GError) error = NULL;
  fixture->run.content = content;
  g_array_set_size(fixture->run.results, 0);
  bool done = nn_effect_run(&fixture->run, &error);
  g_assert_no_error(error);
  g_assert_true(done);
  g_assert_cmpuint(fixture->run.results->len, ==, 1);
  const NnResult *result = &g_array_index(fixture->run.results, NnResult, 0);
  g_assert_cmpint(result->place, ==, NN_PLACE_LAYER);
  g_assert_cmpint(result->image->width, ==, content->width);
  g_assert_cmpint(result->image->height, ==, content->height);
  g_assert_cmpint(result->image->channels, ==, 4);
  g_assert_true(g_str_has_prefix(result->label, "DeepDream "));
  return result->image;
}

/* (transfer full) */
static NnImage *
dream_copy(Fixture *fixture, const NnImage *content)
{
  return nn_image_copy(dream(fixture, content), NULL);
}

static GError *
dream_error(Fixture *fixture, const NnImage *content)
{
  GError *error = NULL;
  fixture->run.content = content;
  g_array_set_size(fixture->run.results, 0);
  g_assert_false(nn_effect_run(&fixture->run, &error));
  g_assert_nonnull(error);
  g_assert_cmpuint(fixture->run.results->len, ==, 0);
  g_test_message("%s", error->message);
  return error;
}

/* what kind's objective says of a picture, in the network's own eyes */
static double
value_of(Fixture *fixture, const NnImage *image, NnObjectiveKind kind, const char *layers,
         int channel, const char *class_text, const NnImage *guide)
{
  g_autoptr(GError) error = NULL;
  NnHead head = (NnHead)argument(fixture, "head")->i;
  g_autoptr(NnObjective) objective = nn_objective_new(
      fixture->network, fixture->context, kind, layers, "dream", channel, class_text, head, &error);
  g_assert_no_error(error);
  if (guide != NULL)
    g_assert_true(nn_objective_set_guide(objective, guide, NULL));
  g_autoptr(NnEvaluator) evaluator =
      nn_objective_evaluator(objective, image->width, image->height, &error);
  g_assert_no_error(error);
  g_autoptr(NnImage) gradient = nn_image_new(image->width, image->height, 3, &error);
  double value;
  bool evaluated =
      nn_objective_evaluate(objective, evaluator, image, 0, 0, gradient, &value, &error);
  g_assert_no_error(error);
  g_assert_true(evaluated);
  return value;
}

static double
l2_of(Fixture *fixture, const NnImage *image, const char *layer)
{
  return value_of(fixture, image, NN_OBJECTIVE_L2, layer, 0, "", NULL);
}

/* noise of the same energy as the change from before to after, added to before */
static NnImage *
same_noise(const NnImage *before, const NnImage *after)
{
  NnImage *noisy = picture_noise(before->width, before->height, 4, 11);
  double change = 0, noise = 0;
  for (size_t i = 0; i < nn_image_samples(before); i++)
    if (i % 4 != 3) {
      change += pow((double)after->data[i] - before->data[i], 2);
      noise += pow(noisy->data[i] - 0.5, 2);
    }
  for (size_t i = 0; i < nn_image_samples(before); i++) {
    double sum = before->data[i] + (noisy->data[i] - 0.5) * sqrt(change / noise);
    noisy->data[i] = i % 4 == 3 ? 1 : (float)CLAMP(sum, 0, 1);
  }
  return noisy;
}

static double
correlation(const NnImage *a, const NnImage *b)
{
  double n = 0, sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  for (size_t i = 0; i < nn_image_samples(a); i++)
    if (i % 4 != 3) {
      double x = a->data[i], y = b->data[i];
      n++, sa += x, sb += y, saa += x * x, sbb += y * y, sab += x * y;
    }
  return (sab - sa * sb / n) / sqrt((saa - sa * sa / n) * (sbb - sb * sb / n));
}

/* the claim of the effect, at its defaults: five times the photo's, three times the noise's */
static void
test_dreams(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  argument(&fixture, "octaves")->i = 0;
  argument(&fixture, "iterations")->i = 10;
  g_autoptr(NnImage) scene = picture_scene(256, 192);
  for (int smoothing = 0; smoothing < 3; smoothing++) {
    argument(&fixture, "smoothing")->i = smoothing;
    g_autoptr(NnImage) dreamt = dream_copy(&fixture, scene);
    g_autoptr(NnImage) noisy = same_noise(scene, dreamt);
    double photo = l2_of(&fixture, scene, "relu4_1"), after = l2_of(&fixture, dreamt, "relu4_1");
    double noise = l2_of(&fixture, noisy, "relu4_1");
    g_test_message("smoothing %d: L2 %.0f, photo %.0f, noise %.0f", smoothing, after, photo, noise);
    /* a blurred gradient leaves out much of what the network sees */
    bool blurred = smoothing == NN_SMOOTHING_BLUR;
    g_assert_cmpfloat(after, >, (blurred ? 2.5 : 5) * photo);
    g_assert_cmpfloat(after, >, (blurred ? 1.5 : 3) * noise);
    g_autoptr(NnBlur) blur = nn_blur_new(256, 192, 4, 8, NULL);
    g_autoptr(NnImage) low = nn_image_copy(scene, NULL);
    nn_blur_run(blur, fixture.context, low);
    nn_blur_run(blur, fixture.context, dreamt);
    g_assert_cmpfloat(correlation(low, dreamt), >, 0.7);
  }
  tear_down(&fixture);
}

static void
test_objectives(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  g_autoptr(NnImage) scene = picture_scene(160, 120);
  static const struct {
    NnObjectiveKind kind;
    const char *layers;
    int channel;
    const char *class_text;
  } cases[] = {
      {NN_OBJECTIVE_MEAN, "relu3_1", 0, ""},         {NN_OBJECTIVE_CHANNEL, "conv4_1", 7, ""},
      {NN_OBJECTIVE_CLASS, "", 0, "goldfish"},       {NN_OBJECTIVE_CLASS, "", 0, "150"},
      {NN_OBJECTIVE_L2, "relu3_2:0.5,pool4", 0, ""},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    argument(&fixture, "objective")->i = cases[i].kind;
    argument(&fixture, "layers")->text = cases[i].layers;
    argument(&fixture, "channel")->i = cases[i].channel;
    argument(&fixture, "class")->text = cases[i].class_text;
    g_autoptr(NnImage) dreamt = dream_copy(&fixture, scene);
    double before = value_of(&fixture, scene, cases[i].kind, cases[i].layers, cases[i].channel,
                             cases[i].class_text, NULL);
    double after = value_of(&fixture, dreamt, cases[i].kind, cases[i].layers, cases[i].channel,
                            cases[i].class_text, NULL);
    g_test_message("%s: %g to %g", g_array_index(fixture.run.results, NnResult, 0).label, before,
                   after);
    g_assert_cmpfloat(after - before, >, 0.5 * fabs(before));
  }
  g_assert_cmpstr(g_array_index(fixture.run.results, NnResult, 0).label, ==,
                  "DeepDream relu3_2, pool4");
  tear_down(&fixture);
}

/* left open, channel and class are what the picture shows most; they do grow */
static void
test_strongest(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  g_autoptr(NnImage) scene = picture_scene(160, 120);
  for (int kind = NN_OBJECTIVE_CHANNEL; kind <= NN_OBJECTIVE_CLASS; kind++) {
    argument(&fixture, "objective")->i = kind;
    argument(&fixture, "layers")->text = "relu4_2";
    argument(&fixture, "channel")->i = -1;
    const NnImage *dreamt = dream(&fixture, scene);
    double before = value_of(&fixture, scene, (NnObjectiveKind)kind, "relu4_2", -1, "", NULL);
    double after = value_of(&fixture, dreamt, (NnObjectiveKind)kind, "relu4_2", -1, "", NULL);
    g_assert_cmpfloat(after, >, before);
  }
  tear_down(&fixture);
}

static void
test_guide(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  g_autoptr(NnImage) scene = picture_scene(160, 120);
  g_autoptr(NnImage) guide = picture_noise(90, 70, 4, 5);
  for (int i = 0; i < 90 * 70; i++)
    guide->data[4 * i + 3] = i % 90 < 60 ? 1 : 0;
  argument(&fixture, "layers")->text = "relu3_1,relu4_1";
  argument(&fixture, "guide-file")->image = guide;
  const NnImage *dreamt = dream(&fixture, scene);
  double before = value_of(&fixture, scene, NN_OBJECTIVE_GUIDE, "relu3_1", 0, "", guide);
  double after = value_of(&fixture, dreamt, NN_OBJECTIVE_GUIDE, "relu3_1", 0, "", guide);
  g_assert_cmpfloat(after, >, 1.5 * before);
  g_autoptr(NnImage) tiny = picture_noise(3, 2, 4, 5);
  argument(&fixture, "guide")->image = tiny;
  g_autoptr(GError) error = dream_error(&fixture, scene);
  g_assert_nonnull(strstr(error->message, "guide"));
  tear_down(&fixture);
}

/* the same bits for every number of threads, every time; other seeds give other pictures */
static void
test_same_bits(void)
{
  g_autoptr(NnImage) scene = picture_scene(151, 117);
  g_autoptr(NnImage) first = NULL;
  for (int threads = 1; threads <= 3; threads++) {
    Fixture fixture;
    set_up(&fixture, threads);
    argument(&fixture, "layers")->text = "relu3_1,relu4_1";
    argument(&fixture, "smoothing")->i = NN_SMOOTHING_LAPLACIAN;
    const NnImage *dreamt = dream(&fixture, scene);
    if (first == NULL)
      first = nn_image_copy(dreamt, NULL);
    g_assert_cmpmem(first->data, nn_image_samples(first) * sizeof(float), dreamt->data,
                    nn_image_samples(dreamt) * sizeof(float));
    if (threads == 2) {
      argument(&fixture, "seed")->i = 1;
      g_assert_cmpfloat(largest_difference(first, dream(&fixture, scene)), >, 0.02);
      argument(&fixture, "seed")->i = 0;
      g_assert_cmpfloat(largest_difference(first, dream(&fixture, scene)), ==, 0);
    }
    tear_down(&fixture);
  }
}

typedef struct {
  int reports, answer_at;
  NnVerdict answer;
  double fraction;
  NnImage *rendered;
} Listener;

static NnVerdict
listen(const NnReport *report, gpointer user_data)
{
  Listener *listener = user_data;
  g_assert_cmpfloat(report->fraction, >=, listener->fraction);
  g_assert_cmpfloat(report->fraction, <=, 1);
  g_assert_nonnull(report->text);
  listener->fraction = report->fraction;
  if (++listener->reports != listener->answer_at)
    return listener->reports > listener->answer_at ? listener->answer : NN_CONTINUE;
  if (report->render != NULL)
    listener->rendered = report->render(report->render_data, NULL);
  return listener->answer;
}

static void
test_progress(void)
{
  Fixture fixture;
  Listener listener = {.answer_at = -1, .answer = NN_CONTINUE};
  set_up(&fixture, 2);
  fixture.progress = (NnProgress){listen, &listener};
  g_autoptr(NnImage) scene = picture_scene(160, 120);
  dream(&fixture, scene);
  g_assert_cmpint(listener.reports, >=, 8);
  g_assert_cmpfloat_with_epsilon(listener.fraction, 1, 1e-9);
  tear_down(&fixture);
}

/* stopped at any report: the picture is the one that was to be seen then, less dreamt than at the
 * end and, once an iteration is done, more than the photo */
static void
test_stop(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  g_autoptr(NnImage) scene = picture_scene(160, 120);
  g_autoptr(NnImage) whole = dream_copy(&fixture, scene);
  for (int at = 1; at <= 10; at++) {
    Listener listener = {.answer_at = at, .answer = NN_STOP};
    fixture.progress = (NnProgress){listen, &listener};
    const NnImage *stopped = dream(&fixture, scene);
    if (listener.rendered != NULL)
      g_assert_cmpfloat(largest_difference(stopped, listener.rendered), ==, 0);
    if (at <= 2)
      g_assert_cmpfloat(largest_difference(stopped, scene), ==, 0);
    else
      g_assert_cmpfloat(largest_difference(stopped, scene), >, 0.01);
    g_assert_true((largest_difference(stopped, whole) == 0) == (at == 10));
    nn_image_free(listener.rendered);
  }
  tear_down(&fixture);
}

static void
test_cancel(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  g_autoptr(NnImage) scene = picture_scene(160, 120);
  for (int at = 1; at <= 10; at++) {
    Listener listener = {.answer_at = at, .answer = NN_CANCEL};
    fixture.progress = (NnProgress){listen, &listener};
    g_autoptr(GError) error = dream_error(&fixture, scene);
    g_assert_error(error, NN_ERROR, NN_ERROR_CANCELLED);
    g_assert_cmpint(listener.reports, ==, at);
    nn_image_free(listener.rendered);
  }
  tear_down(&fixture);
}

/* every size ends well: a picture, or a sentence that says the picture is too small */
static void
test_sizes(void)
{
  static const int sizes[][2] = {{1, 1},   {1, 500}, {3, 500}, {7, 9},    {8, 8},
                                 {15, 16}, {17, 17}, {33, 8},  {101, 67}, {64, 400}};
  Fixture fixture;
  set_up(&fixture, 2);
  int pictures = 0;
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autoptr(NnImage) scene = picture_scene(sizes[i][0], sizes[i][1]);
    g_autoptr(GError) error = NULL;
    fixture.run.content = scene;
    g_array_set_size(fixture.run.results, 0);
    argument(&fixture, "layers")->text = "relu4_1";
    bool done = nn_effect_run(&fixture.run, &error);
    bool fits = MIN(scene->width, scene->height) >= 8;
    g_test_message("%d x %d: %s", scene->width, scene->height, done ? "dreamt" : error->message);
    g_assert_true(done == fits);
    if (!done) {
      g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
      g_assert_nonnull(strstr(error->message, "8 pixels"));
    }
    pictures += done;
  }
  g_assert_cmpint(pictures, ==, 6);
  /* with a layer that sees a single pixel, even that one dreams */
  argument(&fixture, "layers")->text = "relu1_1";
  g_autoptr(NnImage) pixel = picture_scene(1, 1);
  dream(&fixture, pixel);
  tear_down(&fixture);
}

/* a network that takes multiples of 32 only gets them; the picture keeps its size */
static void
test_multiple(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  g_autoptr(NnImage) scene = picture_scene(131, 77);
  double before = l2_of(&fixture, scene, "relu4_1");
  fixture.network->input.multiple = 32;
  g_autoptr(NnImage) dreamt = dream_copy(&fixture, scene);
  fixture.network->input.multiple = 1;
  g_assert_cmpfloat(l2_of(&fixture, dreamt, "relu4_1"), >, 2 * before);
  tear_down(&fixture);
}

/* the change is enlarged onto the picture; strength 0 gives the picture itself */
static void
test_working_size(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  g_autoptr(NnImage) scene = picture_scene(400, 300);
  argument(&fixture, "working-size")->i = 128;
  g_autoptr(NnImage) dreamt = dream_copy(&fixture, scene);
  g_assert_cmpfloat(largest_difference(scene, dreamt), >, 0.05);
  g_assert_cmpfloat_with_epsilon(mean_of(scene, 0), mean_of(dreamt, 0), 0.05);
  argument(&fixture, "strength")->d = 0;
  g_assert_cmpfloat(largest_difference(scene, dream(&fixture, scene)), ==, 0);
  tear_down(&fixture);
}

static void
test_keep_colours(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  g_autoptr(NnImage) scene = picture_scene(160, 120);
  argument(&fixture, "keep-colors")->i = 1;
  const NnImage *dreamt = dream(&fixture, scene);
  int compared = 0;
  for (int i = 0; i < 160 * 120; i++) {
    const float *a = scene->data + 4 * i, *b = dreamt->data + 4 * i;
    if (MIN(MIN(b[0], b[1]), b[2]) <= 0 || MAX(MAX(b[0], b[1]), b[2]) >= 1)
      continue;
    compared++;
    g_assert_cmpfloat_with_epsilon(a[0] - a[1], b[0] - b[1], 1e-6);
    g_assert_cmpfloat_with_epsilon(a[2] - a[1], b[2] - b[1], 1e-6);
  }
  g_assert_cmpint(compared, >, 10000);
  tear_down(&fixture);
}

/* what lies under alpha 0 changes neither itself nor what is seen elsewhere */
static void
test_transparent(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  g_autoptr(NnImage) scene = picture_scene(160, 120);
  for (int i = 0; i < 160 * 120; i++)
    scene->data[4 * i + 3] = i % 160 < 40 ? 0 : i % 160 < 80 ? 0.5f : 1;
  g_autoptr(NnImage) other = nn_image_copy(scene, NULL);
  for (int i = 0; i < 160 * 120; i++)
    if (i % 160 < 40)
      other->data[4 * i] = i % 3 == 0 ? NAN : 17;
  g_autoptr(NnImage) dreamt = dream_copy(&fixture, scene);
  const NnImage *other_dreamt = dream(&fixture, other);
  double change = 0;
  for (int i = 0; i < 160 * 120; i++) {
    const float *a = dreamt->data + 4 * i, *b = other_dreamt->data + 4 * i;
    if (i % 160 < 40) {
      g_assert_cmpmem(a, 16, scene->data + 4 * i, 16);
      g_assert_cmpmem(b, 16, other->data + 4 * i, 16);
    } else {
      g_assert_cmpmem(a, 16, b, 16);
      g_assert_cmpfloat(a[3], ==, scene->data[4 * i + 3]);
      change = MAX(change, fabs(a[0] - scene->data[4 * i]));
    }
  }
  g_assert_cmpfloat(change, >, 0.05);
  for (int i = 0; i < 160 * 120; i++)
    scene->data[4 * i + 3] = 0;
  g_autoptr(GError) error = dream_error(&fixture, scene);
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
  tear_down(&fixture);
}

/* arguments that contradict the network end in a sentence, before any work */
static void
test_errors(void)
{
  static const struct {
    const char *key, *text;
    int number;
    const char *part;
  } cases[] = {
      {"layers", "relu7", 0, "relu4_2"},         {"channel", NULL, 256, "255"},
      {"class", "no such thing", 0, "goldfish"}, {"class", "202", 0, "201"},
      {"octaves", NULL, 1000, "octaves"},
  };
  g_autoptr(NnImage) scene = picture_scene(64, 64);
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    Fixture fixture;
    set_up(&fixture, 1);
    if (strcmp(cases[i].key, "channel") == 0)
      argument(&fixture, "objective")->i = NN_OBJECTIVE_CHANNEL;
    if (strcmp(cases[i].key, "class") == 0)
      argument(&fixture, "objective")->i = NN_OBJECTIVE_CLASS;
    argument(&fixture, cases[i].key)->text = cases[i].text;
    argument(&fixture, cases[i].key)->i = cases[i].number;
    g_autoptr(GError) error = dream_error(&fixture, scene);
    g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
    g_assert_nonnull(strstr(error->message, cases[i].part));
    tear_down(&fixture);
  }
}

/* ---- heads of one size ---- */

/* a classifier of 32 x 32 px; @tokens: one whose last layers cannot be pooled */
static NnNetwork *
fixed_network_new(bool tokens)
{
  g_autoptr(GError) error = NULL;
  OnnxBuilder builder;
  onnx_builder_init(&builder);
  onnx_add_input(&builder, "x", &NN_SHAPE(1, 3, 32, 32));
  onnx_add_weights(&builder, "w1", &NN_SHAPE(8, 3, 5, 5));
  onnx_add_weights(&builder, "w2", &NN_SHAPE(4, tokens ? 64 : 512));
  onnx_add_ints(&builder, "to", (int64_t[]){1, 8, 64}, 3);
  onnx_add_node(&builder, "Conv", "x w1", "conv", "pads=2,2,2,2 strides=2,2");
  onnx_add_node(&builder, "Relu", "conv", "relu", NULL);
  onnx_add_node(&builder, "MaxPool", "relu", "map", "kernel_shape=2,2 strides=2,2");
  if (tokens)
    onnx_add_node(&builder, "Reshape", "map to", "tokens", NULL);
  else
    onnx_add_node(&builder, "Identity", "map", "tokens", NULL);
  if (tokens)
    onnx_add_node(&builder, "ReduceMean", "tokens", "flat", "axes=1 keepdims=0");
  else
    onnx_add_node(&builder, "Flatten", "tokens", "flat", NULL);
  onnx_add_node(&builder, "Gemm", "flat w2", "logits", "transB=1");
  onnx_add_output(&builder, "logits");
  NnModel *model = onnx_builder_open(&builder, &error);
  g_assert_no_error(error);
  onnx_builder_clear(&builder);
  NnNetwork *network = nn_network_new(model, "fixed");
  network->role = NN_ROLE_CLASSIFIER;
  return network;
}

static void
use_fixed_network(Fixture *fixture, bool tokens)
{
  nn_network_free(fixture->network);
  fixture->network = fixed_network_new(tokens);
  argument(fixture, "network")->network = fixture->network;
  argument(fixture, "objective")->i = NN_OBJECTIVE_CLASS;
  argument(fixture, "class")->text = "2";
}

/* a class of a head of one size grows in a picture of another, either way; the result says which */
static void
test_head(void)
{
  static const char *const notes[] = {"averaged to 8 x 8", "resized to that"};
  static const char *const labels[] = {"DeepDream class 2 (head pooled)",
                                       "DeepDream class 2 (head resized)"};
  g_autoptr(NnImage) scene = picture_scene(151, 90);
  NnImage *copies[2] = {NULL, NULL};
  for (int head = NN_HEAD_POOLED; head <= NN_HEAD_RESIZED; head++) {
    g_autoptr(GError) error = NULL;
    Fixture fixture;
    set_up(&fixture, 2);
    use_fixed_network(&fixture, false);
    argument(&fixture, "head")->i = head;
    argument(&fixture, "jitter")->i = 0; /* these weights know the place of everything */
    fixture.run.content = scene;
    g_assert_true(nn_effect_run(&fixture.run, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(fixture.run.results->len, ==, 2);
    const NnResult *picture = &g_array_index(fixture.run.results, NnResult, 0);
    const NnResult *text = &g_array_index(fixture.run.results, NnResult, 1);
    g_assert_cmpstr(picture->label, ==, labels[head]);
    g_assert_cmpint(text->place, ==, NN_PLACE_TEXT);
    g_assert_nonnull(strstr(text->label, notes[head]));
    double before = value_of(&fixture, scene, NN_OBJECTIVE_CLASS, "", 0, "2", NULL);
    double after = value_of(&fixture, picture->image, NN_OBJECTIVE_CLASS, "", 0, "2", NULL);
    g_test_message("%s %g to %g", picture->label, before, after);
    g_assert_cmpfloat(after - before, >, 0.5 * fabs(before));
    copies[head] = nn_image_copy(picture->image, NULL);
    tear_down(&fixture);
  }
  g_assert_cmpfloat(largest_difference(copies[0], copies[1]), >, 0.02);
  nn_image_free(copies[0]);
  nn_image_free(copies[1]);
}

/* what cannot be pooled is refused with the way out, and that is one */
static void
test_head_refused(void)
{
  Fixture fixture;
  set_up(&fixture, 2);
  use_fixed_network(&fixture, true);
  g_autoptr(NnImage) scene = picture_scene(151, 90);
  g_autoptr(GError) error = dream_error(&fixture, scene), none = NULL;
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
  g_assert_nonnull(strstr(error->message, "choose “resized”"));
  argument(&fixture, "head")->i = NN_HEAD_RESIZED;
  g_assert_true(nn_effect_run(&fixture.run, &none));
  g_assert_no_error(none);
  tear_down(&fixture);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/deepdream/dreams", test_dreams);
  g_test_add_func("/deepdream/objectives", test_objectives);
  g_test_add_func("/deepdream/strongest", test_strongest);
  g_test_add_func("/deepdream/guide", test_guide);
  g_test_add_func("/deepdream/same-bits", test_same_bits);
  g_test_add_func("/deepdream/progress", test_progress);
  g_test_add_func("/deepdream/stop", test_stop);
  g_test_add_func("/deepdream/cancel", test_cancel);
  g_test_add_func("/deepdream/sizes", test_sizes);
  g_test_add_func("/deepdream/multiple", test_multiple);
  g_test_add_func("/deepdream/working-size", test_working_size);
  g_test_add_func("/deepdream/keep-colours", test_keep_colours);
  g_test_add_func("/deepdream/transparent", test_transparent);
  g_test_add_func("/deepdream/errors", test_errors);
  g_test_add_func("/deepdream/head", test_head);
  g_test_add_func("/deepdream/head-refused", test_head_refused);
  return g_test_run();
}
