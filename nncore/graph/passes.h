/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The passes: each takes a graph and the values that are wanted (targets) and rewrites both,
 * keeping the meaning. Order in plan/program.c: prune, bypass identities, (weights are read),
 * fold constants, infer, fold batch-norm, fuse activations, choose layouts. */
#pragma once

#include "nncore/graph/graph.h"

/**
 * nn_pass_prune:
 * Keeps the nodes that the targets need, and drops outputs that nobody reads. Values stay, so
 * that ids remain valid; graph inputs that nobody reads are dropped from the list.
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

/** nn_node_infer: the same for one node. */
bool nn_node_infer(NnGraph *graph, const NnNode *node, GError **error);

/** nn_pass_fold_batch_norm: Conv followed by BatchNormalization -> Conv, where nobody else reads
 * the Conv's result and it is no target. Types must be known. */
bool nn_pass_fold_batch_norm(NnGraph *graph, const NnValueId *targets, int n_targets,
                             GError **error);

/** nn_pass_fuse_activations: Relu and LeakyRelu into the operator before them, where it can
 * (NnOp.fuses_activation) and nobody else wants its bare result. */
bool nn_pass_fuse_activations(NnGraph *graph, const NnValueId *targets, int n_targets,
                              GError **error);

/**
 * nn_pass_layout:
 * NnValue.layout of every value, by what the operators take (NnLayoutRule); nn_op_layout nodes
 * where two orders meet, one for each value and order; constants of NN_TAKES_ANY operators are
 * permuted at once. Graph inputs of rank 3 to 5 become channels-last. Types must be known.
 */
bool nn_pass_layout(NnGraph *graph, GError **error);
