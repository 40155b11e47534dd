/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metadata -> NnNetwork:
 *   somnium.title, .licence, .provenance: for people
 *   somnium.role: features, classifier, feed-forward
 *   somnium.channels: RGB or BGR; somnium.range: 1 or 255; somnium.mean, .std: three numbers, in
 *     the network's channel order
 *   somnium.multiple: width and height are multiples of it
 *   somnium.labels: one a line; somnium.layers.USE: layers preset for a use */
#include "weights/describe.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

static const char *const uses[] = {"dream", "content", "style", "class"};

static bool
read_three(const char *text, float values[3])
{
  for (int i = 0; text != NULL && i < 3; i++) {
    char *end;
    values[i] = (float)g_ascii_strtod(text, &end);
    if (end == text || !isfinite(values[i]))
      return false;
    text = end + strspn(end, " ,");
  }
  return text != NULL;
}

/* whether the file says all that the input needs */
static bool
read_input(const NnModel *model, NnInputSpec *input)
{
  const char *channels = nn_model_metadata(model, "somnium.channels");
  const char *range = nn_model_metadata(model, "somnium.range");
  const char *multiple = nn_model_metadata(model, "somnium.multiple");
  NnInputSpec spec = {.bgr = g_strcmp0(channels, "BGR") == 0, .multiple = 1};
  spec.range = range != NULL ? (float)g_ascii_strtod(range, NULL) : 0;
  if (multiple != NULL)
    spec.multiple = (int)CLAMP(g_ascii_strtoll(multiple, NULL, 10), 1, 1024);
  bool known = channels != NULL && spec.range > 0 && isfinite(spec.range) &&
               read_three(nn_model_metadata(model, "somnium.mean"), spec.mean) &&
               read_three(nn_model_metadata(model, "somnium.std"), spec.deviation);
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

static NnRole
read_role(const NnModel *model)
{
  const char *role = nn_model_metadata(model, "somnium.role");
  if (g_strcmp0(role, "classifier") == 0)
    return NN_ROLE_CLASSIFIER;
  return g_strcmp0(role, "feed-forward") == 0 ? NN_ROLE_FEED_FORWARD : NN_ROLE_FEATURES;
}

static void
read_presets(NnNetwork *network)
{
  for (size_t i = 0; i < G_N_ELEMENTS(uses); i++) {
    g_autofree char *key = g_strdup_printf("somnium.layers.%s", uses[i]);
    const char *layers = nn_model_metadata(network->model, key);
    if (layers != NULL)
      g_hash_table_replace(network->presets, g_strdup(uses[i]), g_strdup(layers));
  }
}

void
som_describe(NnNetwork *network)
{
  const NnModel *model = network->model;
  const char *title = nn_model_metadata(model, "somnium.title");
  const char *labels = nn_model_metadata(model, "somnium.labels");
  g_set_str(&network->title, title != NULL ? title : network->name);
  network->role = read_role(model);
  network->licence = g_strdup(nn_model_metadata(model, "somnium.licence"));
  network->source = g_strdup(nn_model_metadata(model, "somnium.provenance"));
  if (labels != NULL)
    network->labels = g_strsplit(labels, "\n", -1);
  if (!read_input(model, &network->input))
    guess_input(network);
  read_presets(network);
}
