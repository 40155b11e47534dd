/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tensors laid end to end along an axis: Concat and Split, and each other's gradients. */
#pragma once

#include "nncore/ops/op.h"

/**
 * nn_joined_part:
 * @part: (nullable): the elements of one part, in @whole's memory order; %NULL: nothing to do
 * @begin, @length: its places along the axis
 * @axis: of ONNX's order
 * @split: from @whole to the part, instead of to @whole
 */
void nn_joined_part(NnContext *context, void *part, int64_t begin, int64_t length,
                    const NnTensor *whole, int axis, bool split);
