/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Facts about a network by key, wherever they stand. */
#include "weights/describe.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"

#define EXTENSION ".onnx"
#define GROUP "network"

static const char *const uses[] = {"dream", "content", "style", "class"};

typedef struct {
  const NnModel *model;
  GKeyFile *ini; /* or NULL */
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
open_facts(Facts *facts, const NnModel *model, const char *path, GError **error)
{
  g_autofree char *ini_path = sibling(path, ".ini");
  *facts = (Facts){.model = model};
  if (!g_file_test(ini_path, G_FILE_TEST_EXISTS))
    return true;
  g_autoptr(GError) reason = NULL;
  facts->ini = g_key_file_new();
  if (g_key_file_load_from_file(facts->ini, ini_path, G_KEY_FILE_NONE, &reason))
    return true;
  g_autofree char *name = g_filename_display_name(ini_path);
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("The description “%s” cannot be read: %s. Correct or remove it."), name,
              reason->message);
  return false;
}

static void
close_facts(Facts *facts)
{
  g_clear_pointer(&facts->ini, g_key_file_unref);
}

/* (transfer full) (nullable) */
static char *
fact(const Facts *facts, const char *key)
{
  char *value = NULL;
  if (facts->ini != NULL)
    value = g_key_file_get_string(facts->ini, GROUP, key, NULL);
  if (value != NULL)
    return value;
  g_autofree char *property = g_strconcat("somnium.", key, NULL);
  return g_strdup(nn_model_metadata(facts->model, property));
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

/* whether all that the input needs is known */
static bool
read_input(const Facts *facts, NnInputSpec *input)
{
  g_autofree char *channels = fact(facts, "channels"), *range = fact(facts, "range");
  g_autofree char *multiple = fact(facts, "multiple");
  NnInputSpec spec = {.bgr = g_strcmp0(channels, "BGR") == 0, .multiple = 1};
  spec.range = range != NULL ? (float)g_ascii_strtod(range, NULL) : 0;
  if (multiple != NULL)
    spec.multiple = (int)CLAMP(g_ascii_strtoll(multiple, NULL, 10), 1, 1024);
  bool known = channels != NULL && spec.range > 0 && isfinite(spec.range) &&
               fact_is_three(facts, "mean", spec.mean) &&
               fact_is_three(facts, "std", spec.deviation);
  for (int c = 0; c < 3; c++)
    known = known && spec.deviation[c] > 0;
  if (known)
    *input = spec;
  return known;
}

/* the input of nearly all networks that come from PyTorch */
static void
guess_input(NnNetwork *network)
{
  network->input = (NnInputSpec){
      .range = 1,
      .mean = {0.485f, 0.456f, 0.406f},
      .deviation = {0.229f, 0.224f, 0.225f},
      .multiple = 1,
  };
  network->guessed = g_strdup(_("The file does not say what its input should look like: RGB, 0 to "
                                "1, with ImageNet's mean and deviation, is assumed."));
}

/* ---- layers ---- */

/* The activation about two thirds down: late enough for shapes and textures of things, early
 * enough to be a map and not yet part of the classifier. NULL where there is none. */
static const char *
guess_layer(const NnModel *model)
{
  const NnGraph *graph = nn_model_graph(model);
  size_t count = 0, wanted;
  for (size_t i = 0; i < graph->n_nodes; i++)
    count += graph->nodes[i].op->as_activation != NULL;
  wanted = count * 2 / 3;
  for (size_t i = 0; i < graph->n_nodes; i++)
    if (graph->nodes[i].op->as_activation != NULL && wanted-- == 0)
      return graph->values[graph->nodes[i].outputs[0]].name;
  return NULL;
}

static void
guess_presets(NnNetwork *network)
{
  const char *layer = guess_layer(network->model);
  if (layer == NULL || g_hash_table_contains(network->presets, "dream"))
    return;
  g_hash_table_replace(network->presets, g_strdup("dream"), g_strdup(layer));
  g_autofree char *before = network->guessed;
  /* translators: a layer's name */
  g_autofree char *sentence =
      g_strdup_printf(_("It does not say which layer to dream on: “%s” is taken."), layer);
  network->guessed =
      before != NULL ? g_strdup_printf("%s %s", before, sentence) : g_strdup(sentence);
}

/* ---- the rest ---- */

static NnRole
read_role(const Facts *facts)
{
  g_autofree char *role = fact(facts, "role");
  if (g_strcmp0(role, "classifier") == 0)
    return NN_ROLE_CLASSIFIER;
  return g_strcmp0(role, "feed-forward") == 0 ? NN_ROLE_FEED_FORWARD : NN_ROLE_FEATURES;
}

static char **
read_labels(const Facts *facts, const char *path)
{
  g_autofree char *text = fact(facts, "labels");
  g_autofree char *labels_path = sibling(path, ".labels.txt");
  if (text == NULL && g_file_get_contents(labels_path, &text, NULL, NULL) &&
      !g_utf8_validate(text, -1, NULL))
    g_clear_pointer(&text, g_free);
  return text != NULL ? g_strsplit(g_strchomp(text), "\n", -1) : NULL;
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

bool
som_describe(NnNetwork *network, const char *path, GError **error)
{
  Facts facts;
  bool ok = open_facts(&facts, network->model, path, error);
  if (ok) {
    g_free(network->title);
    network->title = fact(&facts, "title");
    if (network->title == NULL)
      network->title = g_strdup(network->name);
    network->role = read_role(&facts);
    network->licence = fact(&facts, "licence");
    network->source = fact(&facts, "provenance");
    network->labels = read_labels(&facts, path);
    if (!read_input(&facts, &network->input))
      guess_input(network);
    read_presets(&facts, network->presets);
    guess_presets(network);
  }
  close_facts(&facts);
  return ok;
}
