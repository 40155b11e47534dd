/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shape: the dimensions of its input, from start up to end, as whole numbers. */
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

typedef struct {
  int64_t start, end;
} Shape;

static bool
shape_parse(NnAttributes *attributes, void *data, GError **error)
{
  Shape *params = data;
  return nn_attributes_int(attributes, "start", 0, &params->start, error) &&
         nn_attributes_int(attributes, "end", INT64_MAX, &params->end, error);
}

static void
shape_range(const Shape *params, int rank, int *start, int *end)
{
  int64_t first = params->start < 0 ? params->start + rank : params->start;
  int64_t last = params->end < 0 ? params->end + rank : params->end;
  *start = (int)CLAMP(first, 0, rank);
  *end = (int)CLAMP(last, *start, rank);
}

static bool
shape_infer(NnInfer *infer, GError **error)
{
  int start, end;
  if (!nn_check_present(infer, 0, error))
    return false;
  shape_range(infer->params, infer->in[0].shape.rank, &start, &end);
  return nn_set_output(infer, NN_DTYPE_INT64, &NN_SHAPE(end - start), error);
}

static void
shape_forward(const NnOpRun *run)
{
  int start, end;
  shape_range(run->params, run->in[0].shape.rank, &start, &end);
  for (int i = start; i < end; i++)
    run->out[0].i[i - start] = run->in[0].shape.dim[i];
}

const NnOp nn_op_shape = {
    .onnx_name = "Shape",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .reads_shapes_only = true,
    .params_bytes = sizeof(Shape),
    .parse = shape_parse,
    .infer = shape_infer,
    .operations = nn_operations_none,
    .forward = shape_forward,
};
