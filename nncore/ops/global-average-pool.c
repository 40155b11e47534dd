/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GlobalAveragePool: y[n, c] = mean of x[n, c, ...] over all spatial dimensions, which become 1.
 * Any layout. */
#include "nncore/kernels/broadcast.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

static bool
global_average_pool_infer(NnInfer *infer, GError **error)
{
  NnShape shape = infer->in[0].shape;
  if (!nn_infer_same(infer, error) || !nn_check_rank(&shape, 3, NN_MAX_RANK, error))
    return false;
  for (int i = 2; i < shape.rank; i++) {
    if (shape.dim[i] == 0) {
      g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                  _("The picture is too small for this layer: nothing is left to average."));
      return false;
    }
    shape.dim[i] = 1;
  }
  return nn_set_output(infer, NN_DTYPE_FLOAT, &shape, error);
}

static float
share(const NnShape *shape)
{
  return (float)(1.0 / (double)nn_shape_product(shape, 2, shape->rank));
}

static void
global_average_pool_forward(const NnOpRun *run)
{
  nn_broadcast_sum(run->context, &run->in[0], NULL, share(&run->in[0].shape), &run->out[0]);
}

static void
global_average_pool_backward(const NnOpRun *run)
{
  nn_broadcast_scaled(run->context, &run->grad_out[0], share(&run->in[0].shape), &run->grad_in[0]);
}

static const NnSpaceSums *
global_average_pool_space_sums(const NnInfer *infer)
{
  return &nn_space_mean;
}

const NnOp nn_op_global_average_pool = {
    .onnx_name = "GlobalAveragePool",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = global_average_pool_infer,
    .space_sums = global_average_pool_space_sums,
    .operations = nn_operations_input,
    .forward = global_average_pool_forward,
    .backward = global_average_pool_backward,
};
