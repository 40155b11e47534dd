/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Facts about a network by key, wherever they stand. */
#include "weights/describe.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "weights/catalogue.h"
#include "weights/data.h"
#include "weights/guess.h"

#define EXTENSION ".onnx"
#define GROUP "network"

static const char *const uses[] = {"dream", "content", "style", "class"};

/* Facts: where they stand, in order. */
typedef struct {
  GKeyFile *ini; /* or NULL */
  const NnModel *model;
  SomCatalogue *catalogue;
  SomMatch match;
  const SomCatalogueEntry *entry; /* or NULL */
} Facts;

/* NAME.onnx -> NAME and another ending */
static char *
sibling(const char *path, const char *ending)
{
  size_t length = strlen(path);
  if (g_str_has_suffix(path, EXTENSION))
    length -= strlen(EXTENSION);
  return g_strdup_printf("%.*s%s", (int)length, path, ending);
}

static bool
open_ini(Facts *facts, const char *path, GError **error)
{
  g_autofree char *ini_path = sibling(path, ".ini");
  g_autoptr(GError) reason = NULL;
  if (!g_file_test(ini_path, G_FILE_TEST_EXISTS))
    return true;
  facts->ini = g_key_file_new();
  if (g_key_file_load_from_file(facts->ini, ini_path, G_KEY_FILE_NONE, &reason))
    return true;
  g_autofree char *name = g_filename_display_name(ini_path);
  g_autofree char *why = g_utf8_make_valid(reason->message, -1); /* it quotes the file's bytes */
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("The description “%s” cannot be read: %s. Correct or remove it."), name, why);
  return false;
}

static bool
open_facts(Facts *facts, const NnModel *model, const char *path, bool certain, GError **error)
{
  *facts = (Facts){.model = model};
  if (!open_ini(facts, path, error))
    return false;
  facts->catalogue = som_catalogue_new();
  facts->match = som_catalogue_find(facts->catalogue, path, &facts->entry);
  if (facts->match != SOM_MATCH_SIZE)
    return true;
  if (!certain)
    som_catalogue_check_later(path);
  else if (!som_catalogue_check(facts->catalogue, path, NULL, &facts->match, &facts->entry, NULL))
    facts->match = SOM_MATCH_NONE;
  if (facts->match == SOM_MATCH_NONE)
    facts->entry = NULL;
  return true;
}

static void
close_facts(Facts *facts)
{
  g_clear_pointer(&facts->ini, g_key_file_unref);
  g_clear_pointer(&facts->catalogue, som_catalogue_free);
}

/* what the file and the one beside it say; (transfer full) (nullable) */
static char *
own_fact(const Facts *facts, const char *key)
{
  char *value = NULL;
  if (facts->ini != NULL)
    value = g_key_file_get_string(facts->ini, GROUP, key, NULL);
  if (value != NULL)
    return value;
  g_autofree char *property = g_strconcat("somnium.", key, NULL);
  return g_strdup(nn_model_metadata(facts->model, property));
}

/* (transfer full) (nullable) */
static char *
catalogue_fact(const Facts *facts, const char *key)
{
  if (facts->entry == NULL)
    return NULL;
  return g_key_file_get_string(som_catalogue_facts(facts->catalogue), facts->entry->kind, key,
                               NULL);
}

/* (transfer full) (nullable) */
static char *
fact(const Facts *facts, const char *key)
{
  char *value = own_fact(facts, key);
  return value != NULL ? value : catalogue_fact(facts, key);
}

/* ---- input ---- */

static bool
fact_is_three(const Facts *facts, const char *key, float values[3])
{
  g_autofree char *text = fact(facts, key);
  const char *at = text;
  for (int i = 0; at != NULL && i < 3; i++) {
    char *end;
    values[i] = (float)g_ascii_strtod(at, &end);
    if (end == at || !isfinite(values[i]))
      return false;
    at = end + strspn(end, " ,;");
  }
  return at != NULL;
}

/* Overrides what is guessed by what is known; returns whether that is everything. */
static bool
read_input(const Facts *facts, NnInputSpec *input)
{
  g_autofree char *channels = fact(facts, "channels"), *range = fact(facts, "range");
  g_autofree char *multiple = fact(facts, "multiple"), *size = fact(facts, "size");
  float mean[3], deviation[3];
  double white = range != NULL ? g_ascii_strtod(range, NULL) : 0;
  bool has_range = white > 0 && isfinite(white);
  bool has_mean = fact_is_three(facts, "mean", mean);
  bool has_deviation = fact_is_three(facts, "std", deviation) && deviation[0] > 0 &&
                       deviation[1] > 0 && deviation[2] > 0;
  if (channels != NULL)
    input->bgr = strcmp(channels, "BGR") == 0;
  if (has_range)
    input->range = (float)white;
  if (has_mean)
    memcpy(input->mean, mean, sizeof mean);
  if (has_deviation)
    memcpy(input->deviation, deviation, sizeof deviation);
  if (multiple != NULL)
    input->multiple = (int)CLAMP(g_ascii_strtoll(multiple, NULL, 10), 1, 1024);
  if (size != NULL)
    input->own_px = (int)CLAMP(g_ascii_strtoll(size, NULL, 10), 0, 4096);
  return channels != NULL && has_range && has_mean && has_deviation;
}

static void
describe_input(const Facts *facts, SomGuesses *guesses)
{
  NnInputSpec *input = &guesses->network->input;
  *input = som_guess_input(guesses);
  NnInputSpec guess = *input;
  if (!read_input(facts, input))
    som_guesses_add_input(guesses, &guess);
}

/* ---- role, labels, presets ---- */

static void
describe_role(const Facts *facts, SomGuesses *guesses)
{
  g_autofree char *role = fact(facts, "role");
  if (g_strcmp0(role, "classifier") == 0)
    guesses->network->role = NN_ROLE_CLASSIFIER;
  else if (g_strcmp0(role, "feed-forward") == 0)
    guesses->network->role = NN_ROLE_FEED_FORWARD;
  else if (g_strcmp0(role, "features") == 0)
    guesses->network->role = NN_ROLE_FEATURES;
  else
    som_guess_role(guesses);
}

/* takes text: names, one a line, or the name of a list that we have */
static char **
split_labels(char *text)
{
  char **labels = som_data_labels(g_strchomp(text));
  if (labels == NULL)
    labels = g_strsplit(text, "\n", -1);
  g_free(text);
  return labels;
}

static void
describe_labels(const Facts *facts, const char *path, SomGuesses *guesses)
{
  char *text = own_fact(facts, "labels");
  g_autofree char *labels_path = sibling(path, ".labels.txt");
  if (text == NULL && g_file_get_contents(labels_path, &text, NULL, NULL) &&
      !g_utf8_validate(text, -1, NULL))
    g_clear_pointer(&text, g_free);
  if (text == NULL)
    text = catalogue_fact(facts, "labels");
  if (text != NULL)
    guesses->network->labels = split_labels(text);
  else
    som_guess_labels(guesses);
}

static void
read_presets(const Facts *facts, GHashTable *presets)
{
  for (size_t i = 0; i < G_N_ELEMENTS(uses); i++) {
    g_autofree char *key = g_strdup_printf("layers.%s", uses[i]);
    char *layers = fact(facts, key);
    if (layers != NULL)
      g_hash_table_replace(presets, g_strdup(uses[i]), layers);
  }
}

/* ---- the whole ---- */

/* "SqueezeNet 1.1", and which file of the zoo's where that is certain */
static void
describe_for_people(const Facts *facts, SomGuesses *guesses)
{
  NnNetwork *network = guesses->network;
  g_autofree char *title = fact(facts, "title");
  g_free(network->title);
  network->licence = fact(facts, "licence");
  network->source = fact(facts, "provenance");
  if (network->source == NULL && facts->match == SOM_MATCH_DIGEST)
    network->source = g_strdup_printf("ONNX model zoo, %s", facts->entry->path);
  if (title == NULL && guesses->family->title != NULL)
    som_guesses_add(guesses, _("By its structure it is taken for %s."), guesses->family->title);
  if (title == NULL)
    network->title =
        g_strdup(guesses->family->title != NULL ? guesses->family->title : network->name);
  else if (facts->match == SOM_MATCH_DIGEST && strcmp(facts->entry->name, network->name) != 0)
    network->title = g_strdup_printf("%s (%s)", title, facts->entry->name);
  else
    network->title = g_strdup(title);
}

static void
tell_of_catalogue(const Facts *facts, SomGuesses *guesses)
{
  g_autofree char *title = catalogue_fact(facts, "title");
  g_autofree char *assumed = catalogue_fact(facts, "assumed");
  g_autofree char *channels = own_fact(facts, "channels"), *labels = own_fact(facts, "labels");
  if (facts->match == SOM_MATCH_SIZE)
    som_guesses_add(guesses,
                    _("Its size is that of a file that is known, %s; whether it is that file will "
                      "be known when it is used."),
                    title);
  if (g_strcmp0(assumed, "input") == 0 && channels == NULL)
    som_guesses_add(guesses, _("Its makers do not say what its input should look like; the values "
                               "taken are the most probable ones."));
  if (g_strcmp0(assumed, "labels") == 0 && labels == NULL)
    som_guesses_add(guesses, _("Its classes are assumed to be ImageNet's, in their usual order."));
}

static void
describe(const Facts *facts, const char *path, SomGuesses *guesses)
{
  tell_of_catalogue(facts, guesses);
  describe_for_people(facts, guesses);
  describe_role(facts, guesses);
  describe_input(facts, guesses);
  describe_labels(facts, path, guesses);
  read_presets(facts, guesses->network->presets);
  som_guess_presets(guesses);
}

bool
som_describe(NnNetwork *network, const char *path, bool certain, GError **error)
{
  Facts facts;
  g_autoptr(SomSurvey) survey = som_survey_new(network->model, error);
  if (survey == NULL)
    return false;
  bool ok = open_facts(&facts, network->model, path, certain, error);
  if (ok) {
    SomFamily family = som_family_recognise(network, survey);
    SomGuesses guesses = {network, survey, &family, g_string_new(NULL)};
    describe(&facts, path, &guesses);
    bool any = guesses.sentences->len > 0;
    char *sentences = g_string_free(guesses.sentences, FALSE);
    network->guessed = any ? sentences : NULL;
    if (!any)
      g_free(sentences);
  }
  close_facts(&facts);
  return ok;
}
