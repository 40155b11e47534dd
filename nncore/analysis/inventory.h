/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A look at a whole network at one size of its input, without running it and without its weights:
 * shapes, receptive fields, operations, parameters. Goes on past layers that cannot be used, and
 * remembers why. Time and memory go by the number of nodes, not by the size of the weights. */
#pragma once

#include "nncore/analysis/receptive-field.h"
#include "nncore/onnx/model.h"

/**
 * NnInventoryNode:
 * @constant: it computes with the file's constants and the input's size alone; never part of a run
 * @problem: (nullable): why it cannot be used, where the fault is its own; a layer behind such a
 *   one has no shape (nn_inventory_shape()) and no problem
 * @operations: multiply-adds, or what costs as much
 * @parameters: elements of the constant floats that it is the first to read
 */
typedef struct {
  bool constant;
  char *problem;
  int64_t operations, parameters;
} NnInventoryNode;

/**
 * NnInventory:
 * @graph: the model's, with the types of this size; constants have shapes, most have no elements
 * @nodes: by node
 * @fields: by value: what they see of the graph's first input
 * @operations, @parameters: of all nodes
 */
typedef struct {
  NnGraph *graph;
  NnInventoryNode *nodes;
  NnReceptiveField *fields;
  int64_t operations, parameters;
} NnInventory;

/**
 * nn_inventory_new:
 * @shapes: one for each of the graph's inputs
 *
 * Returns: (transfer full): %NN_ERROR_MEMORY, %NN_ERROR_READ; what is wrong with single layers is
 *   no error.
 */
NnInventory *nn_inventory_new(const NnModel *model, const NnShape *shapes, GError **error);
void nn_inventory_free(NnInventory *inventory);

/** nn_inventory_of_picture: the same for a picture of @shape as the first input; of others, sizes that
 * the file leaves open are 1. */
NnInventory *nn_inventory_of_picture(const NnModel *model, const NnShape *shape, GError **error);

/** nn_inventory_shape: (transfer none) (nullable): of @value; %NULL where it does not follow. */
const NnShape *nn_inventory_shape(const NnInventory *inventory, NnValueId value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnInventory, nn_inventory_free)
