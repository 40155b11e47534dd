/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A map is a stack of planes of rows: one plane with C floats a position where it is
 * channels-last, else C planes with one. */
#include "nncore/tensor/box.h"

#include <string.h>

#define CHUNK (INT64_C(1) << 16) /* floats that are worth a thread's attention */

void
nn_box_unite(NnBox *to, const NnBox *other)
{
  if (nn_box_is_empty(other))
    return;
  if (nn_box_is_empty(to)) {
    *to = *other;
    return;
  }
  for (int a = 0; a < 2; a++) {
    to->begin[a] = MIN(to->begin[a], other->begin[a]);
    to->end[a] = MAX(to->end[a], other->end[a]);
  }
}

static void
copy_row(const float *from, float *to, int64_t count, bool add)
{
  if (!add) {
    memcpy(to, from, (size_t)count * sizeof *to);
    return;
  }
  for (int64_t i = 0; i < count; i++)
    to[i] += from[i];
}

typedef struct {
  const NnTensor *from, *to;
  const NnBox *box;
  int64_t y, x, each; /* each: floats of a position */
  bool add;
} Copy;

/* rows of the box, plane after plane */
static void
copy_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Copy *copy = data;
  const NnBox *box = copy->box;
  const int64_t *size = copy->from->shape.dim + 2, *to_size = copy->to->shape.dim + 2;
  int64_t rows = nn_box_size(box, 0), count = nn_box_size(box, 1) * copy->each;
  for (int64_t item = begin; item < end; item++) {
    int64_t plane = item / rows, row = item % rows;
    int64_t at = (plane * size[0] + box->begin[0] + row) * size[1] + box->begin[1];
    int64_t to_at = (plane * to_size[0] + copy->y + row) * to_size[1] + copy->x;
    copy_row(copy->from->f + at * copy->each, copy->to->f + to_at * copy->each, count, copy->add);
  }
}

void
nn_box_copy(NnContext *context, const NnTensor *from, const NnBox *box, const NnTensor *to,
            int64_t y, int64_t x, bool add)
{
  bool last = from->layout == NN_LAYOUT_CHANNELS_LAST;
  int64_t planes = last ? 1 : from->shape.dim[1], each = last ? from->shape.dim[1] : 1;
  g_return_if_fail(from->layout == to->layout && from->shape.dim[1] == to->shape.dim[1]);
  if (nn_box_is_empty(box))
    return;
  Copy copy = {from, to, box, y, x, each, add};
  int64_t rows = planes * nn_box_size(box, 0), count = nn_box_size(box, 1) * each;
  if (context != NULL)
    nn_parallel_for(context, rows, MAX(CHUNK / MAX(count, 1), 1), copy_rows, &copy);
  else
    copy_rows(0, rows, 0, &copy);
}
