/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators on single numbers have in common. */
#include "nncore/ops/unary.h"

/* in shape arithmetic */
static bool
takes_integers(NnUnaryKind kind)
{
  return kind == NN_UNARY_ABS || kind == NN_UNARY_NEG || kind == NN_UNARY_SIGN;
}

bool
nn_unary_infer(NnInfer *infer, GError **error)
{
  const NnUnary *unary = infer->params;
  if (!nn_check_present(infer, 0, error))
    return false;
  if (infer->in[0].dtype == NN_DTYPE_INT64 && takes_integers(unary->kind))
    return nn_set_output(infer, NN_DTYPE_INT64, &infer->in[0].shape, error);
  return nn_infer_same(infer, error);
}

unsigned
nn_unary_keeps(const void *params, unsigned varying)
{
  const NnUnary *unary = params;
  return unary->kind == NN_UNARY_NEG ? 0 : NN_KEEPS_INPUT(0);
}

/* unsigned, since the smallest number has no opposite */
static int64_t
integer_value(NnUnaryKind kind, int64_t x)
{
  if (kind == NN_UNARY_SIGN)
    return (x > 0) - (x < 0);
  return x < 0 || kind == NN_UNARY_NEG ? (int64_t)(0 - (uint64_t)x) : x;
}

void
nn_unary_forward(const NnOpRun *run)
{
  const NnUnary *unary = run->params;
  int64_t count = nn_shape_count(&run->in[0].shape);
  if (run->in[0].dtype == NN_DTYPE_FLOAT)
    nn_unary_apply(run->context, *unary, run->in[0].f, run->out[0].f, count);
  else
    for (int64_t i = 0; i < count; i++)
      run->out[0].i[i] = integer_value(unary->kind, run->in[0].i[i]);
}

void
nn_unary_backward(const NnOpRun *run)
{
  const NnUnary *unary = run->params;
  const float *x = run->in[0].data != NULL ? run->in[0].f : run->grad_out[0].f; /* Neg: any */
  nn_unary_gradient(run->context, *unary, x, run->grad_out[0].f, run->grad_in[0].f,
                    nn_shape_count(&run->in[0].shape));
}
