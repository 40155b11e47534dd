/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graph: values (tensors by name) and nodes (operators) in an order in which every value is
 * made before it is used. import makes one per file; the passes in this folder rewrite a copy. */
#pragma once

#include <stdbool.h>

#include <glib.h>

#include "nncore/ops/op.h"

typedef int NnValueId; /* index into NnGraph.values */
#define NN_NO_VALUE (-1)

/**
 * NnValue:
 * @name: owned; "" for an internal one
 * @is_constant: @constant holds the elements, or, before loading, @stored says where they are
 * @type: known for graph inputs as far as the file declares it (free dimensions are 0), and for
 *   all values after nn_pass_infer()
 * @known: (nullable): the elements, where nn_pass_infer() could compute them from the shapes of
 *   the graph's inputs (shape arithmetic); true at those shapes only, so not copied with the graph
 * @layout: chosen by nn_pass_layout(); plain before
 * @producer: node that makes it, or -1
 */
typedef struct {
  char *name;
  bool is_constant;
  NnTensor *constant;
  NnStored stored;
  NnType type;
  NnTensor *known;
  NnLayout layout;
  int producer;
} NnValue;

/** NnNode: an operator's use. All pointers are owned, but for @op. */
typedef struct {
  const NnOp *op;
  char *name; /* the file's, or its first output's */
  int n_inputs, n_outputs;
  NnValueId *inputs;  /* NN_NO_VALUE for one left out */
  NnValueId *outputs; /* NN_NO_VALUE for one nobody wants */
  void *params;
  NnActivation activation; /* fused behind the operator */
} NnNode;

typedef struct {
  NnValue *values;
  size_t n_values, values_capacity;
  NnNode *nodes;
  size_t n_nodes, nodes_capacity;
  NnValueId *inputs; /* without the constants among them */
  size_t n_inputs, inputs_capacity;
  NnValueId *outputs;
  size_t n_outputs, outputs_capacity;
} NnGraph;

NnGraph *nn_graph_new(GError **error);
void nn_graph_free(NnGraph *graph);

/** nn_graph_copy: nodes and values; constants are shared by reference. */
NnGraph *nn_graph_copy(const NnGraph *graph, GError **error);

/** nn_graph_add_value: @name is copied. Returns NN_NO_VALUE on error. */
NnValueId nn_graph_add_value(NnGraph *graph, const char *name, GError **error);

/** nn_graph_add_constant: a value without a name that is @tensor (transfer full). Returns NN_NO_VALUE
 * on error. */
NnValueId nn_graph_add_constant(NnGraph *graph, NnTensor *tensor, GError **error);

/**
 * nn_graph_add_node:
 * Appends a node with room for its inputs and outputs (all NN_NO_VALUE) and zeroed params.
 * Returns: (transfer none): valid until the next node is added; %NULL on error.
 */
NnNode *nn_graph_add_node(NnGraph *graph, const NnOp *op, const char *name, int n_inputs,
                          int n_outputs, GError **error);

/** nn_node_clear: frees what @node owns; for a node that is in no graph any more. */
void nn_node_clear(NnNode *node);

/** nn_graph_forget_known: drops NnValue.known of all values. */
void nn_graph_forget_known(NnGraph *graph);

/** nn_graph_find: the value of this name, or NN_NO_VALUE. Linear. */
NnValueId nn_graph_find(const NnGraph *graph, const char *name);

/** nn_graph_set_producers: NnValue.producer of every value, after nodes were moved. */
void nn_graph_set_producers(NnGraph *graph);

/** nn_graph_take_output: what was @from's first output is @node's, instead of its own; for a node that
 * does @from's work, too, which is then removed. */
void nn_graph_take_output(NnGraph *graph, NnNode *node, const NnNode *from);

/** nn_graph_remove_nodes: drops the nodes whose @removed is true and closes the gaps. */
void nn_graph_remove_nodes(NnGraph *graph, const bool *removed);

/** nn_node_prefix_error: puts "Layer conv1 (Conv): " before the message. Returns false. */
bool nn_node_prefix_error(const NnNode *node, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnGraph, nn_graph_free)
