/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reshape: the same elements in ONNX's order under the shape that input 1 holds, where 0 stands
 * for the input's dimension at that place (unless allowzero) and one -1 for whatever is left. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/copy.h"
#include "nncore/ops/traits.h"

typedef struct {
  int64_t allow_zero;
} Reshape;

static bool
reshape_parse(NnAttributes *attributes, void *data, GError **error)
{
  Reshape *params = data;
  return nn_attributes_int(attributes, "allowzero", 0, &params->allow_zero, error);
}

static bool
set_malformed(GError **error)
{
  g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
              _("The new shape that this layer asks for is impossible."));
  return false;
}

/* The asked-for shape with 0 replaced and -1 as 1; @free_axis is where the -1 was, or -1. */
static bool
read_shape(const NnTensor *asked, const NnShape *in, bool allow_zero, NnShape *out, int *free_axis,
           GError **error)
{
  if (asked->dtype != NN_DTYPE_INT64 || asked->shape.rank != 1 || asked->shape.dim[0] > NN_MAX_RANK)
    return set_malformed(error);
  *free_axis = -1;
  out->rank = (int)asked->shape.dim[0];
  for (int i = 0; i < out->rank; i++) {
    int64_t dim = asked->i[i];
    bool is_free = dim == -1, copies = dim == 0 && !allow_zero;
    if (dim < -1 || (is_free && *free_axis >= 0) || (copies && i >= in->rank))
      return set_malformed(error);
    if (is_free)
      *free_axis = i;
    out->dim[i] = is_free ? 1 : copies ? in->dim[i] : dim;
  }
  return nn_shape_check(out, error);
}

static bool
reshape_infer(NnInfer *infer, GError **error)
{
  const Reshape *params = infer->params;
  const NnTensor *asked = nn_constant(infer, 1);
  if (!nn_check_present(infer, 0, error) || !nn_check_present(infer, 1, error) ||
      !nn_shape_check(&infer->in[0].shape, error))
    return false;
  if (asked == NULL) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("The new shape of this layer is computed while the network runs, which is not "
                  "supported."));
    return false;
  }
  const NnShape *in = &infer->in[0].shape;
  NnShape out;
  int free_axis;
  if (!read_shape(asked, in, params->allow_zero != 0, &out, &free_axis, error))
    return false;
  int64_t count = nn_shape_count(in), known = nn_shape_count(&out);
  if (free_axis >= 0 && known > 0 && count % known == 0)
    out.dim[free_axis] = count / known;
  if (nn_shape_count(&out) == count && (free_axis < 0 || known > 0))
    return nn_set_output(infer, infer->in[0].dtype, &out, error);
  g_autofree char *text_in = nn_shape_to_string(in), *text_out = nn_shape_to_string(&out);
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("The shape %s cannot become %s. The network may allow only one picture size."),
              text_in, text_out);
  return false;
}

const NnOp nn_op_reshape = {
    .onnx_name = "Reshape",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << 1,
    .layout = NN_TAKES_PLAIN,
    .params_bytes = sizeof(Reshape),
    .parse = reshape_parse,
    .infer = reshape_infer,
    .operations = nn_operations_none,
    .forward = nn_copy_forward,
    .backward = nn_copy_backward,
};
