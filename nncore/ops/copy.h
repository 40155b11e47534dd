/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forward and backward of the operators that change nothing but the shape: the elements stay as
 * they are, in order. */
#pragma once

#include "nncore/ops/op.h"

void nn_copy_forward(const NnOpRun *run);
void nn_copy_backward(const NnOpRun *run);
