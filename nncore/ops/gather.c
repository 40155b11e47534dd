/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gather: the places of one axis that input 1 names, in its shape. The indices must be known
 * before the run; negative ones count from the end. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/kernels/sample.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

typedef struct {
  int64_t axis;
} Gather;

enum { X, INDICES };

static bool
gather_parse(NnAttributes *attributes, void *data, GError **error)
{
  Gather *params = data;
  return nn_attributes_int(attributes, "axis", 0, &params->axis, error);
}

static bool
check_indices(const NnTensor *indices, int64_t dim, GError **error)
{
  if (indices->dtype != NN_DTYPE_INT64) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("This layer gathers at places that are no whole numbers."));
    return false;
  }
  for (int64_t i = 0; i < nn_shape_count(&indices->shape); i++)
    if (indices->i[i] < -dim || indices->i[i] >= dim) {
      g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                  _("This layer gathers at a place outside its input."));
      return false;
    }
  return true;
}

static bool
gather_infer(NnInfer *infer, GError **error)
{
  const Gather *params = infer->params;
  const NnTensor *indices = nn_constant(infer, INDICES);
  int axis;
  if (!nn_check_present(infer, X, error) || !nn_check_present(infer, INDICES, error) ||
      !nn_shape_axis(&infer->in[X].shape, params->axis, &axis, error))
    return false;
  if (indices == NULL) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("Input %d of this layer is computed from the picture's contents, which is not "
                  "supported."),
                INDICES + 1);
    return false;
  }
  const NnShape *in = &infer->in[X].shape;
  NnShape out = {.rank = in->rank - 1 + indices->shape.rank};
  if (!check_indices(indices, in->dim[axis], error) || !nn_check_rank(&out, 0, NN_MAX_RANK, error))
    return false;
  for (int i = 0; i < axis; i++)
    out.dim[i] = in->dim[i];
  for (int i = 0; i < indices->shape.rank; i++)
    out.dim[axis + i] = indices->shape.dim[i];
  for (int i = axis + 1; i < in->rank; i++)
    out.dim[i - 1 + indices->shape.rank] = in->dim[i];
  return nn_set_output(infer, infer->in[X].dtype, &out, error);
}

static size_t
gather_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  const Gather *params = infer->params;
  int axis;
  if (!nn_shape_axis(&infer->in[X].shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  int64_t count = nn_shape_count(&infer->in[INDICES].shape);
  return nn_sample_table_bytes(count, 1, false) +
         (gradient ? nn_sample_backward_bytes(infer->in[X].shape.dim[axis], count, 1) : 0);
}

/* the input as before x axis x behind */
static void *
describe(const NnOpRun *run, NnSample *sample)
{
  const Gather *params = run->params;
  const NnShape *in = &run->in[X].shape;
  int axis;
  if (!nn_shape_axis(in, params->axis, &axis, NULL))
    g_assert_not_reached();
  int64_t dim = in->dim[axis], count = nn_shape_count(&run->in[INDICES].shape);
  NnTensor folded = {.dtype = run->in[X].dtype};
  folded.shape =
      NN_SHAPE(nn_shape_product(in, 0, axis), dim, nn_shape_product(in, axis + 1, in->rank));
  nn_sample_init(sample, &folded);
  void *rest = nn_sample_set(sample, 1, count, 1, false, run->scratch);
  for (int64_t o = 0; o < count; o++) {
    int64_t index = run->in[INDICES].i[o];
    sample->axis[1].index[o] = index < 0 ? index + dim : index;
  }
  return rest;
}

static void
gather_forward(const NnOpRun *run)
{
  NnSample sample;
  describe(run, &sample);
  nn_sample_forward(run->context, &sample, run->in[X].data, run->out[0].data);
}

static void
gather_backward(const NnOpRun *run)
{
  NnSample sample;
  void *rest = describe(run, &sample);
  nn_sample_backward(run->context, &sample, run->grad_out[0].f, run->grad_in[X].f, rest);
}

static void
gather_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const Gather *params = infer->params;
  int axis;
  if (!nn_shape_axis(&infer->in[X].shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  nn_reach_beside(axis, reach);
  reach->everywhere |= input != X || infer->in[INDICES].shape.rank != 1;
}

const NnOp nn_op_gather = {
    .onnx_name = "Gather",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << INDICES,
    .layout = NN_TAKES_PLAIN,
    .params_bytes = sizeof(Gather),
    .parse = gather_parse,
    .infer = gather_infer,
    .scratch_bytes = gather_scratch_bytes,
    .reach = gather_reach,
    .forward = gather_forward,
    .backward = gather_backward,
};
