/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Squeeze: drops the dimensions of 1 that input 1 names, or all of them. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/copy.h"
#include "nncore/ops/traits.h"

static bool
squeeze_infer(NnInfer *infer, GError **error)
{
  int64_t axes[2 * NN_MAX_RANK];
  int count;
  unsigned mask;
  const NnShape *in = &infer->in[0].shape;
  if (!nn_check_present(infer, 0, error) || !nn_constant_ints(infer, 1, axes, &count, error) ||
      !nn_axes_mask(axes, count, in->rank, &mask, error))
    return false;
  NnShape out = {0};
  for (int i = 0; i < in->rank; i++) {
    bool named = (mask >> i & 1) != 0;
    if (named && in->dim[i] != 1 && count >= 0) {
      g_autofree char *text = nn_shape_to_string(in);
      g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                  _("Dimension %d of the shape %s is not 1 and cannot be dropped."), i, text);
      return false;
    }
    if (!named || in->dim[i] != 1)
      out.dim[out.rank++] = in->dim[i];
  }
  return nn_set_output(infer, infer->in[0].dtype, &out, error);
}

const NnOp nn_op_squeeze = {
    .onnx_name = "Squeeze",
    .min_inputs = 1,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << 1,
    .layout = NN_TAKES_PLAIN,
    .infer = squeeze_infer,
    .operations = nn_operations_none,
    .forward = nn_copy_forward,
    .backward = nn_copy_backward,
};
