/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where operators look and what they cost. */
#include "nncore/ops/traits.h"

void
nn_reach_pointwise(const NnInfer *infer, int input, NnReach *reach)
{
  const NnShape *in = &infer->in[input].shape, *out = &infer->out[0].shape;
  *reach = (NnReach){.everywhere = in->rank != out->rank};
  for (int i = 2; i < out->rank; i++) {
    bool broadcast = in->dim[i] == 1 && out->dim[i] != 1;
    reach->everywhere |= in->dim[i] != out->dim[i] && !broadcast;
    reach->stride[i - 2] = broadcast ? 0 : 1;
  }
}

void
nn_reach_beside(int axis, NnReach *reach)
{
  *reach = (NnReach){.everywhere = axis >= 2};
  for (int a = 0; a < NN_MAX_SPATIAL; a++)
    reach->stride[a] = 1;
}

void
nn_reach_window(const NnWindow *window, NnReach *reach)
{
  *reach = (NnReach){0};
  for (int a = 0; a < window->rank; a++) {
    int i = NN_WINDOW_DIMS - window->rank + a;
    reach->stride[a] = (double)window->stride[i];
    reach->first[a] = (double)-window->pad_begin[i];
    reach->last[a] = (double)((window->kernel[i] - 1) * window->dilation[i] - window->pad_begin[i]);
  }
}

int64_t
nn_operations_each(const NnShape *shape, int64_t cost)
{
  guint64 product;
  if (!g_uint64_checked_mul(&product, (guint64)nn_shape_count(shape), (guint64)cost))
    return G_MAXINT64;
  return (int64_t)MIN(product, (guint64)G_MAXINT64);
}

int64_t
nn_operations_none(const NnInfer *infer)
{
  return 0;
}

int64_t
nn_operations_input(const NnInfer *infer)
{
  return nn_shape_count(&infer->in[0].shape);
}
