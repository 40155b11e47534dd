/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Max and average pooling over one to three spatial dimensions, channels-last: N, D, H, W, C with
 * the channels fastest. Threads take output rows forward and input rows backward, so each writes
 * its own part. */
#pragma once

#include "nncore/kernels/activation.h"
#include "nncore/kernels/window.h"

/**
 * NnPooling:
 * @window: resolved
 * @input, @output: depth, height, width, filled with 1 at the front
 */
typedef struct {
  NnWindow window;
  int64_t batch, channels;
  int64_t input[NN_WINDOW_DIMS], output[NN_WINDOW_DIMS];
} NnPooling;

/**
 * nn_pooling_resolve:
 * @window: as parsed
 * @input: N, C and one to three spatial dimensions
 *
 * Refuses what the kernels cannot do: more than 2^31 taps; pads as large as the window; and windows
 * that have no tap in the picture, as those of a dilation larger than it may.
 */
bool nn_pooling_resolve(const NnWindow *window, const NnShape *input, NnPooling *pooling,
                        GError **error);

/** nn_max_pool_taps_bytes: which tap won, for each output: a byte where that is enough, else 4. */
size_t nn_max_pool_taps_bytes(const NnPooling *pooling);

/**
 * nn_max_pool_forward:
 * @taps: (nullable): (out): the winner of each window, numbered in scan order; of equal ones the
 *   first
 * @indices: (nullable): (out): the same as ONNX's Indices, counted through the whole input in
 *   ONNX's order (spatial dimensions the other way round where @column_major)
 */
void nn_max_pool_forward(NnContext *context, const NnPooling *pooling, const float *x, float *y,
                         void *taps, int64_t *indices, bool column_major);

/** nn_max_pool_backward: @gate: what @grad_x is multiplied with in the end. */
void nn_max_pool_backward(NnContext *context, const NnPooling *pooling, const void *taps,
                          const float *grad_y, NnGate gate, float *grad_x);

/** NnDivisor: of a window's sum: the places in it that lie inside the input; those with padding;
 * or 1. */
typedef enum { NN_DIVIDE_BY_INSIDE, NN_DIVIDE_BY_PADDED, NN_DIVIDE_BY_ONE } NnDivisor;

void nn_average_pool_forward(NnContext *context, const NnPooling *pooling, NnDivisor divisor,
                             const float *x, float *y);
void nn_average_pool_backward(NnContext *context, const NnPooling *pooling, NnDivisor divisor,
                              const float *grad_y, float *grad_x);
