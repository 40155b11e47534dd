/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks the processor, through the compiler's own table. */
#include "nncore/base/isa.h"

NnIsa
nn_isa_best(void)
{
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    return NN_ISA_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return NN_ISA_AVX2;
#endif
  return NN_ISA_BASELINE;
}

const char *
nn_isa_name(NnIsa isa)
{
  static const char *const names[NN_N_ISAS] = {"baseline", "AVX2", "AVX-512"};
  return names[isa];
}
