/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators on two broadcast inputs have in common. */
#include "nncore/ops/binary.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"

static bool
infer_as(NnInfer *infer, const NnDtype *dtype, GError **error)
{
  if (!nn_check_present(infer, 0, error) || !nn_check_present(infer, 1, error))
    return false;
  const NnType *a = &infer->in[0], *b = &infer->in[1];
  if (a->dtype != b->dtype) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("This layer combines integers with fractional numbers."));
    return false;
  }
  NnShape shape;
  return nn_shape_broadcast(&a->shape, &b->shape, &shape, error) &&
         nn_set_output(infer, dtype != NULL ? *dtype : a->dtype, &shape, error);
}

bool
nn_binary_infer(NnInfer *infer, GError **error)
{
  return infer_as(infer, NULL, error);
}

void
nn_binary_forward(const NnOpRun *run, NnBinary binary)
{
  nn_broadcast_binary(run->context, binary, &run->in[0], &run->in[1], &run->out[0], run->activation,
                      run->activation_bits);
}

unsigned
nn_binary_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0) | NN_KEEPS_INPUT(1);
}

size_t
nn_binary_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return gradient ? (size_t)nn_shape_count(&infer->out[0].shape) * sizeof(float) : 0;
}

void
nn_binary_backward(const NnOpRun *run, NnBinary binary)
{
  for (int i = 0; i < 2; i++) {
    const NnTensor *to = &run->grad_in[i];
    if (to->data == NULL)
      continue;
    bool whole = nn_shape_equal(&to->shape, &run->grad_out[0].shape);
    NnTensor products = run->grad_out[0];
    products.data = whole ? to->data : run->scratch;
    nn_broadcast_binary_gradient(run->context, binary, i, &run->in[0], &run->in[1],
                                 &run->grad_out[0], &products);
    if (!whole)
      nn_broadcast_sum(run->context, &products, NULL, 1, to);
  }
}

bool
nn_compare_infer(NnInfer *infer, GError **error)
{
  return infer_as(infer, &(NnDtype){NN_DTYPE_INT64}, error);
}

void
nn_compare_forward(const NnOpRun *run, NnCompare compare)
{
  nn_broadcast_compare(run->context, compare, &run->in[0], &run->in[1], &run->out[0]);
}
