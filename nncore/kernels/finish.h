/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a convolution's kernels do to a result while they have it in a register (lanes.h). */
#pragma once

#include <math.h>
#include <stdbool.h>

#include "nncore/kernels/activation.h"

/**
 * NnFinish: what a result still needs.
 * @bias: (nullable): of the first channel
 * @activation: its low and high hold whatever its kind is: nn_finish()
 * @bits: (nullable): of the target's first element; a pixel's are whole bytes then
 * @gate: of gradients: the derivative of the activation that made what they belong to; its bits are
 *   those of the target's first element, a pixel's whole bytes
 * @stream: the target is too large for any cache: it is written past them
 */
typedef struct {
  const float *bias;
  NnActivation activation;
  uint8_t *bits;
  NnGate gate;
  bool stream;
} NnFinish;

static inline NnFinish
nn_finish(const float *bias, NnActivation activation, uint8_t *bits)
{
  if (activation.kind != NN_ACTIVATION_CLIP) {
    activation.low = activation.kind == NN_ACTIVATION_NONE ? -INFINITY : 0;
    activation.high = INFINITY;
  }
  return (NnFinish){.bias = bias, .activation = activation, .bits = bits};
}

/** nn_finish_gate: of a gradient. */
static inline NnFinish
nn_finish_gate(NnGate gate)
{
  NnFinish finish = nn_finish(NULL, (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  finish.gate = gate;
  return finish;
}
