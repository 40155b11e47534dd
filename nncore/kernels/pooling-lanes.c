/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compiled with NN_LANES 4, 8 and 16 (nncore/meson.build). The largest value and its tap stay in
 * registers over all taps of a window. */
#include "nncore/kernels/pooling-lanes.h"

#include "nncore/kernels/lanes.h"

/* The first tap wins unasked, so that windows full of -infinity have a winner inside the picture;
 * a NaN always wins. @wanted, a constant here, tells whether the winner is. */
NN_INLINE void
max_lanes(const bool wanted, const NnMaxWindow *w, int64_t c, float *y, uint8_t *taps)
{
  NnFloats best = (NnFloats){0} - INFINITY;
  NnInts winner = (NnInts){0} + w->tap;
  for (int64_t i = 0; i < w->count[0]; i++)
    for (int64_t j = 0; j < w->count[1]; j++) {
      const float *x = w->x + i * w->step[0] + j * w->step[1] + c;
      int32_t tap = w->tap + (int32_t)i * w->tap_step[0] + (int32_t)j * w->tap_step[1];
      for (int64_t k = 0; k < w->count[2]; k++, x += w->step[2], tap++) {
        NnFloats value = nn_load(x);
        NnInts wins = (value > best) | (value != value);
        best = (NnFloats)(((NnInts)value & wins) | ((NnInts)best & ~wins));
        if (wanted)
          winner = (((NnInts){0} + tap) & wins) | (winner & ~wins);
      }
    }
  nn_store(y + c, best);
  if (wanted)
    *(NnBytesAt *)(taps + c) = __builtin_convertvector(winner, NnBytes);
}

static int64_t
max(const NnMaxWindow *window, int64_t channels, float *y, uint8_t *taps)
{
  int64_t c = 0;
  for (; c + NN_LANES <= channels; c += NN_LANES)
    if (taps != NULL)
      max_lanes(true, window, c, y, taps);
    else
      max_lanes(false, window, c, y, NULL);
  return c;
}

/* @n_touches, a constant here where there are as many as usual, is that of the touches */
NN_INLINE int64_t
sum_lanes(const int64_t n_touches, const NnTouch *touches, const float *gradient,
          const uint8_t *taps, int64_t channels, NnGate gate, int64_t index, float *to)
{
  int64_t c = 0;
  for (; c + NN_LANES <= channels; c += NN_LANES) {
    NnFloats sum = {0};
    for (int64_t t = 0; t < n_touches; t++) {
      int64_t at = touches[t].at + c;
      NnInts won =
          __builtin_convertvector(*(const NnBytesAt *)(taps + at), NnInts) == touches[t].tap;
      sum += (NnFloats)(*(const NnIntsAt *)(gradient + at) & won);
    }
    if (gate.bits != NULL)
      sum = nn_gate_lanes(gate, sum, index + c, NN_LANES);
    nn_store(to + c, sum);
  }
  return c;
}

/* windows that a pixel lies in are 1, 2 or 4 where they are 2 or 3 wide and go on by 2, 9 (at an edge
 * 6, in a corner 4) where they are 3 wide and go on by 1 */
static int64_t
sum_where(const NnTouch *touches, int64_t n_touches, const float *gradient, const uint8_t *taps,
          int64_t channels, NnGate gate, int64_t index, float *to)
{
  switch (n_touches) {
  case 1:
    return sum_lanes(1, touches, gradient, taps, channels, gate, index, to);
  case 2:
    return sum_lanes(2, touches, gradient, taps, channels, gate, index, to);
  case 4:
    return sum_lanes(4, touches, gradient, taps, channels, gate, index, to);
  case 9:
    return sum_lanes(9, touches, gradient, taps, channels, gate, index, to);
  default:
    return sum_lanes(n_touches, touches, gradient, taps, channels, gate, index, to);
  }
}

const NnPoolingLanes NN_LANES_NAME(nn_pooling_lanes) = {
    .max = max,
    .sum_where = sum_where,
};
