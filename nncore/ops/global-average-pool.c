/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GlobalAveragePool: y[n, c] = mean of x[n, c, ...] over all spatial dimensions, which become 1.
 * Any layout. */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/kernels/broadcast.h"
#include "nncore/kernels/channel-sums.h"
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

/* the sums of a map, and what adding them up needs */
static size_t
global_average_pool_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  int64_t channels = infer->in[0].shape.dim[1];
  return ((size_t)channels + nn_channel_sums_scratch_doubles(channels)) * sizeof(double);
}

static void
average_maps(const NnOpRun *run)
{
  const NnShape *shape = &run->in[0].shape;
  int64_t channels = shape->dim[1];
  double *sums = run->scratch;
  for (int64_t n = 0; n < shape->dim[0]; n++) {
    NnTensor picture = nn_channel_sums_picture(&run->in[0], n);
    memset(sums, 0, (size_t)channels * sizeof *sums);
    nn_channel_sums_add(run->context, &picture, false, sums, sums + channels);
    for (int64_t c = 0; c < channels; c++)
      run->out[0].f[n * channels + c] = (float)(sums[c] * (double)share(shape));
  }
}

static void
global_average_pool_forward(const NnOpRun *run)
{
  if (run->in[0].layout == NN_LAYOUT_CHANNELS_LAST && run->in[0].shape.rank == 4) {
    average_maps(run);
    return;
  }
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
    .scratch_bytes = global_average_pool_scratch_bytes,
    .forward = global_average_pool_forward,
    .backward = global_average_pool_backward,
};
