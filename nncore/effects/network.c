/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers and classes of a network by what people write. */
#include "nncore/effects/network.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"

#define MAX_ALIASES \
  4096 /* more than any network has that people name the layers of; the names
                          * are a file's, and may be chosen to collide in the tables */
#define MAX_LAYERS 1000  /* of one argument */
#define NAMED_IN_ERRORS 40 /* layers or classes that a sentence lists at most */

NnNetwork *
nn_network_new(NnModel *model, const char *name)
{
  NnNetwork *network = g_new0(NnNetwork, 1);
  network->model = model;
  network->name = g_strdup(name);
  network->title = g_strdup(name);
  network->input = (NnInputSpec){.range = 1, .deviation = {1, 1, 1}, .multiple = 1};
  network->presets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  network->aliases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  network->known_names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return network;
}

void
nn_network_free(NnNetwork *network)
{
  if (network == NULL)
    return;
  nn_model_unref(network->model);
  g_hash_table_unref(network->presets);
  g_hash_table_unref(network->aliases);
  g_hash_table_unref(network->known_names);
  g_strfreev(network->labels);
  g_free((char *)network->file.path);
  g_free(network->name);
  g_free(network->title);
  g_free(network->licence);
  g_free(network->source);
  g_free(network->guessed);
  g_free(network);
}

static bool
depends_on_input(const NnNode *node, const bool *varying)
{
  for (int i = 0; i < node->n_inputs; i++)
    if (node->inputs[i] != NN_NO_VALUE && varying[node->inputs[i]])
      return true;
  return false;
}

/* (transfer full): by value: whether it depends on the network's input; g_free() */
static bool *
find_varying(const NnGraph *graph)
{
  bool *varying = g_new0(bool, graph->n_values + 1);
  for (size_t i = 0; i < graph->n_inputs; i++)
    varying[graph->inputs[i]] = true;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    bool depends = depends_on_input(node, varying);
    for (int k = 0; depends && k < node->n_outputs; k++)
      if (node->outputs[k] != NN_NO_VALUE)
        varying[node->outputs[k]] = true;
  }
  return varying;
}

GPtrArray *
nn_network_layers(const NnNetwork *network)
{
  const NnGraph *graph = nn_model_graph(network->model);
  GPtrArray *names = g_ptr_array_new();
  g_autofree bool *varying = find_varying(graph);
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    for (int k = 0; k < node->n_outputs; k++) {
      NnValueId made = node->outputs[k];
      if (made != NN_NO_VALUE && varying[made] && graph->values[made].name[0] != '\0')
        g_ptr_array_add(names, graph->values[made].name);
    }
  }
  return names;
}

/* some names, spread evenly from the first to the last; g_free() */
static char *
list_some(const char *const *names, guint n)
{
  GString *list = g_string_new(NULL);
  guint shown = MIN(n, NAMED_IN_ERRORS);
  for (guint i = 0; i < shown; i++) {
    guint at = shown < 2 ? 0 : (guint)((guint64)i * (n - 1) / (shown - 1));
    g_string_append_printf(list, "%s%s", i == 0 ? "" : ", ", names[at]);
  }
  if (shown < n)
    g_string_append(list, ", …");
  return g_string_free(list, FALSE);
}

static char *
list_names(GPtrArray *names)
{
  return list_some((const char *const *)names->pdata, names->len);
}

/* by the names that people know, where there are any: a file's own can be long or mere numbers */
static char *
list_layers(const NnNetwork *network, GPtrArray *tensors)
{
  g_autoptr(GPtrArray) known = g_ptr_array_new();
  for (guint i = 0; i < tensors->len; i++) {
    gpointer name = g_hash_table_lookup(network->known_names, tensors->pdata[i]);
    if (name != NULL)
      g_ptr_array_add(known, name);
  }
  return list_names(known->len > 0 ? known : tensors);
}

void
nn_network_add_alias(NnNetwork *network, const char *alias, const char *tensor)
{
  if (g_hash_table_size(network->aliases) >= MAX_ALIASES ||
      g_hash_table_contains(network->aliases, alias))
    return;
  g_hash_table_insert(network->aliases, g_strdup(alias), g_strdup(tensor));
  if (!g_hash_table_contains(network->known_names, tensor))
    g_hash_table_insert(network->known_names, g_strdup(tensor), g_strdup(alias));
}

const char *
nn_network_alias_of(const NnNetwork *network, const char *tensor)
{
  const char *name = g_hash_table_lookup(network->known_names, tensor);
  return g_strcmp0(name, tensor) != 0 ? name : NULL;
}

const char *
nn_network_layer_name(const NnNetwork *network, const char *tensor)
{
  const char *known = nn_network_alias_of(network, tensor);
  return known != NULL ? known : tensor;
}

/* ---- finding a layer ---- */

typedef int (*CompareNames)(const char *a, const char *b);

/* the tensors' own name, or NULL */
static const char *
find_tensor(GPtrArray *tensors, const char *name, CompareNames compare)
{
  for (guint i = 0; i < tensors->len; i++)
    if (compare(tensors->pdata[i], name) == 0)
      return tensors->pdata[i];
  return NULL;
}

static const char *
find_alias(const NnNetwork *network, const char *name, CompareNames compare)
{
  const char *tensor = g_hash_table_lookup(network->aliases, name);
  GHashTableIter iter;
  gpointer alias, value;
  g_hash_table_iter_init(&iter, network->aliases);
  while (tensor == NULL && g_hash_table_iter_next(&iter, &alias, &value))
    if (compare(alias, name) == 0)
      tensor = value;
  return tensor;
}

/* Whether @node, named like "/layer4/layer4.2/conv1/Conv", belongs to the module @name, like
 * "layer4", "layer4.2" or "layer4.2.conv1". A part that repeats the one before it and a dot is
 * PyTorch's way of spelling a member of a sequence. */
static bool
is_in_module(const char *node, const char *name, CompareNames compare)
{
  if (node[0] != '/' || strchr(node + 1, '/') == NULL)
    return false;
  g_autoptr(GString) module = g_string_new(NULL);
  g_auto(GStrv) parts = g_strsplit(node + 1, "/", -1);
  for (int i = 0; parts[i + 1] != NULL && module->len <= strlen(name); i++) {
    size_t before = i > 0 ? strlen(parts[i - 1]) : 0;
    bool repeats =
        before > 0 && strncmp(parts[i], parts[i - 1], before) == 0 && parts[i][before] == '.';
    if (repeats)
      g_string_append(module, parts[i] + before);
    else
      g_string_append_printf(module, "%s%s", i > 0 ? "." : "", parts[i]);
    if (compare(module->str, name) == 0)
      return true;
  }
  return false;
}

/* what the node, or last of all the module, of this name puts out */
static const char *
find_node(const NnGraph *graph, GPtrArray *tensors, const char *name, CompareNames compare)
{
  const char *found = NULL;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    const NnNode *node = &graph->nodes[i];
    if (node->n_outputs < 1 || node->outputs[0] == NN_NO_VALUE)
      continue;
    bool is_it = compare(node->name, name) == 0;
    if (!is_it && !is_in_module(node->name, name, compare))
      continue;
    const char *tensor = find_tensor(tensors, graph->values[node->outputs[0]].name, strcmp);
    if (tensor != NULL)
      found = tensor;
    if (tensor != NULL && is_it)
      break;
  }
  return found;
}

static const char *
find_layer(const NnNetwork *network, GPtrArray *tensors, const char *name)
{
  static const CompareNames comparisons[] = {strcmp, g_ascii_strcasecmp};
  const char *found = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(comparisons) && found == NULL && *name != '\0'; i++) {
    found = find_tensor(tensors, name, comparisons[i]);
    if (found == NULL)
      found = find_node(nn_model_graph(network->model), tensors, name, comparisons[i]);
    if (found == NULL)
      found = find_alias(network, name, comparisons[i]);
  }
  return found;
}

static const char *
resolve(const NnNetwork *network, GPtrArray *tensors, const char *name, GError **error)
{
  const char *found = find_layer(network, tensors, name);
  if (found != NULL)
    return found;
  g_autofree char *list = list_layers(network, tensors);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The network %s has no layer “%s”. It has: %s."), network->name, name, list);
  return NULL;
}

const char *
nn_network_resolve_layer(const NnNetwork *network, const char *name, GError **error)
{
  g_autoptr(GPtrArray) tensors = nn_network_layers(network);
  return resolve(network, tensors, name, error);
}

/* ---- layers with weights ---- */

static bool
parse_weight(const char *text, double *weight)
{
  char *end;
  *weight = g_ascii_strtod(text, &end);
  return end != text && *end == '\0' && isfinite(*weight) && *weight != 0;
}

/* item is changed; names of tensors may contain colons, so a whole name goes first */
static bool
parse_layer(const NnNetwork *network, GPtrArray *tensors, char *item, NnLayer *layer,
            GError **error)
{
  const char *found = find_layer(network, tensors, item);
  char *colon = found == NULL ? strrchr(item, ':') : NULL;
  layer->weight = 1;
  if (colon != NULL) {
    *colon = '\0';
    g_strstrip(item);
    if (!parse_weight(g_strstrip(colon + 1), &layer->weight)) {
      g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                  _("“%s” is no weight for the layer %s: write a number other than 0, as in "
                    "%s:0.5."),
                  colon + 1, item, item);
      return false;
    }
  }
  if (found == NULL)
    found = resolve(network, tensors, item, error);
  layer->name = g_strdup(found);
  return found != NULL;
}

static void
clear_layer(gpointer data)
{
  g_free(((NnLayer *)data)->name);
}

static bool
has_twice(GArray *layers, const char *name, GError **error)
{
  for (guint i = 0; i < layers->len; i++)
    if (strcmp(g_array_index(layers, NnLayer, i).name, name) == 0) {
      g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                  _("The layer %s is named twice. Name it once, with one weight."), name);
      return true;
    }
  return false;
}

static GArray *
parse_items(const NnNetwork *network, GPtrArray *tensors, const char *text, GError **error)
{
  g_autoptr(GArray) layers = g_array_new(FALSE, FALSE, sizeof(NnLayer));
  g_array_set_clear_func(layers, clear_layer);
  g_auto(GStrv) items = g_strsplit(text, ",", MAX_LAYERS); /* the rest is no layer's name */
  for (int i = 0; items[i] != NULL; i++) {
    NnLayer layer;
    if (*g_strstrip(items[i]) == '\0')
      continue;
    if (!parse_layer(network, tensors, items[i], &layer, error))
      return NULL;
    bool twice = has_twice(layers, layer.name, error);
    g_array_append_val(layers, layer);
    if (twice)
      return NULL;
  }
  return g_steal_pointer(&layers);
}

GArray *
nn_network_parse_layers(const NnNetwork *network, const char *text, const char *use, GError **error)
{
  g_autoptr(GPtrArray) tensors = nn_network_layers(network);
  if (text == NULL || strspn(text, ", \t\r\n") == strlen(text))
    text = g_hash_table_lookup(network->presets, use);
  GArray *layers = parse_items(network, tensors, text == NULL ? "" : text, error);
  if (layers == NULL || layers->len > 0)
    return layers;
  g_array_unref(layers);
  g_autofree char *list = list_layers(network, tensors);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The network %s does not say which layers are good for this effect. Name one or "
                "more of: %s."),
              network->name, list);
  return NULL;
}

/* whether any of the comma-separated names in label is the folded text */
static bool
is_name_of(const char *label, const char *folded)
{
  bool found = false;
  g_autofree char *whole = g_utf8_casefold(label, -1);
  g_auto(GStrv) parts = g_strsplit(whole, ",", -1);
  for (int i = 0; parts[i] != NULL; i++)
    found = found || strcmp(g_strstrip(parts[i]), folded) == 0;
  return found || strcmp(whole, folded) == 0;
}

static bool
is_part_of(const char *label, const char *folded)
{
  g_autofree char *whole = g_utf8_casefold(label, -1);
  return strstr(whole, folded) != NULL;
}

/* (element-type int): labels that match; those named exactly where there are any */
static GArray *
match_labels(char **labels, const char *text)
{
  GArray *matches = g_array_new(FALSE, FALSE, sizeof(int));
  g_autofree char *folded = g_utf8_casefold(text, -1);
  for (int i = 0; labels[i] != NULL; i++)
    if (is_name_of(labels[i], folded))
      g_array_append_val(matches, i);
  bool named = matches->len > 0;
  for (int i = 0; !named && labels[i] != NULL; i++)
    if (is_part_of(labels[i], folded))
      g_array_append_val(matches, i);
  return matches;
}

static void
set_ambiguous(const NnNetwork *network, const char *text, GArray *matches, GError **error)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < matches->len; i++) {
    int index = g_array_index(matches, int, i);
    g_ptr_array_add(names, g_strdup_printf("%s (%d)", network->labels[index], index));
  }
  g_autofree char *list = list_names(names);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("“%s” could be any of these classes: %s. Write one of them, or its number."), text,
              list);
}

static int
find_label(const NnNetwork *network, const char *text, GError **error)
{
  g_autoptr(GArray) matches = match_labels(network->labels, text);
  if (matches->len == 1)
    return g_array_index(matches, int, 0);
  if (matches->len > 1) {
    set_ambiguous(network, text, matches, error);
    return -1;
  }
  g_autofree char *list =
      list_some((const char *const *)network->labels, g_strv_length(network->labels));
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The network %s knows no class “%s”. It knows, for example: %s."), network->name,
              text, list);
  return -1;
}

static int
check_class_number(const NnNetwork *network, gint64 number, GError **error)
{
  guint n = network->labels == NULL ? 0 : g_strv_length(network->labels);
  if (number < G_MAXINT32 && (n == 0 || number < n))
    return (int)number;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The classes of the network %s are numbered from 0 to %u; there is no class "
                "number %d."),
              network->name, MAX(n, 1) - 1, (int)CLAMP(number, G_MININT, G_MAXINT));
  return -1;
}

int
nn_network_find_class(const NnNetwork *network, const char *text, GError **error)
{
  g_autofree char *stripped = g_strstrip(g_strdup(text));
  char *end;
  gint64 number = g_ascii_strtoll(stripped, &end, 10);
  if (g_ascii_isdigit(stripped[0]) && *end == '\0')
    return check_class_number(network, number, error);
  if (stripped[0] != '\0' && network->labels != NULL && g_utf8_validate(stripped, -1, NULL))
    return find_label(network, stripped, error);
  if (network->labels == NULL)
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The network %s comes without names of its classes. Write a class's number, "
                  "counted from 0."),
                network->name);
  else
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("Write the name or the number of a class, for example “%s”."),
                network->labels[0] == NULL ? "0" : network->labels[0]);
  return -1;
}

static const char *const shaping[] = {"Identity",  "Flatten", "Reshape", "Squeeze",
                                      "Unsqueeze", "Dropout", NULL};

/* the scores that a softmax makes value from, looking through what only shapes it anew; or
 * NN_NO_VALUE */
static NnValueId
before_softmax(const NnGraph *graph, NnValueId value)
{
  static const char *const softmax[] = {"Softmax", "LogSoftmax", NULL};
  /* a chain is no longer than the graph, even in a graph that is broken */
  for (size_t step = 0; step < graph->n_nodes; step++) {
    int producer = graph->values[value].producer;
    if (producer < 0 || graph->nodes[producer].n_inputs < 1)
      return NN_NO_VALUE;
    const NnNode *node = &graph->nodes[producer];
    if (g_strv_contains(softmax, node->op->onnx_name))
      return node->inputs[0];
    if (!g_strv_contains(shaping, node->op->onnx_name) || node->inputs[0] == NN_NO_VALUE)
      return NN_NO_VALUE;
    value = node->inputs[0];
  }
  return NN_NO_VALUE;
}

NnValueId
nn_network_find_scores(const NnGraph *graph)
{
  NnValueId scores = NN_NO_VALUE;
  for (size_t i = 0; i < graph->n_outputs && scores == NN_NO_VALUE; i++)
    scores = before_softmax(graph, graph->outputs[i]);
  if (graph->n_outputs > 0 && (scores == NN_NO_VALUE || graph->values[scores].name[0] == '\0'))
    scores = graph->outputs[graph->n_outputs - 1];
  return scores;
}

const char *
nn_network_class_target(const NnNetwork *network, GError **error)
{
  const NnGraph *graph = nn_model_graph(network->model);
  const char *preset = g_hash_table_lookup(network->presets, "class");
  if (network->role == NN_ROLE_CLASSIFIER && preset != NULL)
    return nn_network_resolve_layer(network, preset, error);
  if (network->role != NN_ROLE_CLASSIFIER || graph->n_outputs == 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The network %s does not tell classes apart. Choose a classifier."),
                network->name);
    return NULL;
  }
  return graph->values[nn_network_find_scores(graph)].name;
}

/* the only value depending on the network's input that @value is made from, or NN_NO_VALUE */
static NnValueId
made_from(const NnGraph *graph, NnValueId value, const bool *varying)
{
  int producer = graph->values[value].producer;
  NnValueId only = NN_NO_VALUE;
  for (int i = 0; producer >= 0 && i < graph->nodes[producer].n_inputs; i++) {
    NnValueId input = graph->nodes[producer].inputs[i];
    if (input == NN_NO_VALUE || !varying[input])
      continue;
    if (only != NN_NO_VALUE && only != input)
      return NN_NO_VALUE;
    only = input;
  }
  return only;
}

static bool
is_made_by(const NnGraph *graph, NnValueId value, const char *const *operators)
{
  int producer = graph->values[value].producer;
  return producer >= 0 && g_strv_contains(operators, graph->nodes[producer].op->onnx_name);
}

/* what has only been shaped anew into @value, if it may still have places */
static NnValueId
before_shaping(const NnGraph *graph, NnValueId value, const bool *varying)
{
  static const char *const placeless[] = {"GlobalAveragePool", "GlobalMaxPool", "ReduceMean", NULL};
  for (size_t step = 0; step < graph->n_nodes && is_made_by(graph, value, shaping); step++) {
    NnValueId before = made_from(graph, value, varying);
    if (before == NN_NO_VALUE || is_made_by(graph, before, placeless))
      break;
    value = before;
  }
  return value;
}

/* back from the scores over biases, activations and pooling to what has weights, and from there to
 * what goes into that; the scores themselves where there is no such way */
static NnValueId
find_features(const NnGraph *graph, NnValueId scores)
{
  static const char *const weighted[] = {"Conv", "Gemm", "MatMul", NULL};
  g_autofree bool *varying = find_varying(graph);
  NnValueId value = scores;
  for (size_t step = 0; step < graph->n_nodes && value != NN_NO_VALUE; step++) {
    bool found = is_made_by(graph, value, weighted);
    value = made_from(graph, value, varying);
    if (found)
      break;
  }
  if (value != NN_NO_VALUE)
    value = before_shaping(graph, value, varying);
  bool found = value != NN_NO_VALUE && graph->values[value].producer >= 0 &&
               graph->values[value].name[0] != '\0';
  return found ? value : scores;
}

const char *
nn_network_features_target(const NnNetwork *network, GError **error)
{
  const NnGraph *graph = nn_model_graph(network->model);
  if (network->role == NN_ROLE_CLASSIFIER) {
    const char *scores = nn_network_class_target(network, error);
    return scores != NULL ? graph->values[find_features(graph, nn_graph_find(graph, scores))].name
                          : NULL;
  }
  NnValueId last = nn_network_find_scores(graph);
  if (network->role == NN_ROLE_FEATURES && last != NN_NO_VALUE)
    return graph->values[last].name;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The network %s does not say what is on a picture. Choose another network, or name "
                "a layer."),
              network->name);
  return NULL;
}

void
nn_network_set_not_finite(const NnNetwork *network, GError **error)
{
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The network %s gives values that are no numbers. Its file may be damaged, or "
                "its input range set wrongly; choose another network."),
              network->name);
}
