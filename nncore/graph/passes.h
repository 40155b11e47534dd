/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The passes: each takes a graph and the values that are wanted (targets) and rewrites both,
 * keeping the meaning. Order in plan/program.c: prune, bypass identities, (weights are read),
 * fold constants, replace max-pooling, find heads of one size and pool or resize for them, infer, fold batch-norm, fuse
 * activations, fuse bottlenecks, choose layouts, fuse sums and pooling. */
#pragma once

#include "nncore/graph/graph.h"

/**
 * nn_pass_prune:
 * Keeps the nodes that the targets need, and drops outputs that nobody reads, but for a node's
 * first, which is always there. Values stay, so that ids remain valid; graph inputs that nobody
 * reads are dropped from the list.
 */
bool nn_pass_prune(NnGraph *graph, const NnValueId *targets, int n_targets, GError **error);

/** nn_pass_bypass_identities: removes nodes whose operator is_identity; targets that were their
 * outputs become their inputs. */
bool nn_pass_bypass_identities(NnGraph *graph, NnValueId *targets, int n_targets, GError **error);

/** nn_pass_fold_constants: runs the nodes that depend on constants alone. Constants must have
 * been loaded. */
bool nn_pass_fold_constants(NnGraph *graph, NnContext *context, GError **error);

/**
 * nn_pass_infer:
 * NnValue.type of every value, from those of the inputs (NnValue.type of graph->inputs, all
 * dimensions given). Errors name the layer. Small tensors that depend on these shapes and on
 * constants alone (shape arithmetic: Shape, Gather, Concat, ...) are computed on the way:
 * NnValue.known.
 */
bool nn_pass_infer(NnGraph *graph, GError **error);

/** nn_node_infer: the types of one node's outputs, from those of its inputs. */
bool nn_node_infer(NnGraph *graph, const NnNode *node, GError **error);

/** nn_node_find_known: NnValue.known of the outputs of a node whose types are inferred, where it
 * can be computed; none may be set before. @context: of one thread. */
bool nn_node_find_known(NnGraph *graph, const NnNode *node, NnContext *context, GError **error);

/** nn_pass_replace_max_pooling: AveragePool, or where @squares LpPool of order 2 with a mean in
 * place of the sum, in the place of each MaxPool with the same window, but for those whose indices
 * somebody reads. Before types are inferred. */
bool nn_pass_replace_max_pooling(NnGraph *graph, bool squares, GError **error);

/**
 * NnHeadStart: where a map as large as the picture makes it runs into layers of one size.
 * @node: the first of these layers
 * @input: of @node: the map; -1: @node cannot be given a map of another size
 * @height, @width: of the map that it was made for
 * @is_mean: @node is an AveragePool over all of that map
 * @never_fits: the map is of another size even at the reference size, which the file does not give
 */
typedef struct {
  size_t node;
  int input;
  int64_t height, width;
  bool is_mean, never_fits;
} NnHeadStart;

/** NnHeads: @inside: by value: made by a layer in or behind a head. */
typedef struct {
  NnHeadStart *starts;
  size_t n_starts, capacity;
  bool *inside;
} NnHeads;

/**
 * nn_pass_find_heads:
 * @declared: whether the file gives the size of its picture; NnValue.type of graph->inputs[0] is
 *   that, or the one that stands in for it
 * @heads: (out): clear it with nn_heads_clear(), also after an error
 *
 * A head is what refuses a picture of twice the size, takes it for several pictures, or gives more
 * scores for it. Rewrites nothing but NnValue.type and known. Finds nothing in a graph of more
 * inputs than one. What does not fit at the reference size either is left to nn_pass_infer() to
 * refuse.
 */
bool nn_pass_find_heads(NnGraph *graph, const NnValueId *targets, int n_targets, bool declared,
                        NnHeads *heads, GError **error);
void nn_heads_clear(NnHeads *heads);

/**
 * nn_pass_pool_heads:
 * @only_never_fitting: leave alone those that fit at the reference size
 *
 * Has the heads see their maps averaged (ops/adaptive-average-pool.h) to the size that they were
 * made for; a mean over all of a map becomes one over all of any map.
 */
bool nn_pass_pool_heads(NnGraph *graph, NnHeads *heads, bool only_never_fitting, GError **error);

/**
 * nn_pass_resize_heads:
 * @height, @width: px
 *
 * Has the targets in heads be computed from the picture resized (linear, antialiased), by a copy
 * of all nodes that they need; targets before the heads see it as it is. An equal size is copied.
 */
bool nn_pass_resize_heads(NnGraph *graph, NnValueId *targets, int n_targets, const NnHeads *heads,
                          int64_t height, int64_t width, GError **error);

/** nn_pass_fold_batch_norm: Conv followed by BatchNormalization -> Conv, where nobody else reads
 * the Conv's result and it is no target. Types must be known. */
bool nn_pass_fold_batch_norm(NnGraph *graph, const NnValueId *targets, int n_targets,
                             GError **error);

/** nn_pass_fuse_activations: Relu and LeakyRelu into the operator before them, where it can
 * (NnOp.fuses_activation) and nobody else wants its bare result. */
bool nn_pass_fuse_activations(NnGraph *graph, const NnValueId *targets, int n_targets,
                              GError **error);

/** nn_pass_fuse_bottlenecks: a 1x1, a depthwise and a 1x1 Conv, of which nobody wants what lies between
 * them, become one node that never has it in memory. Activations must have been fused. */
bool nn_pass_fuse_bottlenecks(NnGraph *graph, const NnValueId *targets, int n_targets,
                              GError **error);

/**
 * nn_pass_layout:
 * NnValue.layout of every value, by what the operators take (NnLayoutRule); nn_op_layout nodes
 * where two orders meet, one for each value and order; constants of NN_TAKES_ANY operators are
 * permuted at once. Graph inputs of rank 3 to 5 become channels-last. Types must be known.
 */
bool nn_pass_layout(NnGraph *graph, GError **error);

/** nn_pass_fuse_sums: a Conv and an Add behind it, where nobody else wants what lies between them, become
 * one node. Layouts must have been chosen. */
bool nn_pass_fuse_sums(NnGraph *graph, const NnValueId *targets, int n_targets, GError **error);

/** nn_can_fuse_sum: whether it does so with @conv, of which @own is made, for nobody else, and last, and an
 * Add of @own and @other. */
bool nn_can_fuse_sum(const NnGraph *graph, const NnNode *conv, NnValueId own, NnValueId other);

/** nn_pass_fuse_pools: a Conv and a MaxPool behind it, where nobody else wants what lies between them, become
 * one node. Activations must have been fused and layouts chosen. */
bool nn_pass_fuse_pools(NnGraph *graph, const NnValueId *targets, int n_targets, GError **error);

/** nn_can_fuse_pool: whether it does so with @conv and @pool, if nobody else wants what lies between. */
bool nn_can_fuse_pool(const NnGraph *graph, const NnNode *conv, const NnNode *pool);

/**
 * nn_pass_split_norms:
 * InstanceNormalization of pictures, taken apart into means and what is done place by place. On a
 * lowered graph (layouts chosen); other nodes and all values stay as they are, and so do their ids.
 * The new values' types are not known yet.
 */
bool nn_pass_split_norms(NnGraph *graph, GError **error);
