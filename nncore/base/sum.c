/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums over many elements, in double, reproducible. */
#include "nncore/base/sum.h"

#include "nncore/base/round.h"

#define MAX_CHUNKS 256

typedef struct {
  NnSumFunc func;
  gpointer data;
  int64_t grain;
  double sums[MAX_CHUNKS];
} Sum;

static void
sum_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  Sum *sum = data;
  sum->sums[begin / sum->grain] = sum->func(begin, end, worker, sum->data);
}

double
nn_parallel_sum(NnContext *context, int64_t count, int64_t grain, NnSumFunc func, gpointer data)
{
  if (count <= 0)
    return 0;
  Sum sum = {.func = func, .data = data};
  sum.grain = MAX(grain, nn_divide_up(count, MAX_CHUNKS));
  nn_parallel_for(context, count, sum.grain, sum_chunk, &sum);
  double total = 0;
  int64_t n_chunks = nn_divide_up(count, sum.grain);
  for (int64_t i = 0; i < n_chunks; i++)
    total += sum.sums[i];
  return total;
}
