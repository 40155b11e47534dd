/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a descent works on: a vector, a function of it that is to become small, and how the state of
 * an optimiser goes from one size of a picture to another. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nncore/base/context.h"

/**
 * NnProblem: memory is the caller's.
 * @x: @count values
 * @gradient: as many; @evaluate fills it
 * @bounded: keep @x within @low..@high
 * @uphill: of Adam: the function is to become large
 * @evaluate: the value at @x; @gradient becomes the gradient there. Returns: false with an error,
 *   which ends the step
 */
typedef struct {
  float *x, *gradient;
  int64_t count;
  bool bounded, uphill;
  float low, high;
  bool (*evaluate)(gpointer data, double *value, GError **error);
  gpointer data;
} NnProblem;

/**
 * NnResizeFunc: brings a vector from an old size to a new one, as one would the picture itself.
 * Returns: false with an error, as for want of memory.
 */
typedef bool (*NnResizeFunc)(gpointer data, const float *from, float *to, GError **error);
