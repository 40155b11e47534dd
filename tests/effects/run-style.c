/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run-style NETWORK CONTENT.npy STYLE.npy START.npy OUT.npy [KEY=VALUE...]: the loss of style
 * transfer at one size, for comparison with another engine's: pictures are 1 x 3 x H x W, R'G'B',
 * 0 to 1, and nothing is clipped. Prints a line "SECONDS LOSS" for each evaluation; the seconds
 * begin before content and style are looked at. Keys:
 *   loss (gram, covariance, wasserstein), style-layers, content-layers, style-weight,
 *   content-weight, smoothness; optimizer (lbfgs, adam), history, threads
 *   iterations: 0 evaluates once and writes the gradient to OUT.npy */
#include <stdio.h>
#include <string.h>

#include "nncore/effects/descent.h"
#include "nncore/effects/style.h"
#include "nncore/loss/smoothness.h"
#include "weights/networks.h"
#include "weights/npy.h"

typedef struct {
  NnContext *context;
  NnStyleModel *model;
  NnStyleSource style;
  NnImage *content;
  double style_weight, content_weight, smoothness;
  NnEvaluator *evaluator;
  gint64 start_us;
} Run;

static G_GNUC_NORETURN void
fail(const char *message)
{
  g_printerr("run-style: %s\n", message);
  exit(1);
}

static void
check(GError *error)
{
  if (error != NULL)
    fail(error->message);
}

/* planes to pixels */
static NnImage *
load(const char *path)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnTensor) tensor = som_npy_load(path, &error);
  check(error);
  if (tensor->shape.rank != 4 || tensor->shape.dim[1] != 3)
    fail("a picture is 1 x 3 x height x width");
  NnImage *image = nn_image_new((int)tensor->shape.dim[3], (int)tensor->shape.dim[2], 3, &error);
  check(error);
  NnTensor pixels = *tensor;
  pixels.refs = 0;
  pixels.layout = NN_LAYOUT_CHANNELS_LAST;
  pixels.f = image->data;
  nn_tensor_copy(tensor, &pixels);
  return image;
}

static void
save(const NnImage *image, const char *path)
{
  g_autoptr(GError) error = NULL;
  NnTensor pixels = {.shape = NN_SHAPE(1, 3, image->height, image->width),
                     .layout = NN_LAYOUT_CHANNELS_LAST,
                     .f = image->data};
  som_npy_save(path, &pixels, &error);
  check(error);
}

static bool
enter(gpointer data, int scale, const NnImage *picture, GError **error)
{
  Run *run = data;
  run->start_us = g_get_monotonic_time();
  run->evaluator =
      nn_style_model_prepare(run->model, &run->style, 1, run->style_weight, run->content,
                             run->content_weight, picture->width, picture->height, error);
  return run->evaluator != NULL;
}

static bool
evaluate(gpointer data, const NnImage *picture, NnImage *gradient, double *value, GError **error)
{
  Run *run = data;
  if (!nn_criterion_evaluate(nn_style_model_criterion(run->model), run->evaluator, picture, 0, 0,
                             gradient, value, error))
    return false;
  NnVariation variation = {picture->width, picture->height, 3, .exponent = 2};
  *value += run->smoothness * nn_total_variation(run->context, &variation, picture->data,
                                                 run->smoothness, gradient->data);
  g_print("%.4f %.9g\n", (double)(g_get_monotonic_time() - run->start_us) / 1e6, *value);
  return true;
}

/* what KEY=VALUE says, or @otherwise */
static const char *
option(char **words, const char *key, const char *otherwise)
{
  for (; *words != NULL; words++)
    if (g_str_has_prefix(*words, key) && (*words)[strlen(key)] == '=')
      return *words + strlen(key) + 1;
  return otherwise;
}

static double
number(char **words, const char *key, const char *otherwise)
{
  return g_ascii_strtod(option(words, key, otherwise), NULL);
}

static NnStyle
kind_of(const char *nick)
{
  static const char *const kinds[] = {"gram", "covariance", "wasserstein"};
  for (int i = 0; i < 3; i++)
    if (strcmp(kinds[i], nick) == 0)
      return (NnStyle)i;
  fail("there is no such loss");
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  if (argc < 6)
    fail("usage: run-style NETWORK CONTENT.npy STYLE.npy START.npy OUT.npy [KEY=VALUE...]");
  char **words = argv + 6;
  g_autoptr(NnNetwork) network = som_network_open_file(argv[1], &error);
  check(error);
  g_autoptr(NnContext) context = nn_context_new((int)number(words, "threads", "0"));
  g_autoptr(NnImage) content = load(argv[2]);
  g_autoptr(NnImage) style = load(argv[3]);
  g_autoptr(NnImage) start = load(argv[4]);
  g_autoptr(NnStyleModel) model = nn_style_model_new(
      network, context, kind_of(option(words, "loss", "gram")), option(words, "style-layers", ""),
      option(words, "content-layers", ""), (NnProgramOptions){.gradient = true}, &error);
  check(error);
  Run run = {
      .context = context,
      .model = model,
      .style = {.picture = style, .weight = 1},
      .content = content,
      .style_weight = number(words, "style-weight", "10"),
      .content_weight = number(words, "content-weight", "1"),
      .smoothness = number(words, "smoothness", "0"),
  };
  NnDescentSettings settings = {
      .optimiser = strcmp(option(words, "optimizer", "lbfgs"), "adam") == 0 ? NN_OPTIMISER_ADAM
                                                                            : NN_OPTIMISER_LBFGS,
      .iterations = (int)number(words, "iterations", "100"),
      .rate = 5.0 / 255,
      .history = (int)number(words, "history", "20"),
      .unbounded = true,
  };
  if (settings.iterations == 0) {
    double value;
    g_autoptr(NnImage) gradient = nn_image_copy(start, &error);
    if (!enter(&run, 0, start, &error) || !evaluate(&run, start, gradient, &value, &error))
      fail(error->message);
    save(gradient, argv[5]);
  } else {
    NnDescentTask task = {.enter = enter, .evaluate = evaluate, .data = &run};
    NnSize size = {start->width, start->height};
    g_autoptr(NnImage) result =
        nn_descend(context, &settings, &task, &size, 1, start, NULL, NULL, &error);
    check(error);
    save(result, argv[5]);
  }
  nn_evaluator_free(run.evaluator);
  return 0;
}
