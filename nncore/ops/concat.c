/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Concat: joins its inputs along one axis. Any layout. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/joined.h"
#include "nncore/ops/traits.h"

typedef struct {
  int64_t axis;
} Concat;

static bool
concat_parse(NnAttributes *attributes, void *data, GError **error)
{
  Concat *params = data;
  if (nn_attributes_find(attributes, "axis") == NULL) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED, _("The attribute “axis” is missing."));
    return false;
  }
  return nn_attributes_int(attributes, "axis", 0, &params->axis, error);
}

static bool
check_fits(const NnType *first, const NnType *other, int axis, GError **error)
{
  bool fits = first->shape.rank == other->shape.rank && first->dtype == other->dtype;
  for (int i = 0; fits && i < first->shape.rank; i++)
    fits = i == axis || first->shape.dim[i] == other->shape.dim[i];
  if (fits)
    return true;
  g_autofree char *a = nn_shape_to_string(&first->shape), *b = nn_shape_to_string(&other->shape);
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("Tensors of the shapes %s and %s cannot be joined along axis %d."), a, b, axis);
  return false;
}

static bool
concat_infer(NnInfer *infer, GError **error)
{
  const Concat *params = infer->params;
  int axis;
  if (!nn_check_present(infer, 0, error) ||
      !nn_shape_axis(&infer->in[0].shape, params->axis, &axis, error))
    return false;
  NnShape shape = infer->in[0].shape;
  for (int i = 1; i < infer->n_inputs; i++) {
    if (!nn_check_present(infer, i, error) || !nn_shape_check(&infer->in[i].shape, error) ||
        !check_fits(&infer->in[0], &infer->in[i], axis, error))
      return false;
    shape.dim[axis] += infer->in[i].shape.dim[axis]; /* at most 1024 times 2^46 */
  }
  return nn_set_output(infer, infer->in[0].dtype, &shape, error);
}

/* of pictures, by channels */
static bool
joins_pixels(const NnInfer *infer)
{
  const Concat *params = infer->params;
  int axis;
  return infer->in[0].shape.rank == 4 &&
         nn_shape_axis(&infer->in[0].shape, params->axis, &axis, NULL) && axis == 1;
}

static void
transfer(const NnOpRun *run, const NnTensor *parts, const NnTensor *whole, bool split)
{
  const Concat *params = run->params;
  int axis;
  if (!nn_shape_axis(&whole->shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  int64_t begin = 0;
  for (int i = 0; i < run->n_inputs; i++) {
    int64_t length = parts[i].shape.dim[axis];
    nn_joined_part(run->context, parts[i].data, begin, length, whole, axis, split);
    begin += length;
  }
}

static void
concat_forward(const NnOpRun *run)
{
  transfer(run, run->in, &run->out[0], false);
}

static void
concat_backward(const NnOpRun *run)
{
  transfer(run, run->grad_in, &run->grad_out[0], true);
}

static void
concat_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const Concat *params = infer->params;
  int axis;
  if (!nn_shape_axis(&infer->in[input].shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  nn_reach_beside(axis, reach);
}

const NnOp nn_op_concat = {
    .onnx_name = "Concat",
    .min_inputs = 1,
    .max_inputs = NN_MAX_INPUTS,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(Concat),
    .parse = concat_parse,
    .infer = concat_infer,
    .joins_pixels = joins_pixels,
    .reach = concat_reach,
    .forward = concat_forward,
    .backward = concat_backward,
};
