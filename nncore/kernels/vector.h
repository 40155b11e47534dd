/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Eight lanes as GCC vector types, for loops that the compiler does not vectorise by itself. The
 * compiler splits them where the CPU's registers are narrower. For local variables only: passing
 * them to functions would depend on the ABI. Loads need no alignment beyond an element's. */
#pragma once

#include <stdint.h>

#define NN_LANES 8

typedef float NnFloats __attribute__((vector_size(4 * NN_LANES), aligned(4), may_alias));
typedef int32_t NnInts __attribute__((vector_size(4 * NN_LANES), aligned(4), may_alias));
typedef uint8_t NnBytes __attribute__((vector_size(NN_LANES), aligned(1), may_alias));
typedef uint32_t NnWords __attribute__((vector_size(4 * NN_LANES), aligned(4), may_alias));
