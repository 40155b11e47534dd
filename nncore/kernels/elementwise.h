/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Element by element work over whole tensors: copying, activating, and how to cut loops into
 * chunks for threads. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/kernels/activation.h"

/**
 * nn_grain:
 * @cost_an_item: elements that one item reads or writes, roughly
 *
 * Returns: items a chunk so that a chunk is worth a thread's attention.
 */
int64_t nn_grain(int64_t cost_an_item);

/** nn_copy_bytes: memcpy() by all threads. */
void nn_copy_bytes(NnContext *context, void *to, const void *from, size_t bytes);

/** nn_fill: @count times @value. */
void nn_fill(NnContext *context, float *to, float value, int64_t count);

/** nn_keep_positive: @count elements in place: those that are not above 0 become 0. */
void nn_keep_positive(NnContext *context, float *x, int64_t count);

/**
 * nn_activate:
 * @to: may be @from
 * @bits: (nullable): nn_activation_bits_bytes() of @count
 *
 * nn_activation_forward() of a whole tensor, by all threads.
 */
void nn_activate(NnContext *context, NnActivation activation, const float *from, float *to,
                 int64_t count, uint8_t *bits);
