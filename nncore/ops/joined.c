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
nn_joined_part(NnContext *context, void *part, int64_t begin, int64_t length, const NnTensor *whole,
               int axis, bool split)
{
  int memory_axis = nn_tensor_memory_axis(whole, axis);
  size_t total = run_bytes(whole, memory_axis);
  if (part == NULL || total == 0 || length == 0)
    return;
  size_t place = total / (size_t)whole->shape.dim[axis];
  Runs runs = {.part = part,
               .whole = whole->data,
               .run = (size_t)length * place,
               .offset = (size_t)begin * place,
               .total = total,
               .split = split};
  int64_t outer = (int64_t)(nn_tensor_bytes(whole) / total);
  if (outer == 1)
    nn_copy_bytes(context, split ? runs.part : runs.whole + runs.offset,
                  split ? runs.whole + runs.offset : runs.part, runs.run);
  else
    nn_parallel_for(context, outer, nn_grain((int64_t)runs.run / 4), copy_runs, &runs);
}
