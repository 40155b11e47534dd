/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running one node by itself, before anything is planned: constants, and shape arithmetic whose
 * numbers follow from the size of the picture. */
#pragma once

#include "nncore/graph/graph.h"

/**
 * nn_node_evaluate:
 * @node: its inputs are constant or known, or its operator reads_shapes_only; its outputs' types
 *   are inferred
 * @outputs: (out) (array length=n_outputs): (transfer full): tensors, %NULL for outputs nobody
 *   wants; all %NULL after an error
 */
bool nn_node_evaluate(const NnGraph *graph, const NnNode *node, NnContext *context,
                      NnTensor **outputs, GError **error);

/** nn_node_is_evaluable: every input is constant or, where @known counts, known. */
bool nn_node_is_evaluable(const NnGraph *graph, const NnNode *node, bool known);
