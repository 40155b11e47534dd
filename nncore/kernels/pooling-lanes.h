/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inner loops of max-pooling, compiled once for each instruction set (pooling-lanes.c). */
#pragma once

#include <stdint.h>

#include "nncore/base/isa.h"
#include "nncore/kernels/activation.h"

/**
 * NnMaxWindow: the part of a window that lies inside the picture.
 * @x: channel 0 under its first tap
 * @count: taps along depth, height, width; @step: floats from one to the next
 * @tap: number of its first tap; @tap_step: numbers from a plane, and from a row, to the next
 */
typedef struct {
  const float *x;
  int64_t count[3], step[3];
  int32_t tap, tap_step[2];
} NnMaxWindow;

/** NnTouch: a window that sees a pixel: @at: channel 0 of its result; @tap: by which it does. */
typedef struct {
  int64_t at;
  int32_t tap;
} NnTouch;

/**
 * NnPoolingLanes: each does as many of the @channels as fill registers, and returns how many.
 * @max: the largest of a window, and (@taps, nullable) by which tap; of equal ones the first wins,
 *   unless a NaN does
 * @sum_where: the sum of what reaches a pixel of the input: the gradient of each of @touches where
 *   the winner was that tap, times @gate; @to is @index floats behind the input's first, and its
 *   bits of the gate are whole bytes
 */
typedef struct {
  int64_t (*max)(const NnMaxWindow *window, int64_t channels, float *y, uint8_t *taps);
  int64_t (*sum_where)(const NnTouch *touches, int64_t n_touches, const float *gradient,
                       const uint8_t *taps, int64_t channels, NnGate gate, int64_t index,
                       float *to);
} NnPoolingLanes;

extern const NnPoolingLanes nn_pooling_lanes_baseline;
#ifdef __x86_64__
extern const NnPoolingLanes nn_pooling_lanes_avx2, nn_pooling_lanes_avx512;
#endif
