/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unsqueeze: dimensions of 1 at the places of the result that input 1 names. */
#include "nncore/ops/checks.h"
#include "nncore/ops/copy.h"
#include "nncore/ops/traits.h"

static bool
unsqueeze_infer(NnInfer *infer, GError **error)
{
  int64_t axes[2 * NN_MAX_RANK];
  int count;
  unsigned mask;
  const NnShape *in = &infer->in[0].shape;
  if (!nn_check_present(infer, 0, error) || !nn_check_present(infer, 1, error) ||
      !nn_constant_ints(infer, 1, axes, &count, error))
    return false;
  NnShape out = {.rank = in->rank + count};
  if (!nn_check_rank(&out, 0, NN_MAX_RANK, error) ||
      !nn_axes_mask(axes, count, out.rank, &mask, error))
    return false;
  for (int i = 0, from = 0; i < out.rank; i++)
    out.dim[i] = mask >> i & 1 ? 1 : in->dim[from++];
  return nn_set_output(infer, infer->in[0].dtype, &out, error);
}

const NnOp nn_op_unsqueeze = {
    .onnx_name = "Unsqueeze",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << 1,
    .layout = NN_TAKES_PLAIN,
    .infer = unsqueeze_infer,
    .operations = nn_operations_none,
    .forward = nn_copy_forward,
    .backward = nn_copy_backward,
};
