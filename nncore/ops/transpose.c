/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transpose: axis i of the result is axis perm[i] of the input; without perm, all reversed. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/kernels/permute.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

typedef struct {
  int count; /* 0: reversed */
  int64_t perm[NN_MAX_RANK];
} Transpose;

static bool
transpose_parse(NnAttributes *attributes, void *data, GError **error)
{
  Transpose *params = data;
  return nn_attributes_ints(attributes, "perm", params->perm, NN_MAX_RANK, &params->count, error);
}

static void
order_of(const Transpose *params, int rank, int order[NN_MAX_RANK])
{
  for (int i = 0; i < rank; i++) {
    int64_t axis = params->count > 0 ? params->perm[i] : rank - 1 - i;
    order[i] = (int)(axis < 0 ? axis + rank : axis);
  }
}

static bool
transpose_infer(NnInfer *infer, GError **error)
{
  const Transpose *params = infer->params;
  if (!nn_check_present(infer, 0, error))
    return false;
  const NnShape *in = &infer->in[0].shape;
  unsigned mask;
  if (params->count > 0 && params->count != in->rank) {
    g_autofree char *text = nn_shape_to_string(in);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE, _("%d axes to rearrange do not fit the shape %s."),
                params->count, text);
    return false;
  }
  if (params->count > 0 && !nn_axes_mask(params->perm, params->count, in->rank, &mask, error))
    return false;
  int order[NN_MAX_RANK];
  order_of(params, in->rank, order);
  NnShape out = {.rank = in->rank};
  for (int i = 0; i < in->rank; i++)
    out.dim[i] = in->dim[order[i]];
  return nn_set_output(infer, infer->in[0].dtype, &out, error);
}

static void
transpose_forward(const NnOpRun *run)
{
  int order[NN_MAX_RANK];
  const NnTensor *in = &run->in[0];
  order_of(run->params, in->shape.rank, order);
  nn_permute(run->context, in->shape.rank, in->shape.dim, order, nn_dtype_size(in->dtype), in->data,
             run->out[0].data);
}

static void
transpose_backward(const NnOpRun *run)
{
  int order[NN_MAX_RANK], back[NN_MAX_RANK];
  const NnTensor *from = &run->grad_out[0];
  order_of(run->params, from->shape.rank, order);
  for (int i = 0; i < from->shape.rank; i++)
    back[order[i]] = i;
  nn_permute(run->context, from->shape.rank, from->shape.dim, back, sizeof(float), from->data,
             run->grad_in[0].data);
}

static void
transpose_reach(const NnInfer *infer, int input, NnReach *reach)
{
  int order[NN_MAX_RANK], rank = infer->in[0].shape.rank;
  order_of(infer->params, rank, order);
  nn_reach_beside(0, reach);
  for (int i = 2; i < rank; i++)
    reach->everywhere |= order[i] != i;
}

const NnOp nn_op_transpose = {
    .onnx_name = "Transpose",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_PLAIN,
    .params_bytes = sizeof(Transpose),
    .parse = transpose_parse,
    .infer = transpose_infer,
    .reach = transpose_reach,
    .forward = transpose_forward,
    .backward = transpose_backward,
};
