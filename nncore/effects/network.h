/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an effect must know of a network beside its graph. weights/ fills it in from the file's
 * metadata, a NAME.ini, the catalogue, or a guess. */
#pragma once

#include "nncore/image/preprocess.h"
#include "nncore/onnx/model.h"

typedef enum { NN_ROLE_FEATURES, NN_ROLE_CLASSIFIER, NN_ROLE_FEED_FORWARD } NnRole;

/**
 * NnNetwork:
 * @name: as people choose it: the file's name without .onnx
 * @title: for people
 * @presets: (element-type utf8 utf8): effect use ("dream", "content", "style", "class") -> layers
 *   argument, like "relu3_1:0.5,relu4_1"
 * @labels: (array zero-terminated=1) (nullable): names of the classes, in the output's order
 * @licence, @source: (nullable): for people
 * @guessed: what was guessed and not known, a sentence, or %NULL
 */
typedef struct {
  NnModel *model;
  char *name, *title;
  NnRole role;
  NnInputSpec input;
  GHashTable *presets;
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

/** NnLayer: a target and its weight. */
typedef struct {
  char *name;
  double weight;
} NnLayer;

/**
 * nn_network_parse_layers:
 * @text: "relu3_1:0.5,relu4_1"; a weight is any number but 0, 1 where none is given, negative to
 *   suppress what the layer sees; empty or %NULL takes the preset of @use
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
 * classifier, or %NULL with @error set. */
const char *nn_network_class_target(const NnNetwork *network, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnNetwork, nn_network_free)
