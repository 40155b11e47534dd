/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tensors laid end to end along an axis: Concat and Split, and each other's gradients. */
#pragma once

#include "nncore/ops/op.h"

/**
 * nn_joined_transfer:
 * @parts: @n_parts of them, in @whole's memory order; those without data are passed over
 * @axis: of ONNX's order
 * @split: from @whole to the parts, instead of to @whole
 */
void nn_joined_transfer(NnContext *context, const NnTensor *parts, int n_parts,
                        const NnTensor *whole, int axis, bool split);
