/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of matrices. An item of work is one block of one C; where several products of the
 * stack meet in that C, the item adds them up one after the other. */
#include "nncore/kernels/matmul.h"

#include <string.h>

#include "nncore/base/round.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/kernels/gemm.h"

#define BLOCK_ROWS 128
#define BLOCK_COLUMNS 256

typedef struct {
  const NnMatmul *matmul;
  int64_t row_blocks, column_blocks;
  NnShape kept, summed; /* the stack's axes with and without a step of C; others have 1 */
} Job;

typedef struct {
  int64_t a, b, c;
} Offsets;

/* Offsets of place @index in @shape, which has 1 where the stack's axis is not its own. */
static Offsets
offsets_of(const NnMatmul *matmul, const NnShape *shape, int64_t index)
{
  Offsets offsets = {0};
  for (int axis = shape->rank - 1; axis >= 0; axis--) {
    int64_t place = index % shape->dim[axis];
    index /= shape->dim[axis];
    offsets.a += place * matmul->step_a[axis];
    offsets.b += place * matmul->step_b[axis];
    offsets.c += place * matmul->step_c[axis];
  }
  return offsets;
}

static void
clear_block(float *c, int64_t ldc, int64_t rows, int64_t columns)
{
  for (int64_t i = 0; i < rows; i++)
    memset(c + i * ldc, 0, (size_t)columns * sizeof *c);
}

static void
block(const Job *job, int64_t item)
{
  const NnMatmul *m = job->matmul;
  int64_t blocks = job->row_blocks * job->column_blocks;
  int64_t row = item % blocks / job->column_blocks * BLOCK_ROWS;
  int64_t column = item % job->column_blocks * BLOCK_COLUMNS;
  int64_t rows = MIN(BLOCK_ROWS, m->m - row), columns = MIN(BLOCK_COLUMNS, m->n - column);
  Offsets at = offsets_of(m, &job->kept, item / blocks);
  const float *a = m->a + at.a + (m->transpose_a ? row : row * m->lda);
  const float *b = m->b + at.b + (m->transpose_b ? column * m->ldb : column);
  float *c = m->c + at.c + row * m->ldc + column;
  int64_t products = m->k > 0 ? nn_shape_count(&job->summed) : 0;
  if (products == 0 && !m->add)
    clear_block(c, m->ldc, rows, columns);
  for (int64_t i = 0; i < products; i++) {
    Offsets of = offsets_of(m, &job->summed, i);
    nn_gemm(m->transpose_a, m->transpose_b, rows, columns, m->k, m->alpha, a + of.a, m->lda,
            b + of.b, m->ldb, m->add || i > 0 ? 1 : 0, c, m->ldc);
  }
}

static void
block_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  for (int64_t item = begin; item < end; item++)
    block(data, item);
}

void
nn_matmul(NnContext *context, const NnMatmul *matmul)
{
  Job job = {.matmul = matmul,
             .row_blocks = nn_divide_up(matmul->m, BLOCK_ROWS),
             .column_blocks = nn_divide_up(matmul->n, BLOCK_COLUMNS),
             .kept = matmul->batch,
             .summed = matmul->batch};
  for (int axis = 0; axis < matmul->batch.rank; axis++) {
    NnShape *other = matmul->step_c[axis] != 0 ? &job.summed : &job.kept;
    other->dim[axis] = 1;
  }
  int64_t items = nn_shape_count(&job.kept) * job.row_blocks * job.column_blocks;
  int64_t cost =
      MIN(matmul->m, BLOCK_ROWS) * MIN(matmul->n, BLOCK_COLUMNS) * MAX(matmul->k / 16, 1);
  nn_parallel_for(context, items, nn_grain(cost), block_chunk, &job);
}
