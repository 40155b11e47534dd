/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators on two broadcast inputs have in common. */
#pragma once

#include "nncore/kernels/broadcast.h"
#include "nncore/ops/checks.h"

/** nn_binary_infer: an infer function: both float, or both int64 (shape arithmetic). */
bool nn_binary_infer(NnInfer *infer, GError **error);

/** nn_binary_forward: out = in[0] @binary in[1], with the fused activation. */
void nn_binary_forward(const NnOpRun *run, NnBinary binary);
