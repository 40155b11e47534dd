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
    *(NnBytes *)(taps + c) = __builtin_convertvector(winner, NnBytes);
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

static int64_t
add_where(float *to, const float *from, const uint8_t *taps, int32_t tap, int64_t channels)
{
  int64_t c = 0;
  for (; c + NN_LANES <= channels; c += NN_LANES) {
    NnInts won = __builtin_convertvector(*(const NnBytes *)(taps + c), NnInts) == tap;
    nn_store(to + c, nn_load(to + c) + (NnFloats)(*(const NnInts *)(from + c) & won));
  }
  return c;
}

const NnPoolingLanes NN_LANES_NAME(nn_pooling_lanes) = {
    .max = max,
    .add_where = add_where,
};
