/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What MaxPool and AveragePool have in common. */
#pragma once

#include "nncore/kernels/pooling.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

/** nn_pool_infer: output 0 from input 0 and a window as parsed. */
bool nn_pool_infer(NnInfer *infer, const NnWindow *window, GError **error);

/** nn_pool_whole: the window over all of a picture of this shape. */
NnWindow nn_pool_whole(const NnShape *shape);

/** nn_pool_infer_whole: the same for that window; refuses a picture without elements. */
bool nn_pool_infer_whole(NnInfer *infer, GError **error);

/** nn_pool_of: the resolved pooling of shapes that nn_pool_infer() accepted. */
NnPooling nn_pool_of(const NnWindow *window, const NnShape *input);

/** nn_pool_reach, nn_pool_operations: of shapes that nn_pool_infer() accepted. */
void nn_pool_reach(const NnInfer *infer, const NnWindow *window, NnReach *reach);
int64_t nn_pool_operations(const NnInfer *infer, const NnWindow *window);
