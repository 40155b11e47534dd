/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where: y = a where the condition is true, else b, with multidirectional broadcasting. Any
 * layout. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/kernels/broadcast.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

enum { CONDITION, A, B };

static bool
where_infer(NnInfer *infer, GError **error)
{
  for (int i = CONDITION; i <= B; i++)
    if (!nn_check_present(infer, i, error))
      return false;
  const NnType *in = infer->in;
  if (in[CONDITION].dtype != NN_DTYPE_INT64 || in[A].dtype != in[B].dtype) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED,
                        _("The inputs of this layer have types that do not belong together."));
    return false;
  }
  NnShape shape;
  return nn_shape_broadcast(&in[A].shape, &in[B].shape, &shape, error) &&
         nn_shape_broadcast(&in[CONDITION].shape, &shape, &shape, error) &&
         nn_set_output(infer, in[A].dtype, &shape, error);
}

static void
where_forward(const NnOpRun *run)
{
  nn_broadcast_select(run->context, NN_SELECT_WHERE, &run->in[CONDITION], &run->in[A], &run->in[B],
                      &run->out[0]);
}

static unsigned
where_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(CONDITION);
}

static size_t
where_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return gradient ? (size_t)nn_shape_count(&infer->out[0].shape) * sizeof(float) : 0;
}

static void
where_backward(const NnOpRun *run)
{
  float none = 0;
  NnTensor zero = {.dtype = NN_DTYPE_FLOAT, .f = &none};
  for (int i = A; i <= B; i++) {
    if (run->grad_in[i].data == NULL)
      continue;
    NnTensor chosen = run->grad_out[0];
    chosen.data = run->scratch;
    nn_broadcast_select(run->context, NN_SELECT_WHERE, &run->in[CONDITION],
                        i == A ? &run->grad_out[0] : &zero, i == A ? &zero : &run->grad_out[0],
                        &chosen);
    nn_broadcast_sum(run->context, &chosen, NULL, 1, &run->grad_in[i]);
  }
}

const NnOp nn_op_where = {
    .onnx_name = "Where",
    .min_inputs = 3,
    .max_inputs = 3,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = where_infer,
    .reach = nn_reach_pointwise,
    .keeps = where_keeps,
    .scratch_bytes = where_scratch_bytes,
    .forward = where_forward,
    .backward = where_backward,
};
