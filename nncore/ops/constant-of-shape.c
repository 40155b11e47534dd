/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ConstantOfShape: a tensor of the shape that input 0 holds, full of one number: input 1 (an
 * attribute in the file, which the importer made an input), or 0.0. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/checks.h"

enum { SHAPE, VALUE };

static bool
constant_of_shape_infer(NnInfer *infer, GError **error)
{
  int64_t dims[2 * NN_MAX_RANK];
  int count;
  if (!nn_check_present(infer, SHAPE, error) ||
      !nn_constant_ints(infer, SHAPE, dims, &count, error))
    return false;
  if (nn_has_input(infer, VALUE) && nn_shape_count(&infer->in[VALUE].shape) != 1) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("The value that this layer repeats is not one number."));
    return false;
  }
  NnShape out = {.rank = count};
  if (!nn_check_rank(&out, 0, NN_MAX_RANK, error))
    return false;
  for (int i = 0; i < count; i++)
    out.dim[i] = dims[i];
  NnDtype dtype = nn_has_input(infer, VALUE) ? infer->in[VALUE].dtype : NN_DTYPE_FLOAT;
  return nn_set_output(infer, dtype, &out, error);
}

static void
constant_of_shape_forward(const NnOpRun *run)
{
  bool given = run->n_inputs > VALUE && run->in[VALUE].data != NULL;
  int64_t count = nn_shape_count(&run->out[0].shape);
  if (run->out[0].dtype == NN_DTYPE_FLOAT)
    for (int64_t i = 0; i < count; i++)
      run->out[0].f[i] = given ? run->in[VALUE].f[0] : 0;
  else
    for (int64_t i = 0; i < count; i++)
      run->out[0].i[i] = run->in[VALUE].i[0];
}

const NnOp nn_op_constant_of_shape = {
    .onnx_name = "ConstantOfShape",
    .min_inputs = 1,
    .max_inputs = 2,
    .max_outputs = 1,
    .constant_inputs = 1u << SHAPE | 1u << VALUE,
    .layout = NN_TAKES_PLAIN,
    .infer = constant_of_shape_infer,
    .forward = constant_of_shape_forward,
};
