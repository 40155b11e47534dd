/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pow: y = a to the power of b, with multidirectional broadcasting. Any layout. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/binary.h"

enum { BASE, EXPONENT };

/* an exponent of whole numbers may stand over a fractional base, not the other way round */
static bool
pow_infer(NnInfer *infer, GError **error)
{
  bool mixed = nn_has_input(infer, BASE) && nn_has_input(infer, EXPONENT) &&
               infer->in[BASE].dtype == NN_DTYPE_FLOAT &&
               infer->in[EXPONENT].dtype == NN_DTYPE_INT64;
  if (!mixed)
    return nn_binary_infer(infer, error);
  const NnTensor *exponent = nn_constant(infer, EXPONENT);
  if (exponent != NULL && nn_shape_count(&exponent->shape) == 1 &&
      exponent->shape.rank <= infer->in[BASE].shape.rank)
    return nn_infer_same(infer, error);
  g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
              _("This layer raises to powers that are whole numbers but not one constant."));
  return false;
}

/* the whole number, as a fractional one at @value */
static NnTensor
exponent_of(const NnOpRun *run, float *value)
{
  NnTensor exponent = run->in[EXPONENT];
  if (exponent.dtype == run->in[BASE].dtype)
    return exponent;
  *value = (float)exponent.i[0];
  return (NnTensor){.dtype = NN_DTYPE_FLOAT, .f = value};
}

static void
pow_forward(const NnOpRun *run)
{
  float value;
  NnTensor exponent = exponent_of(run, &value);
  nn_broadcast_binary(run->context, NN_BINARY_POWER, &run->in[BASE], &exponent, &run->out[0],
                      run->activation, run->activation_bits);
}

static void
pow_backward(const NnOpRun *run)
{
  float value;
  const NnTensor in[] = {run->in[BASE], exponent_of(run, &value)};
  NnOpRun mixed = *run;
  mixed.in = in;
  nn_binary_backward(&mixed, NN_BINARY_POWER);
}

const NnOp nn_op_pow = {
    .onnx_name = "Pow",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .fuses_activation = true,
    .infer = pow_infer,
    .reach = nn_reach_pointwise,
    .keeps = nn_binary_keeps,
    .scratch_bytes = nn_binary_scratch_bytes,
    .forward = pow_forward,
    .backward = pow_backward,
};
