/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The internal operator that brings a map of any size to a fixed one; graph/pass-pool-head.c puts
 * it before heads. Not in the table of ONNX's operators. */
#pragma once

#include "nncore/ops/op.h"

/** NnAdaptivePoolParams: the size of its output. */
typedef struct {
  int64_t height, width;
} NnAdaptivePoolParams;

extern const NnOp nn_op_adaptive_average_pool;
