/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an effect must know of a network beside its graph. weights/ fills it in from the file's
 * metadata, a NAME.ini, the catalogue, or a guess. */
#pragma once

#include "nncore/base/file-key.h"
#include "nncore/image/preprocess.h"
#include "nncore/onnx/model.h"

typedef enum { NN_ROLE_FEATURES, NN_ROLE_CLASSIFIER, NN_ROLE_FEED_FORWARD } NnRole;

/**
 * NnNetwork:
 * @file: where it comes from; the network owns the path. %NULL of one that comes from memory
 * @name: as people choose it: the file's name without .onnx
 * @title: for people; the name until more is known
 * @presets: (element-type utf8 utf8): effect use ("dream", "content", "style", "class") -> layers
 *   argument, like "relu3_1:0.5,relu4_1"
 * @aliases: (element-type utf8 utf8): names that people know ("relu4_2", "mixed4c") -> the file's
 *   tensor; nn_network_add_alias() fills it
 * @known_names: (element-type utf8 utf8): the file's tensor -> the first alias that it was given
 * @labels: (array zero-terminated=1) (nullable): names of the classes, in the output's order
 * @licence, @source: (nullable): for people
 * @guessed: what was guessed and not known, whole sentences, or %NULL
 */
typedef struct {
  NnModel *model;
  NnFileKey file;
  char *name, *title;
  NnRole role;
  NnInputSpec input;
  GHashTable *presets;
  GHashTable *aliases, *known_names;
  char **labels;
  char *licence, *source;
  char *guessed;
} NnNetwork;

/** nn_network_new: takes the reference to @model; everything else is empty, input 0..1 RGB. */
NnNetwork *nn_network_new(NnModel *model, const char *name);
void nn_network_free(NnNetwork *network);

/**
 * nn_network_layers:
 * Returns: (transfer container) (element-type utf8): names of the tensors that can be dreamt on
 *   and looked at, from the input to the output: what nodes make of the network's input.
 */
GPtrArray *nn_network_layers(const NnNetwork *network);

/**
 * nn_network_add_alias:
 * Makes @alias another name of the layer @tensor. One that exists already keeps its meaning; the
 * first one that a tensor gets is the one that it is known by.
 */
void nn_network_add_alias(NnNetwork *network, const char *alias, const char *tensor);

/** nn_network_alias_of: (transfer none) (nullable): the name that people know the file's @tensor
 * by, where that is not its own. */
const char *nn_network_alias_of(const NnNetwork *network, const char *tensor);

/** nn_network_layer_name: (transfer none): @tensor for people: the name that they know it by, or its
 * own. */
const char *nn_network_layer_name(const NnNetwork *network, const char *tensor);

/**
 * nn_network_resolve_layer:
 * @name: a tensor of the file, a node, a module as PyTorch's exports spell it in their nodes'
 *   names ("layer4.2", meaning what it puts out last), or a name that people know; in that order,
 *   since a file knows best what it calls things, and where nothing is called exactly so, without
 *   regard to upper and lower case
 *
 * Returns: (transfer none): the file's tensor; or %NULL with %NN_ERROR_ARGUMENT, whose sentence
 *   names layers that exist, by known names where there are any.
 */
const char *nn_network_resolve_layer(const NnNetwork *network, const char *name, GError **error);

/** NnLayer: a target and its weight; @name is the file's tensor. */
typedef struct {
  char *name;
  double weight;
} NnLayer;

/**
 * nn_network_parse_layers:
 * @text: "relu3_1:0.5,relu4_1", names as nn_network_resolve_layer() takes them; a weight is any
 *   number but 0, 1 where none is given, negative to suppress what the layer sees; empty or %NULL
 *   takes the preset of @use
 *
 * Returns: (transfer full): array of NnLayer with at least one; %NN_ERROR_ARGUMENT with a
 *   sentence that names layers which exist where one does not, or asks for layers where there is
 *   no preset.
 */
GArray *nn_network_parse_layers(const NnNetwork *network, const char *text, const char *use,
                                GError **error);

/**
 * nn_network_find_class:
 * @text: a label (case-insensitive; a unique part of one will do) or a number from 0
 *
 * Returns: index, or -1 with %NN_ERROR_ARGUMENT.
 */
int nn_network_find_class(const NnNetwork *network, const char *text, GError **error);

/** nn_network_class_target: (transfer none): the value with the scores before softmax of a
 * classifier: what the preset "class" says, else found from the outputs; or %NULL with @error
 * set. */
const char *nn_network_class_target(const NnNetwork *network, GError **error);

/** nn_network_find_scores: the same from the outputs alone, whatever the role: what the first
 * softmax is made from, else the last output; NN_NO_VALUE where there is no output. */
NnValueId nn_network_find_scores(const NnGraph *graph);

/** nn_network_features_target: (transfer none): the value that says best what is on a picture: of a
 * classifier what the last layer with weights makes its scores from (which may still be a map), of
 * a network without classes its last output (before softmax); or %NULL with %NN_ERROR_ARGUMENT. */
const char *nn_network_features_target(const NnNetwork *network, GError **error);

/** nn_network_set_not_finite: sets the sentence (%NN_ERROR_ARGUMENT) for a network that gives values
 * that are no numbers. */
void nn_network_set_not_finite(const NnNetwork *network, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnNetwork, nn_network_free)
