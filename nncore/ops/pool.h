/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What MaxPool, AveragePool and LpPool have in common, and their parameters: a pass may put one in
 * the place of another (graph/pass-pooling.c). */
#pragma once

#include "nncore/kernels/pooling.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

/** NnMaxPoolParams: @storage_order: of Indices: 1 counts the spatial dimensions the other way
 * round. */
typedef struct {
  NnWindow window;
  int64_t storage_order;
} NnMaxPoolParams;

typedef struct {
  NnWindow window;
  int64_t count_include_pad;
} NnAveragePoolParams;

/** NnLpPoolParams: @divisor: of the sum of powers; ONNX knows %NN_DIVIDE_BY_ONE only. */
typedef struct {
  NnWindow window;
  int64_t p;
  NnDivisor divisor;
} NnLpPoolParams;

extern const NnOp nn_op_average_pool;
extern const NnOp nn_op_lp_pool;
extern const NnOp nn_op_max_pool;

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
