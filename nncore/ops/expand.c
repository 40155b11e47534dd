/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expand: broadcasts its input against the shape that input 1 holds. Any layout. */
#include "nncore/kernels/broadcast.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

static bool
expand_infer(NnInfer *infer, GError **error)
{
  int64_t dims[2 * NN_MAX_RANK];
  int count;
  if (!nn_check_present(infer, 0, error) || !nn_check_present(infer, 1, error) ||
      !nn_constant_ints(infer, 1, dims, &count, error))
    return false;
  NnShape asked = {.rank = count};
  if (!nn_check_rank(&asked, 0, NN_MAX_RANK, error))
    return false;
  for (int i = 0; i < count; i++)
    asked.dim[i] = dims[i];
  NnShape out;
  return nn_shape_check(&asked, error) &&
         nn_shape_broadcast(&infer->in[0].shape, &asked, &out, error) &&
         nn_set_output(infer, infer->in[0].dtype, &out, error);
}

static void
expand_forward(const NnOpRun *run)
{
  float one = 1;
  int64_t integer_one = 1;
  NnTensor unit = {.dtype = run->in[0].dtype};
  unit.data = unit.dtype == NN_DTYPE_FLOAT ? (void *)&one : &integer_one;
  nn_broadcast_binary(run->context, NN_BINARY_MULTIPLY, &run->in[0], &unit, &run->out[0],
                      (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
}

static void
expand_backward(const NnOpRun *run)
{
  nn_broadcast_sum(run->context, &run->grad_out[0], NULL, 1, &run->grad_in[0]);
}

const NnOp nn_op_expand = {
    .onnx_name = "Expand",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << 1,
    .layout = NN_TAKES_ANY,
    .infer = expand_infer,
    .reach = nn_reach_pointwise,
    .forward = expand_forward,
    .backward = expand_backward,
};
