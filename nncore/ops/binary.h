/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators on two broadcast inputs have in common. */
#pragma once

#include "nncore/kernels/broadcast.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

/** nn_binary_infer: an infer function: both float, or both int64 (shape arithmetic). */
bool nn_binary_infer(NnInfer *infer, GError **error);

/** nn_binary_forward: out = in[0] @binary in[1], with the fused activation. */
void nn_binary_forward(const NnOpRun *run, NnBinary binary);

/** nn_binary_keeps: a keeps function: both inputs. */
unsigned nn_binary_keeps(const void *params, unsigned varying);

/** nn_binary_scratch_bytes: what nn_binary_backward() needs. */
size_t nn_binary_scratch_bytes(const NnInfer *infer, int threads, bool gradient);

/** nn_binary_backward: from both inputs (nn_broadcast_binary_gradient()). */
void nn_binary_backward(const NnOpRun *run, NnBinary binary);

/** nn_compare_infer, nn_compare_forward: of the operators that give truth values, int64 0 or 1. */
bool nn_compare_infer(NnInfer *infer, GError **error);
void nn_compare_forward(const NnOpRun *run, NnCompare compare);
