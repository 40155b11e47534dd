/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Four lanes as GCC vector types, for loops that the compiler does not vectorise by itself: what
 * every CPU's registers hold, since GCC falls back to single elements in comparisons of wider
 * ones. For local variables only: passing them to functions would depend on the ABI. Loads need
 * no alignment beyond an element's. */
#pragma once

#include <stdint.h>

#define NN_LANES 4

typedef float NnFloats __attribute__((vector_size(4 * NN_LANES), aligned(4), may_alias));
typedef int32_t NnInts __attribute__((vector_size(4 * NN_LANES), aligned(4), may_alias));
typedef uint8_t NnBytes __attribute__((vector_size(NN_LANES), aligned(1), may_alias));
