/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A map is a stack of planes of rows: one plane with C floats a position where it is
 * channels-last, else C planes with one. */
#include "nncore/tensor/box.h"

#include <string.h>

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

void
nn_box_copy(const NnTensor *from, const NnBox *box, const NnTensor *to, int64_t y, int64_t x,
            bool add)
{
  bool last = from->layout == NN_LAYOUT_CHANNELS_LAST;
  int64_t planes = last ? 1 : from->shape.dim[1], each = last ? from->shape.dim[1] : 1;
  const int64_t *size = from->shape.dim + 2, *to_size = to->shape.dim + 2;
  g_return_if_fail(from->layout == to->layout && from->shape.dim[1] == to->shape.dim[1]);
  if (nn_box_is_empty(box))
    return;
  for (int64_t p = 0; p < planes; p++)
    for (int64_t row = 0; row < nn_box_size(box, 0); row++) {
      int64_t at = (p * size[0] + box->begin[0] + row) * size[1] + box->begin[1];
      int64_t to_at = (p * to_size[0] + y + row) * to_size[1] + x;
      copy_row(from->f + at * each, to->f + to_at * each, nn_box_size(box, 1) * each, add);
    }
}
