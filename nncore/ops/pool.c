/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the pooling operators have in common. */
#include "nncore/ops/pool.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"

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

NnWindow
nn_pool_whole(const NnShape *shape)
{
  NnWindow window = {.rank = shape->rank - 2};
  for (int i = 2; i < shape->rank; i++)
    window.kernel[i - shape->rank + NN_WINDOW_DIMS] = shape->dim[i];
  return window;
}

bool
nn_pool_infer_whole(NnInfer *infer, GError **error)
{
  const NnShape *shape = &infer->in[0].shape;
  if (!nn_check_present(infer, 0, error) || !nn_check_rank(shape, 3, 5, error))
    return false;
  for (int i = 2; i < shape->rank; i++)
    if (shape->dim[i] < 1) {
      g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                  _("The picture is too small for this layer: nothing is left to pool."));
      return false;
    }
  NnWindow window = nn_pool_whole(shape);
  return nn_pool_infer(infer, &window, error);
}

NnPooling
nn_pool_of(const NnWindow *window, const NnShape *input)
{
  NnPooling pooling;
  if (!nn_pooling_resolve(window, input, &pooling, NULL))
    g_assert_not_reached();
  return pooling;
}

void
nn_pool_reach(const NnInfer *infer, const NnWindow *window, NnReach *reach)
{
  NnPooling pooling = nn_pool_of(window, &infer->in[0].shape);
  nn_reach_window(&pooling.window, reach);
}

int64_t
nn_pool_operations(const NnInfer *infer, const NnWindow *window)
{
  NnPooling pooling = nn_pool_of(window, &infer->in[0].shape);
  const int64_t *kernel = pooling.window.kernel; /* at most 2^31 taps */
  return nn_operations_each(&infer->out[0].shape, kernel[0] * kernel[1] * kernel[2]);
}
