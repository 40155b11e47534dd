/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rearranging axes. Where the fastest axis stays the fastest, rows are copied; else tiles of the
 * two axes that are fastest in source and result are turned, 16 rows at a time. */
#include "nncore/kernels/permute.h"

#include <string.h>

#include "nncore/base/round.h"
#include "nncore/kernels/elementwise.h"

#define TILE 16

typedef struct {
  int rank;
  int64_t dim[NN_MAX_RANK], step[NN_MAX_RANK]; /* axes of the result; steps in the source */
  int64_t out_step[NN_MAX_RANK];
  int fast; /* axis of the result that is fastest in the source */
  int64_t tiles; /* along it */
  size_t element;
  const char *from;
  char *to;
} Job;

/* offsets of outer place @index, counted over all axes but the last and @job->fast */
static void
seek(const Job *job, int64_t index, int64_t *from, int64_t *to)
{
  *from = *to = 0;
  for (int i = job->rank - 2; i >= 0; i--) {
    if (i == job->fast)
      continue;
    int64_t place = index % job->dim[i];
    index /= job->dim[i];
    *from += place * job->step[i];
    *to += place * job->out_step[i];
  }
}

static void
row_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  size_t row = (size_t)job->dim[job->rank - 1] * job->element;
  for (int64_t item = begin; item < end; item++) {
    int64_t from, to;
    seek(job, item, &from, &to);
    memcpy(job->to + (size_t)to * job->element, job->from + (size_t)from * job->element, row);
  }
}

#define TURN(type) \
  do { \
    const type *source = (const type *)job->from + from + first * job->step[fast]; \
    type *target = (type *)job->to + to + first * job->out_step[fast]; \
    for (int64_t j = 0; j < job->dim[last]; j++) \
      for (int64_t k = 0; k < lanes; k++) \
        target[k * job->out_step[fast] + j] = source[j * job->step[last] + k]; \
  } while (0)

static void
tile_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  int fast = job->fast, last = job->rank - 1;
  for (int64_t item = begin; item < end; item++) {
    int64_t from, to, first = item % job->tiles * TILE;
    int64_t lanes = MIN(TILE, job->dim[fast] - first);
    seek(job, item / job->tiles, &from, &to);
    if (job->element == sizeof(float))
      TURN(float);
    else
      TURN(int64_t);
  }
}

/* without axes of 1, and with those that stay neighbours merged */
static void
simplify(Job *job, int rank, const int64_t *dims, const int *order)
{
  int64_t step[NN_MAX_RANK], size = 1;
  for (int i = rank - 1; i >= 0; i--) {
    step[i] = size;
    size *= dims[i];
  }
  for (int i = 0; i < rank; i++) {
    int64_t dim = dims[order[i]], own = step[order[i]];
    int last = job->rank - 1;
    if (dim == 1)
      continue;
    if (last >= 0 && job->step[last] == own * dim) {
      job->dim[last] *= dim;
      job->step[last] = own;
      continue;
    }
    job->dim[job->rank] = dim;
    job->step[job->rank++] = own;
  }
}

void
nn_permute(NnContext *context, int rank, const int64_t *dims, const int *order, size_t element,
           const void *from, void *to)
{
  Job job = {.element = element, .from = from, .to = to};
  simplify(&job, rank, dims, order);
  int64_t count = 1;
  for (int i = job.rank - 1; i >= 0; i--) {
    job.out_step[i] = count;
    count *= job.dim[i];
    if (job.step[i] == 1)
      job.fast = i;
  }
  if (count == 0)
    return;
  if (job.rank <= 1) {
    nn_copy_bytes(context, to, from, (size_t)count * element);
    return;
  }
  int last = job.rank - 1;
  if (job.fast == last) {
    nn_parallel_for(context, count / job.dim[last], nn_grain(job.dim[last]), row_chunk, &job);
    return;
  }
  job.tiles = nn_divide_up(job.dim[job.fast], TILE);
  int64_t outer = count / job.dim[last] / job.dim[job.fast];
  nn_parallel_for(context, outer * job.tiles, nn_grain(job.dim[last] * TILE), tile_chunk, &job);
}
