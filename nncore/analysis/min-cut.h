/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cheapest cut of a graph between two terminals (Boykov and Kolmogorov, An Experimental Comparison
 * of Min-Cut/Max-Flow Algorithms for Energy Minimization in Vision, 2004). It is the least of
 *   E(s) = sum over nodes of cost_i(s_i) + sum over edges of c_ij [s_i is the source's, s_j is not]
 * over all ways to give each node to the source or to the sink. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define NN_MIN_CUT_MOST ((1 << 30) - 1) /* of a capacity; of what a node costs, in sum */

typedef struct NnMinCut NnMinCut;

/** nn_min_cut_bytes: of a graph of so many nodes and edges. */
int64_t nn_min_cut_bytes(int64_t nodes, int64_t edges);

/**
 * nn_min_cut_new:
 * @nodes, @edges: room for so many, at least 0
 *
 * Takes all the memory that the functions below need.
 * Returns: (transfer full): or %NULL with %NN_ERROR_MEMORY, also where numbers of 32 bits do not
 *   reach.
 */
NnMinCut *nn_min_cut_new(int64_t nodes, int64_t edges, GError **error);
void nn_min_cut_free(NnMinCut *cut);

/** nn_min_cut_clear: begins a graph of @nodes nodes (as many as there is room for, or fewer), without
 * edges. */
void nn_min_cut_clear(NnMinCut *cut, int64_t nodes);

/** nn_min_cut_add_cost: what @node costs more (or, below 0, less) where it is the sink's than where
 * it is the source's. Adds up. */
void nn_min_cut_add_cost(NnMinCut *cut, int64_t node, int32_t at_sink);

/** nn_min_cut_add_edge: what it costs where @from is the source's and @to the sink's, and where it is
 * the other way round. Both from 0 to %NN_MIN_CUT_MOST. */
void nn_min_cut_add_edge(NnMinCut *cut, int64_t from, int64_t to, int32_t forth, int32_t back);

/** NnMinCutAsk: whether to go on. */
typedef bool (*NnMinCutAsk)(gpointer data);

/**
 * nn_min_cut_solve:
 * @ask: (nullable): called every now and then
 *
 * Exact, as capacities are whole numbers. Once for each graph.
 * Returns: false where @ask said so: then there is no cut.
 */
bool nn_min_cut_solve(NnMinCut *cut, NnMinCutAsk ask, gpointer data);

/** nn_min_cut_is_source: whether the node is the source's. Nodes that both may have at the same price
 * are the sink's. */
bool nn_min_cut_is_source(const NnMinCut *cut, int64_t node);

/** nn_min_cut_flow: what the cut costs, but for the part of nn_min_cut_add_cost() that is paid either
 * way: the least of E where the cheaper terminal of each node costs 0. */
int64_t nn_min_cut_flow(const NnMinCut *cut);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnMinCut, nn_min_cut_free)
