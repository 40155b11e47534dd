/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worst of many errors. MAX() forgets those that are no numbers. */
#pragma once

#include <math.h>

/** worse: the greater of the two; one that is no number stays, and no limit holds for it. */
static inline double
worse(double worst, double error)
{
  return error > worst || isnan(error) ? error : worst;
}
