/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Cast and CastLike have in common. */
#pragma once

#include "nncore/ops/op.h"

/** nn_cast_forward: input 0 in the type of output 0. */
void nn_cast_forward(const NnOpRun *run);
