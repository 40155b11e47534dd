/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Size: how many elements its input has. */
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

static bool
size_infer(NnInfer *infer, GError **error)
{
  return nn_check_present(infer, 0, error) &&
         nn_set_output(infer, NN_DTYPE_INT64, &(NnShape){0}, error);
}

static void
size_forward(const NnOpRun *run)
{
  run->out[0].i[0] = nn_shape_count(&run->in[0].shape);
}

const NnOp nn_op_size = {
    .onnx_name = "Size",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .reads_shapes_only = true,
    .infer = size_infer,
    .operations = nn_operations_none,
    .forward = size_forward,
};
