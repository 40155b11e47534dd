/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In memory every part is a number of runs, one for each place of the axes slower than the joined
 * one, and the whole interleaves them. */
#include "nncore/ops/joined.h"

#include <string.h>

#include "nncore/kernels/elementwise.h"

/* The runs of one part: @run bytes each, at @offset in each of the whole's @total. */
typedef struct {
  char *part;
  char *whole;
  size_t run, offset, total;
  bool split; /* whole -> part */
} Runs;

static void
copy_runs(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Runs *runs = data;
  for (int64_t i = begin; i < end; i++) {
    char *part = runs->part + (size_t)i * runs->run;
    char *whole = runs->whole + (size_t)i * runs->total + runs->offset;
    if (runs->split)
      memcpy(part, whole, runs->run);
    else
      memcpy(whole, part, runs->run);
  }
}

/* bytes from one place of the axes slower than @memory_axis to the next */
static size_t
run_bytes(const NnTensor *tensor, int memory_axis)
{
  int64_t dims[NN_MAX_RANK];
  nn_tensor_memory_dims(tensor, dims);
  size_t bytes = nn_dtype_size(tensor->dtype);
  for (int i = memory_axis; i < tensor->shape.rank; i++)
    bytes *= (size_t)dims[i];
  return bytes;
}

void
nn_joined_transfer(NnContext *context, const NnTensor *parts, int n_parts, const NnTensor *whole,
                   int axis, bool split)
{
  int memory_axis = nn_tensor_memory_axis(whole, axis);
  Runs runs = {.whole = whole->data, .total = run_bytes(whole, memory_axis), .split = split};
  if (runs.total == 0)
    return;
  int64_t outer = (int64_t)(nn_tensor_bytes(whole) / runs.total);
  for (int i = 0; i < n_parts; i++) {
    runs.part = parts[i].data;
    runs.run = run_bytes(&parts[i], memory_axis);
    if (runs.part != NULL && outer == 1)
      nn_copy_bytes(context, split ? runs.part : runs.whole + runs.offset,
                    split ? runs.whole + runs.offset : runs.part, runs.run);
    else if (runs.part != NULL)
      nn_parallel_for(context, outer, nn_grain((int64_t)runs.run / 4), copy_runs, &runs);
    runs.offset += runs.run;
  }
}
