/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the Reduce operators have in common: the axes that input 1 names (all, or none where
 * noop_with_empty_axes says so) become 1, or disappear. Any layout. */
#pragma once

#include "nncore/kernels/broadcast.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

typedef struct {
  int64_t keep_dims, noop;
} NnReduceParams;

bool nn_reduce_parse(NnAttributes *attributes, void *params, GError **error);

/** nn_reduce_infer: of floats; nn_reduce_infer_any: of whole numbers too. */
bool nn_reduce_infer(NnInfer *infer, GError **error);
bool nn_reduce_infer_any(NnInfer *infer, GError **error);

/** nn_reduce_view: @result (output 0 or its gradient) with every dimension of input 0, those
 * reduced as 1, in input 0's memory order. */
NnTensor nn_reduce_view(const NnOpRun *run, const NnTensor *result);

/** nn_reduce_count: elements that go into one. */
int64_t nn_reduce_count(const NnOpRun *run);

/** nn_reduce_over_space: whether the axes are those after N and C, all of them, and no others. */
bool nn_reduce_over_space(const NnInfer *infer);

/** nn_reduce_integers: of shape arithmetic. */
void nn_reduce_integers(const NnOpRun *run, NnReduce reduce);

/** nn_reduce_scratch_bytes: a scratch_bytes function: room for one result, going backward. */
size_t nn_reduce_scratch_bytes(const NnInfer *infer, int threads, bool gradient);

/** nn_reduce_pick_*: of the largest or smallest: equal ones share the gradient, as PyTorch has
 * it. */
unsigned nn_reduce_pick_keeps(const void *params, unsigned varying);
void nn_reduce_pick_forward(const NnOpRun *run, NnReduce reduce);
void nn_reduce_pick_backward(const NnOpRun *run);
