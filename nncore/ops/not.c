/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Not: 1 where x is 0, else 0. No gradient. Any layout. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

static bool
not_infer(NnInfer *infer, GError **error)
{
  if (!nn_check_present(infer, 0, error))
    return false;
  if (infer->in[0].dtype != NN_DTYPE_INT64) {
    g_set_error_literal(error, NN_ERROR, NN_ERROR_MALFORMED,
                        _("This layer has fractional numbers where truth values are needed."));
    return false;
  }
  return nn_set_output(infer, NN_DTYPE_INT64, &infer->in[0].shape, error);
}

static void
not_forward(const NnOpRun *run)
{
  int64_t count = nn_shape_count(&run->in[0].shape);
  for (int64_t i = 0; i < count; i++)
    run->out[0].i[i] = run->in[0].i[i] == 0;
}

const NnOp nn_op_not = {
    .onnx_name = "Not",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = not_infer,
    .reach = nn_reach_pointwise,
    .forward = not_forward,
};
