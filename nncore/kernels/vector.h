/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lanes as GCC vector types, for loops that the compiler does not vectorise by itself. Four of
 * them, what every CPU's registers hold, unless the file is compiled for a wider instruction set
 * and says so (NN_LANES): GCC falls back to single elements in comparisons of vectors that are
 * wider than registers. For local variables and inlined functions only: passing them to others would
 * depend on the ABI. What lies in memory is of types of its own, which need no alignment beyond an
 * element's: GCC 14 for AArch64 breaks down over parameters that need less than their size. */
#pragma once

#include <stdint.h>

#ifndef NN_LANES
#define NN_LANES 4
#endif

typedef float NnFloats __attribute__((vector_size(4 * NN_LANES)));
typedef int32_t NnInts __attribute__((vector_size(4 * NN_LANES)));
typedef uint8_t NnBytes __attribute__((vector_size(NN_LANES)));

typedef NnFloats NnFloatsAt __attribute__((aligned(4), may_alias));
typedef NnInts NnIntsAt __attribute__((aligned(4), may_alias));
typedef NnBytes NnBytesAt __attribute__((aligned(1), may_alias));
