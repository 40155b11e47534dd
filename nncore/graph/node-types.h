/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A node as its operator's hooks want to see it: types and constants of its inputs, gathered from
 * the graph. */
#pragma once

#include "nncore/graph/graph.h"

/** NnNodeTypes: @infer is ready for an operator's infer, scratch_bytes and aux_bytes; its types
 * of the outputs are copies of the graph's; its constants include elements that are known at the
 * graph's present shapes. */
typedef struct {
  NnInfer infer;
  NnType *in;
  NnType *out;
  const NnTensor **constants;
} NnNodeTypes;

/** nn_node_types_init: clear it with nn_node_types_clear(), also after an error. */
bool nn_node_types_init(NnNodeTypes *types, const NnGraph *graph, const NnNode *node,
                        GError **error);
void nn_node_types_clear(NnNodeTypes *types);

/** NN_LEAN_PART: of the memory that is left: weights that would take more when they are ready are
 * prepared lean. */
#define NN_LEAN_PART 0.5

/** nn_node_types_prepare: what the node's operator's prepare is to see, for both ways or one. */
NnPrepare nn_node_types_prepare(const NnNodeTypes *types, bool gradient, bool lean);

/** nn_node_operations: multiply-adds, or what costs as much, of @node's forward pass. */
int64_t nn_node_operations(const NnNode *node, const NnInfer *infer);

/** nn_node_is_known: whether all that it makes was found while types were inferred (NnValue.known): it
 * need not run. */
bool nn_node_is_known(const NnGraph *graph, const NnNode *node);
