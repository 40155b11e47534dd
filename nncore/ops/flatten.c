/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flatten: to a matrix; the dimensions before @axis become its rows, the others its columns. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/copy.h"
#include "nncore/ops/traits.h"

typedef struct {
  int64_t axis;
} Flatten;

static bool
flatten_parse(NnAttributes *attributes, void *data, GError **error)
{
  Flatten *params = data;
  return nn_attributes_int(attributes, "axis", 1, &params->axis, error);
}

static bool
flatten_infer(NnInfer *infer, GError **error)
{
  const Flatten *params = infer->params;
  if (!nn_check_present(infer, 0, error) || !nn_shape_check(&infer->in[0].shape, error))
    return false;
  const NnShape *in = &infer->in[0].shape;
  int axis = in->rank; /* allowed here, unlike elsewhere: everything becomes rows */
  if (params->axis != in->rank && !nn_shape_axis(in, params->axis, &axis, error))
    return false;
  NnShape out = NN_SHAPE(nn_shape_product(in, 0, axis), nn_shape_product(in, axis, in->rank));
  return nn_set_output(infer, infer->in[0].dtype, &out, error);
}

const NnOp nn_op_flatten = {
    .onnx_name = "Flatten",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_PLAIN,
    .params_bytes = sizeof(Flatten),
    .parse = flatten_parse,
    .infer = flatten_infer,
    .operations = nn_operations_none,
    .forward = nn_copy_forward,
    .backward = nn_copy_backward,
};
