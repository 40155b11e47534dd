/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guesses. */
#include "weights/guess.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "weights/data.h"

#define IMAGENET "imagenet-1000"
#define IMAGENET_CLASSES 1000

void
som_guesses_add(SomGuesses *guesses, const char *format, ...)
{
  va_list arguments;
  if (guesses->sentences->len > 0)
    g_string_append_c(guesses->sentences, ' ');
  va_start(arguments, format);
  g_string_append_vprintf(guesses->sentences, format, arguments);
  va_end(arguments);
}

/* ---- role ---- */

/* of what the network puts out before any softmax; NULL where it cannot be told */
static const NnType *
scores_type(const SomGuesses *guesses)
{
  const NnGraph *graph = guesses->survey->graph;
  NnValueId scores = nn_network_find_scores(graph);
  return scores != NN_NO_VALUE && graph->values[scores].type.present ? &graph->values[scores].type
                                                                     : NULL;
}

/* 0 where there are none */
static int64_t
count_classes(const SomGuesses *guesses)
{
  const NnType *type = scores_type(guesses);
  if (guesses->survey->n_landmarks == 0 || type == NULL || type->shape.rank < 2 ||
      nn_shape_product(&type->shape, 2, type->shape.rank) != 1)
    return 0;
  return type->shape.dim[1] >= 2 ? type->shape.dim[1] : 0;
}

static bool
makes_pictures(const SomGuesses *guesses)
{
  const SomSurvey *survey = guesses->survey;
  const NnType *type = scores_type(guesses);
  return type != NULL && type->shape.rank == 4 && type->shape.dim[1] == 3 &&
         type->shape.dim[2] >= survey->height && type->shape.dim[3] >= survey->width;
}

void
som_guess_role(SomGuesses *guesses)
{
  int64_t classes = count_classes(guesses);
  NnNetwork *network = guesses->network;
  network->role = NN_ROLE_FEATURES;
  if (classes > 0) {
    network->role = NN_ROLE_CLASSIFIER;
    som_guesses_add(guesses, _("It is taken for a classifier of %d classes."), (int)classes);
  } else if (makes_pictures(guesses)) {
    network->role = NN_ROLE_FEED_FORWARD;
    som_guesses_add(guesses, _("It is taken for a network that makes a picture of a picture."));
  } else {
    som_guesses_add(guesses, _("It is taken for a network that knows no classes."));
  }
}

/* ---- input ---- */

static const NnInputSpec imagenet_input = {
    .range = 1,
    .mean = {0.485f, 0.456f, 0.406f},
    .deviation = {0.229f, 0.224f, 0.225f},
    .multiple = 1,
};

static const NnInputSpec caffe_input = {
    .bgr = true,
    .range = 255,
    .mean = {103.939f, 116.779f, 123.68f},
    .deviation = {1, 1, 1},
    .multiple = 1,
};

static const NnInputSpec darknet_input = {.range = 1, .deviation = {1, 1, 1}, .multiple = 1};

/* the activation at the very end tells which values a picture has there */
static NnInputSpec
guess_picture_input(const SomSurvey *survey)
{
  NnInputSpec input = {.range = 255, .deviation = {1, 1, 1}, .multiple = 1};
  int deepest = 0;
  if (som_survey_ends_in(survey, "Tanh"))
    input = (NnInputSpec){.range = 1, .mean = {.5f, .5f, .5f}, .deviation = {.5f, .5f, .5f}};
  else if (som_survey_ends_in(survey, "Sigmoid"))
    input.range = 1;
  for (size_t i = 0; i < survey->n_landmarks; i++)
    deepest = MAX(deepest, survey->landmarks[i].level);
  input.multiple = 1 << MIN(deepest, 10);
  return input;
}

NnInputSpec
som_guess_input(const SomGuesses *guesses)
{
  if (guesses->network->role == NN_ROLE_FEED_FORWARD)
    return guess_picture_input(guesses->survey);
  switch (guesses->family->convention) {
  case SOM_AS_IN_CAFFE:
    return caffe_input;
  case SOM_AS_IN_DARKNET:
    return darknet_input;
  case SOM_AS_IN_PYTORCH:
    break;
  }
  return imagenet_input;
}

void
som_guesses_add_input(SomGuesses *guesses, const NnInputSpec *input)
{
  if (input->mean[0] == imagenet_input.mean[0])
    som_guesses_add(guesses, _("Its input is assumed to be RGB, 0 to 1, with ImageNet's mean and "
                               "deviation."));
  else if (input->bgr)
    som_guesses_add(guesses, _("Its input is assumed to be BGR, 0 to 255, minus ImageNet's means, "
                               "as Caffe's networks want it."));
  else if (input->mean[0] != 0)
    som_guesses_add(guesses, _("Its input is assumed to be RGB, -1 to 1."));
  else
    som_guesses_add(guesses, _("Its input is assumed to be RGB, 0 to %g."), (double)input->range);
}

/* ---- labels ---- */

void
som_guess_labels(SomGuesses *guesses)
{
  int64_t classes = count_classes(guesses);
  if (guesses->network->role != NN_ROLE_CLASSIFIER ||
      guesses->family->convention == SOM_AS_IN_DARKNET ||
      (classes != IMAGENET_CLASSES && classes != IMAGENET_CLASSES + 1))
    return;
  g_auto(GStrv) labels = som_data_labels(IMAGENET);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  if (classes > IMAGENET_CLASSES)
    g_strv_builder_add(builder, "background"); /* as TensorFlow's networks have it */
  g_strv_builder_addv(builder, (const char **)labels);
  guesses->network->labels = g_strv_builder_end(builder);
  som_guesses_add(guesses, _("Its classes are assumed to be ImageNet's, in their usual order."));
}

/* ---- presets ---- */

/* those layers of a comma-separated list of known names that there are, by the file's names;
 * NULL for none */
static char *
resolve_list(const NnNetwork *network, const char *list)
{
  g_auto(GStrv) names = g_strsplit(list, ",", -1);
  g_autoptr(GString) layers = g_string_new(NULL);
  for (int i = 0; names[i] != NULL; i++) {
    const char *tensor = g_hash_table_lookup(network->aliases, names[i]);
    if (tensor != NULL)
      g_string_append_printf(layers, "%s%s", layers->len > 0 ? "," : "", tensor);
  }
  return layers->len > 0 ? g_string_free(g_steal_pointer(&layers), FALSE) : NULL;
}

static void
take_from_family(NnNetwork *network, const char *use, const char *alternatives)
{
  if (alternatives == NULL || g_hash_table_contains(network->presets, use))
    return;
  g_auto(GStrv) lists = g_strsplit(alternatives, "|", -1);
  for (int i = 0; lists[i] != NULL; i++) {
    char *layers = resolve_list(network, lists[i]);
    if (layers != NULL) {
      g_hash_table_insert(network->presets, g_strdup(use), layers);
      return;
    }
  }
}

/* Where all paths meet behind a convolution, a sum or a joint: what stands for a network's state
 * at that depth. (element-type int): landmarks */
static GArray *
find_stations(const SomSurvey *survey)
{
  GArray *stations = g_array_new(FALSE, FALSE, sizeof(int));
  for (int i = 0; i < (int)survey->n_landmarks; i++) {
    const SomLandmark *landmark = &survey->landmarks[i];
    bool is_one =
        landmark->kind == SOM_CONV || landmark->kind == SOM_ADD || landmark->kind == SOM_CONCAT;
    if (is_one && landmark->level >= 0 && survey->cuts[landmark->settled] &&
        som_survey_name(survey, landmark->settled) != NULL)
      g_array_append_val(stations, i);
  }
  return stations;
}

static const char *
station_name(const SomSurvey *survey, GArray *stations, guint at)
{
  return som_survey_name(survey, survey->landmarks[g_array_index(stations, int, at)].settled);
}

/* one a size, the first of each: textures from fine to coarse */
static char *
first_of_each_level(const SomSurvey *survey, GArray *stations)
{
  g_autoptr(GString) layers = g_string_new(NULL);
  int last = -1;
  for (guint i = 0; i < stations->len; i++) {
    int level = survey->landmarks[g_array_index(stations, int, i)].level;
    if (level > last)
      g_string_append_printf(layers, "%s%s", layers->len > 0 ? "," : "",
                             station_name(survey, stations, i));
    last = MAX(last, level);
  }
  return g_string_free(g_steal_pointer(&layers), FALSE);
}

/* takes layers */
static void
take_guess(SomGuesses *guesses, const char *use, char *layers, GString *told)
{
  if (g_hash_table_contains(guesses->network->presets, use)) {
    g_free(layers);
    return;
  }
  g_string_append_printf(told, "%s%s: %s", told->len > 0 ? "; " : "", use, layers);
  g_hash_table_insert(guesses->network->presets, g_strdup(use), layers);
}

/* dream: late enough for shapes and textures of things, early enough to be a map and not yet part
 * of the classifier */
static void
guess_by_position(SomGuesses *guesses)
{
  const SomSurvey *survey = guesses->survey;
  g_autoptr(GArray) stations = find_stations(survey);
  g_autoptr(GString) told = g_string_new(NULL);
  if (stations->len == 0)
    return;
  take_guess(guesses, "dream", g_strdup(station_name(survey, stations, stations->len * 2 / 3)),
             told);
  take_guess(guesses, "content", g_strdup(station_name(survey, stations, stations->len / 2)), told);
  take_guess(guesses, "style", first_of_each_level(survey, stations), told);
  if (told->len > 0)
    som_guesses_add(guesses, _("Which of its layers are good for what is a guess: %s."), told->str);
}

void
som_guess_presets(SomGuesses *guesses)
{
  NnNetwork *network = guesses->network;
  const SomFamily *family = guesses->family;
  NnValueId scores = nn_network_find_scores(guesses->survey->graph);
  const char *class_layer = som_survey_name(guesses->survey, scores);
  if (network->role == NN_ROLE_CLASSIFIER && class_layer != NULL &&
      !g_hash_table_contains(network->presets, "class"))
    g_hash_table_insert(network->presets, g_strdup("class"), g_strdup(class_layer));
  take_from_family(network, "dream", family->dream);
  take_from_family(network, "content", family->content);
  take_from_family(network, "style", family->style);
  guess_by_position(guesses);
}
