/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The functions that libFuzzer calls. An input that costs too much is a finding by the processor's
 * time, not by the clock's: on a busy machine libFuzzer's own limit must be a long one. */
#include <time.h>

#include "tests/fuzz/fuzz.h"

#define MAX_SECONDS 10

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
  fuzz_init();
  return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  clock_t start = clock();
  fuzz_one(data, size);
  g_assert_cmpint((clock() - start) / CLOCKS_PER_SEC, <, MAX_SECONDS);
  return 0;
}
