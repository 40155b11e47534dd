/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stand-in for a node that the engine cannot run: whoever needs it gets its sentence. */
#include "nncore/base/error.h"
#include "nncore/onnx/import.h"

static bool
infer(NnInfer *infer, GError **error)
{
  const NnUnsupported *params = infer->params;
  g_set_error_literal(error, NN_ERROR, NN_ERROR_UNSUPPORTED, params->message);
  return false;
}

const NnOp nn_op_unsupported = {
    .onnx_name = "unsupported",
    .max_inputs = NN_MAX_INPUTS,
    .max_outputs = NN_MAX_INPUTS,
    .params_bytes = sizeof(NnUnsupported),
    .infer = infer,
};
