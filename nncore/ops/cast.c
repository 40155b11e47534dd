/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cast between numbers. Inside the engine there are float32 and int64 only, so a cast among the
 * floating-point types changes nothing (half-precision networks run in full precision), nor does
 * one between int32 and int64. */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/ops/cast.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/copy.h"
#include "nncore/ops/traits.h"

typedef struct {
  NnDtype to;
  bool truth; /* BOOL: 0 or 1 */
} Cast;

/* by TensorProto.DataType */
static const char *const type_names[] = {
    NULL,   "FLOAT",   "UINT8",  "INT8",   "UINT16", "INT16",     "INT32",      "INT64",   "STRING",
    "BOOL", "FLOAT16", "DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16"};

static bool
cast_parse(NnAttributes *attributes, void *data, GError **error)
{
  Cast *params = data;
  int64_t to, saturate; /* saturate matters to 8-bit floats only */
  if (!nn_attributes_int(attributes, "to", 0, &to, error) ||
      !nn_attributes_int(attributes, "saturate", 1, &saturate, error))
    return false;
  switch (to) {
  case 1:  /* FLOAT */
  case 10: /* FLOAT16 */
  case 11: /* DOUBLE */
  case 16: /* BFLOAT16 */
    params->to = NN_DTYPE_FLOAT;
    return true;
  case 9: /* BOOL */
    params->to = NN_DTYPE_INT64;
    params->truth = true;
    return true;
  case 6: /* INT32 */
  case 7: /* INT64 */
    params->to = NN_DTYPE_INT64;
    return true;
  default:
    if (to > 0 && to < (int64_t)G_N_ELEMENTS(type_names))
      g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                  _("Converting numbers to the type %s is not supported."), type_names[to]);
    else
      g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                  _("Converting numbers to the type with number %d is not supported."),
                  (int)CLAMP(to, G_MININT, G_MAXINT));
    return false;
  }
}

static bool
cast_infer(NnInfer *infer, GError **error)
{
  const Cast *params = infer->params;
  return nn_check_present(infer, 0, error) &&
         nn_set_output(infer, params->to, &infer->in[0].shape, error);
}

/* towards zero; what does not fit becomes the nearest that does, NaN becomes 0 */
static int64_t
to_integer(float value)
{
  if (!(fabsf(value) < 9.2e18f))
    return value > 0 ? INT64_MAX : value < 0 ? INT64_MIN : 0;
  return (int64_t)value;
}

void
nn_cast_forward(const NnOpRun *run)
{
  const NnTensor *in = &run->in[0], *out = &run->out[0];
  int64_t count = nn_shape_count(&in->shape);
  if (in->dtype == out->dtype)
    nn_copy_forward(run);
  else if (in->dtype == NN_DTYPE_INT64)
    for (int64_t i = 0; i < count; i++)
      out->f[i] = (float)in->i[i];
  else
    for (int64_t i = 0; i < count; i++)
      out->i[i] = to_integer(in->f[i]);
}

static void
cast_forward(const NnOpRun *run)
{
  const Cast *params = run->params;
  const NnTensor *in = &run->in[0];
  if (!params->truth) {
    nn_cast_forward(run);
    return;
  }
  for (int64_t i = 0; i < nn_shape_count(&in->shape); i++)
    run->out[0].i[i] = in->dtype == NN_DTYPE_FLOAT ? in->f[i] != 0 : in->i[i] != 0;
}

const NnOp nn_op_cast = {
    .onnx_name = "Cast",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(Cast),
    .parse = cast_parse,
    .infer = cast_infer,
    .reach = nn_reach_pointwise,
    .forward = cast_forward,
    .backward = nn_copy_backward,
};
