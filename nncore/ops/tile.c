/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tile: repeats its input along every axis as often as input 1 says. Any layout. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/sampled.h"
#include "nncore/ops/traits.h"

static bool
tile_infer(NnInfer *infer, GError **error)
{
  int64_t repeats[2 * NN_MAX_RANK];
  int count;
  NnShape shape = infer->in[0].shape;
  if (!nn_check_present(infer, 0, error) || !nn_check_present(infer, 1, error) ||
      !nn_constant_ints(infer, 1, repeats, &count, error))
    return false;
  bool fits = count == shape.rank;
  for (int i = 0; fits && i < count; i++) {
    fits = repeats[i] >= 0 && repeats[i] <= G_MAXINT32;
    fits = fits && shape.dim[i] <= (INT64_C(1) << 46) / MAX(repeats[i], 1);
    shape.dim[i] = fits ? shape.dim[i] * repeats[i] : 0;
  }
  if (fits)
    return nn_set_output(infer, infer->in[0].dtype, &shape, error);
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("This layer repeats its input an impossible number of times."));
  return false;
}

static void *
describe(const NnOpRun *run, NnSample *sample, void *scratch)
{
  nn_sample_init(sample, &run->in[0]);
  for (int i = 0; i < run->in[0].shape.rank; i++) {
    int axis = nn_tensor_memory_axis(&run->in[0], i);
    int64_t in = run->in[0].shape.dim[i], out = run->out[0].shape.dim[i];
    if (in == out)
      continue;
    scratch = nn_sample_set(sample, axis, out, 1, false, scratch);
    for (int64_t o = 0; o < out; o++)
      sample->axis[axis].index[o] = o % in;
  }
  return scratch;
}

static size_t
tile_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return nn_sampled_scratch_bytes(infer, 1, false, gradient);
}

static void
tile_forward(const NnOpRun *run)
{
  nn_sampled_forward(run, describe);
}

static void
tile_backward(const NnOpRun *run)
{
  nn_sampled_backward(run, describe);
}

const NnOp nn_op_tile = {
    .onnx_name = "Tile",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << 1,
    .layout = NN_TAKES_ANY,
    .infer = tile_infer,
    .scratch_bytes = tile_scratch_bytes,
    .reach = nn_reach_pointwise,
    .forward = tile_forward,
    .backward = tile_backward,
};
