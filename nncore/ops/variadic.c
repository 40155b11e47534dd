/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Sum, Mean, Max and Min have in common. */
#include "nncore/ops/variadic.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"

bool
nn_variadic_infer(NnInfer *infer, GError **error)
{
  if (!nn_check_present(infer, 0, error))
    return false;
  NnShape shape = infer->in[0].shape;
  for (int i = 1; i < infer->n_inputs; i++) {
    if (!nn_check_present(infer, i, error))
      return false;
    if (infer->in[i].dtype != infer->in[0].dtype) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                  _("This layer combines integers with fractional numbers."));
      return false;
    }
    if (!nn_shape_broadcast(&shape, &infer->in[i].shape, &shape, error))
      return false;
  }
  return nn_set_output(infer, infer->in[0].dtype, &shape, error);
}

/* the second operand of the last step is left out where there is one input: a copy */
void
nn_variadic_forward(const NnOpRun *run, NnBinary binary)
{
  const NnTensor *out = &run->out[0];
  float one = 1;
  int64_t integer_one = 1;
  NnTensor unit = {.dtype = out->dtype};
  unit.data = out->dtype == NN_DTYPE_FLOAT ? (void *)&one : &integer_one;
  NnActivation none = {NN_ACTIVATION_NONE, 0};
  int n = run->n_inputs;
  if (n == 1) {
    nn_broadcast_binary(run->context, NN_BINARY_MULTIPLY, &run->in[0], &unit, out, run->activation,
                        run->activation_bits);
    return;
  }
  /* an input smaller than the result would be read in part: spread the first one, once */
  bool spread = n > 2;
  if (spread)
    nn_broadcast_binary(run->context, NN_BINARY_MULTIPLY, &run->in[0], &unit, out, none, NULL);
  for (int i = 1; i < n; i++)
    nn_broadcast_binary(run->context, binary, spread ? out : &run->in[0], &run->in[i], out,
                        i == n - 1 ? run->activation : none,
                        i == n - 1 ? run->activation_bits : NULL);
}

void
nn_variadic_sum_backward(const NnOpRun *run, float scale)
{
  for (int i = 0; i < run->n_inputs; i++)
    if (run->grad_in[i].data != NULL)
      nn_broadcast_sum(run->context, &run->grad_out[0], NULL, scale, &run->grad_in[i]);
}

unsigned
nn_variadic_pick_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_OUTPUT | (NN_KEEPS_INPUT(30) - 1);
}

size_t
nn_variadic_pick_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return gradient ? (size_t)nn_shape_count(&infer->out[0].shape) * sizeof(float) : 0;
}

void
nn_variadic_pick_backward(const NnOpRun *run)
{
  NnTensor rest = run->grad_out[0], part = run->grad_out[0];
  part.data = run->scratch;
  for (int i = 0; i < run->n_inputs; i++) {
    if (run->grad_in[i].data != NULL) {
      nn_broadcast_select(run->context, NN_SELECT_IF_EQUAL, &run->in[i], &run->out[0], &rest,
                          &part);
      nn_broadcast_sum(run->context, &part, NULL, 1, &run->grad_in[i]);
    }
    if (i < run->n_inputs - 1)
      nn_broadcast_select(run->context, NN_SELECT_IF_UNEQUAL, &run->in[i], &run->out[0], &rest,
                          &rest);
  }
}
