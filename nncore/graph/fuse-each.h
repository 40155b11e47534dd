/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk of all passes that make one node of several. */
#pragma once

#include "nncore/graph/uses.h"

/**
 * NnFuse:
 * @at: of the node to look at. Nodes that it reads may become part of it, or it of one of them
 * @removed: (inout): by node: set for those that are part of another one now
 *
 * Returns: false with @error set; true also where there is nothing to do.
 */
typedef bool (*NnFuse)(NnGraph *graph, size_t at, const NnUses *uses, bool *removed,
                       GError **error);

/** nn_fuse_each: @fuse for every node, in order; then those that it removed go. Returns: false with
 * @fuse's error or %NN_ERROR_MEMORY; the graph is then good for nothing but to be freed. */
bool nn_fuse_each(NnGraph *graph, const NnValueId *targets, int n_targets, NnFuse fuse,
                  GError **error);
