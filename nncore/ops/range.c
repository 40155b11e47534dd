/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Range: the numbers from input 0 up to, not including, input 1 in steps of input 2. */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/ops/checks.h"

enum { START, LIMIT, DELTA };

static double
number(const NnTensor *tensor)
{
  return tensor->dtype == NN_DTYPE_FLOAT ? (double)tensor->f[0] : (double)tensor->i[0];
}

static bool
range_infer(NnInfer *infer, GError **error)
{
  double values[3];
  for (int i = START; i <= DELTA; i++) {
    const NnTensor *tensor = nn_constant(infer, i);
    if (tensor == NULL || nn_shape_count(&tensor->shape) != 1 ||
        tensor->dtype != infer->in[0].dtype) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                  _("The bounds of this layer are not single, known numbers of one type."));
      return false;
    }
    values[i] = number(tensor);
  }
  double count = ceil((values[LIMIT] - values[START]) / values[DELTA]);
  if (values[DELTA] == 0 || !(count < 1e9)) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("This layer asks for a range of numbers without end."));
    return false;
  }
  return nn_set_output(infer, infer->in[0].dtype, &NN_SHAPE(count > 0 ? (int64_t)count : 0), error);
}

static void
range_forward(const NnOpRun *run)
{
  const NnTensor *out = &run->out[0];
  for (int64_t i = 0; i < out->shape.dim[0]; i++)
    if (out->dtype == NN_DTYPE_FLOAT)
      out->f[i] = run->in[START].f[0] + (float)i * run->in[DELTA].f[0];
    else
      out->i[i] =
          (int64_t)((uint64_t)run->in[START].i[0] + (uint64_t)i * (uint64_t)run->in[DELTA].i[0]);
}

const NnOp nn_op_range = {
    .onnx_name = "Range",
    .min_inputs = 3,
    .max_inputs = 3,
    .max_outputs = 1,
    .constant_inputs = 1u << START | 1u << LIMIT | 1u << DELTA,
    .layout = NN_TAKES_PLAIN,
    .infer = range_infer,
    .forward = range_forward,
};
