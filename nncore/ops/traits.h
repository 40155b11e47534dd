/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What analysis/ asks of operators, where they look (NnOp.reach) and what they cost
 * (NnOp.operations), as far as rows share the answer. */
#pragma once

#include "nncore/kernels/window.h"
#include "nncore/ops/op.h"

/** NN_REACH_SLACK: ends of an NnReach that are no whole numbers are off by less, in places. */
#define NN_REACH_SLACK 1e-6

/**
 * nn_reach_pointwise: a reach function: a place of the result depends on the same place of the
 * input, or on its only one where the input is broadcast; everywhere where the spatial sizes differ
 * otherwise (a mean over them) or the ranks do.
 */
void nn_reach_pointwise(const NnInfer *infer, int input, NnReach *reach);

/** nn_reach_beside: of an operator that mixes or rearranges what lies along @axis (0 to rank - 1)
 * and leaves the other axes alone: pointwise beside it, everywhere where it is a spatial axis. */
void nn_reach_beside(int axis, NnReach *reach);

/** nn_reach_window: of a resolved window that slides over the input. */
void nn_reach_window(const NnWindow *window, NnReach *reach);

/** nn_operations_each: @cost for each element of @shape, at most %G_MAXINT64. */
int64_t nn_operations_each(const NnShape *shape, int64_t cost);

/** nn_operations_none: an operations function: of what only gives the elements another shape. */
int64_t nn_operations_none(const NnInfer *infer);

/** nn_operations_input: an operations function: one for each element of input 0. */
int64_t nn_operations_input(const NnInfer *infer);
