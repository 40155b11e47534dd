/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What MaxPool and AveragePool have in common. */
#include "nncore/ops/pool.h"

#include <string.h>

bool
nn_pool_infer(NnInfer *infer, const NnWindow *window, GError **error)
{
  NnPooling pooling;
  if (!nn_check_floats(infer, 0, 0, error) ||
      !nn_pooling_resolve(window, &infer->in[0].shape, &pooling, error))
    return false;
  NnShape shape = infer->in[0].shape;
  int spatial = shape.rank - 2;
  memcpy(shape.dim + 2, pooling.output + NN_WINDOW_DIMS - spatial,
         (size_t)spatial * sizeof shape.dim[0]);
  return nn_set_output(infer, NN_DTYPE_FLOAT, &shape, error);
}

NnPooling
nn_pool_of(const NnWindow *window, const NnShape *input)
{
  NnPooling pooling;
  if (!nn_pooling_resolve(window, input, &pooling, NULL))
    g_assert_not_reached();
  return pooling;
}
