/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Activations that can be fused behind another operator. The backward pass needs only the sign of
 * each element, kept as one bit: 1/32 of the activation's memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nncore/base/context.h"

typedef enum {
  NN_ACTIVATION_NONE,
  NN_ACTIVATION_RELU,
  NN_ACTIVATION_LEAKY_RELU,
  NN_ACTIVATION_CLIP,
} NnActivationKind;

/**
 * NnActivation: y = x where x > 0, else @slope x (slope is 0 for Relu); for Clip, y = x from @low
 * to @high, the nearer of them outside, where the gradient is 0 (slope is 0 too).
 *
 * The bit of an element is set where the gradient passes as it is: x > 0; @low <= x <= @high.
 */
typedef struct {
  NnActivationKind kind;
  float slope;
  float low, high;
} NnActivation;

/** nn_activation_bits_bytes: bytes for the signs of @count elements. */
size_t nn_activation_bits_bytes(int64_t count);

/**
 * nn_activation_forward:
 * @x: (inout): @count elements, activated in place
 * @bits: (nullable): where the bits of these elements go; the first element's is the lowest bit
 *   of the first byte, so @x must start at a multiple of 8 elements of its tensor. Bits past
 *   @count in the last byte are cleared: only a tensor's last stretch may end inside a byte.
 *
 * Single-threaded: for a kernel's epilogue.
 */
void nn_activation_forward(NnActivation activation, float *x, int64_t count, uint8_t *bits);

/** NnGate: an activation's derivative: 1 where the bit is set, else @slope; no @bits: none. */
typedef struct {
  const uint8_t *bits;
  float slope;
} NnGate;

/** nn_gate: what nn_activation_forward() recorded in @bits. */
static inline NnGate
nn_gate(NnActivation activation, const uint8_t *bits)
{
  return (NnGate){activation.kind != NN_ACTIVATION_NONE ? bits : NULL, activation.slope};
}

/** nn_gate_run: @gradient (@count elements) times the derivative, in place; threaded. */
void nn_gate_run(NnContext *context, NnGate gate, float *gradient, int64_t count);
