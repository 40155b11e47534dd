/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GlobalMaxPool: y[n, c] = the largest of x[n, c, ...]; the gradient goes to the first of them.
 * Channels-last. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/pool.h"

static NnWindow
whole_window(const NnShape *shape)
{
  NnWindow window = {.rank = shape->rank - 2};
  for (int i = 2; i < shape->rank; i++)
    window.kernel[i - shape->rank + NN_WINDOW_DIMS] = shape->dim[i];
  return window;
}

static bool
global_max_pool_infer(NnInfer *infer, GError **error)
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
  NnWindow window = whole_window(shape);
  return nn_pool_infer(infer, &window, error);
}

static NnPooling
pooling_of(const NnShape *shape)
{
  NnWindow window = whole_window(shape);
  return nn_pool_of(&window, shape);
}

static size_t
global_max_pool_aux_bytes(const NnInfer *infer)
{
  NnPooling pooling = pooling_of(&infer->in[0].shape);
  return nn_max_pool_taps_bytes(&pooling);
}

static void
global_max_pool_forward(const NnOpRun *run)
{
  NnPooling pooling = pooling_of(&run->in[0].shape);
  nn_max_pool_forward(run->context, &pooling, run->in[0].f, run->out[0].f, run->aux, NULL, false);
}

static void
global_max_pool_backward(const NnOpRun *run)
{
  NnPooling pooling = pooling_of(&run->in[0].shape);
  nn_max_pool_backward(run->context, &pooling, run->aux, run->grad_out[0].f, run->grad_in[0].f);
}

const NnOp nn_op_global_max_pool = {
    .onnx_name = "GlobalMaxPool",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_CHANNELS_LAST,
    .infer = global_max_pool_infer,
    .aux_bytes = global_max_pool_aux_bytes,
    .forward = global_max_pool_forward,
    .backward = global_max_pool_backward,
};
