/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instruction sets. One binary serves every processor of its architecture: the hottest kernels are
 * compiled once for each of these, and the context (context.h) says which are used. */
#pragma once

#include <stdbool.h>

/** NnIsa: @NN_ISA_BASELINE is what the compiler takes by itself (SSE2 on x86-64, NEON on AArch64);
 * the others are x86-64's, each including the ones before it. */
typedef enum { NN_ISA_BASELINE, NN_ISA_AVX2, NN_ISA_AVX512, NN_N_ISAS } NnIsa;

/** nn_isa_best: the widest that this processor has. */
NnIsa nn_isa_best(void);

/** nn_isa_name: for people: "AVX2". */
const char *nn_isa_name(NnIsa isa);
