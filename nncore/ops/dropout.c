/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dropout at inference: y = x. graph/ removes it, also where the file says that it trains: nobody
 * does here. Unless somebody wants the mask, which is all true, or, in training, not to be had. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/copy.h"
#include "nncore/ops/traits.h"

enum { DATA, RATIO, TRAINING_MODE, N_INPUTS };

static bool
is_zero(const NnTensor *scalar)
{
  return scalar != NULL && nn_shape_count(&scalar->shape) == 1 &&
         (scalar->dtype == NN_DTYPE_INT64 ? scalar->i[0] == 0 : scalar->f[0] == 0);
}

/* Training with a ratio of 0 drops nothing. */
static bool
drops_nothing(const NnInfer *infer)
{
  return !nn_has_input(infer, TRAINING_MODE) || is_zero(nn_constant(infer, TRAINING_MODE)) ||
         is_zero(nn_constant(infer, RATIO));
}

static bool
dropout_infer(NnInfer *infer, GError **error)
{
  if (!nn_infer_same(infer, error))
    return false;
  if (!drops_nothing(infer)) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("The network was exported for training. Please export it for inference."));
    return false;
  }
  if (infer->n_outputs > 1)
    infer->out[1] = (NnType){infer->out[0].shape, NN_DTYPE_INT64, true};
  return true;
}

static void
dropout_forward(const NnOpRun *run)
{
  nn_copy_forward(run);
  if (run->n_outputs > 1 && run->out[1].data != NULL)
    for (int64_t i = 0; i < nn_shape_count(&run->out[1].shape); i++)
      run->out[1].i[i] = 1;
}

const NnOp nn_op_dropout = {
    .onnx_name = "Dropout",
    .min_inputs = 1,
    .max_inputs = N_INPUTS,
    .max_outputs = 2,
    .constant_inputs = 1u << RATIO | 1u << TRAINING_MODE,
    .layout = NN_TAKES_ANY,
    .is_identity = true,
    .infer = dropout_infer,
    .reach = nn_reach_pointwise,
    .operations = nn_operations_none,
    .forward = dropout_forward,
    .backward = nn_copy_backward,
};
