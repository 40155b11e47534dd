/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a convolution's kernels do to a result while they have it in a register (lanes.h). */
#pragma once

#include "nncore/kernels/activation.h"

/**
 * NnFinish: what a result still needs.
 * @bias: (nullable): of the first channel
 * @bits: (nullable): of the target's first element; a pixel's are whole bytes then
 */
typedef struct {
  const float *bias;
  NnActivation activation;
  uint8_t *bits;
} NnFinish;
