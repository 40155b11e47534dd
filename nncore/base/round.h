/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Division that rounds up, of sizes, which are not negative; what is left, of places, which may be. */
#pragma once

#include <stdint.h>

/** nn_divide_up: how many times @step it takes to reach @value. */
static inline int64_t
nn_divide_up(int64_t value, int64_t step)
{
  return (value + step - 1) / step;
}

/** nn_round_up: the first multiple of @step from @value on. */
static inline int64_t
nn_round_up(int64_t value, int64_t step)
{
  return nn_divide_up(value, step) * step;
}

/** nn_wrap: the place from 0 to @period - 1 that is whole periods from @place. */
static inline int64_t
nn_wrap(int64_t place, int64_t period)
{
  int64_t rest = place % period;
  return rest < 0 ? rest + period : rest;
}
