/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identity: y = x. graph/ removes it. */
#include "nncore/ops/checks.h"
#include "nncore/ops/copy.h"
#include "nncore/ops/traits.h"

static bool
identity_infer(NnInfer *infer, GError **error)
{
  return nn_check_present(infer, 0, error) &&
         nn_set_output(infer, infer->in[0].dtype, &infer->in[0].shape, error);
}

const NnOp nn_op_identity = {
    .onnx_name = "Identity",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .is_identity = true,
    .infer = identity_infer,
    .reach = nn_reach_pointwise,
    .operations = nn_operations_none,
    .forward = nn_copy_forward,
    .backward = nn_copy_backward,
};
