/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What MaxPool and AveragePool have in common. */
#pragma once

#include "nncore/kernels/pooling.h"
#include "nncore/ops/checks.h"

/** nn_pool_infer: output 0 from input 0 and a window as parsed. */
bool nn_pool_infer(NnInfer *infer, const NnWindow *window, GError **error);

/** nn_pool_of: the resolved pooling of shapes that nn_pool_infer() accepted. */
NnPooling nn_pool_of(const NnWindow *window, const NnShape *input);
