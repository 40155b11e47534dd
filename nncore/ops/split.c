/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Split: cuts its input along one axis into as many parts as it has outputs, of the lengths that
 * input 1 holds, or of equal length (the last one shorter where it does not come out even). Any
 * layout. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/base/round.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/joined.h"
#include "nncore/ops/traits.h"

typedef struct {
  int64_t axis;
  int64_t parts; /* num_outputs; 0: as many as the node has */
} Split;

enum { X, LENGTHS };

static bool
split_parse(NnAttributes *attributes, void *data, GError **error)
{
  Split *params = data;
  return nn_attributes_int(attributes, "axis", 0, &params->axis, error) &&
         nn_attributes_int(attributes, "num_outputs", 0, &params->parts, error);
}

static bool
check_lengths(const NnTensor *lengths, int parts, int64_t dim, GError **error)
{
  bool fits = lengths->dtype == NN_DTYPE_INT64 && nn_shape_count(&lengths->shape) == parts;
  int64_t sum = 0;
  for (int i = 0; fits && i < parts; i++) {
    fits = lengths->i[i] >= 0 && lengths->i[i] <= dim;
    sum += fits ? lengths->i[i] : 0;
  }
  if (fits && sum == dim)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("The lengths of the parts that this layer cuts do not fit its input."));
  return false;
}

static bool
split_infer(NnInfer *infer, GError **error)
{
  const Split *params = infer->params;
  int axis, parts = infer->n_outputs;
  if (!nn_check_present(infer, X, error) ||
      !nn_shape_axis(&infer->in[X].shape, params->axis, &axis, error))
    return false;
  const NnTensor *lengths = nn_constant(infer, LENGTHS);
  NnShape shape = infer->in[X].shape;
  int64_t dim = shape.dim[axis], step = nn_divide_up(dim, parts);
  if (nn_has_input(infer, LENGTHS) && lengths == NULL) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("Input %d of this layer is computed from the picture's contents, which is not "
                  "supported."),
                LENGTHS + 1);
    return false;
  }
  if (params->parts != 0 && params->parts != parts) {
    g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                _("The attribute “%s” has the impossible value %d."), "num_outputs",
                (int)CLAMP(params->parts, G_MININT, G_MAXINT));
    return false;
  }
  if (lengths != NULL && !check_lengths(lengths, parts, dim, error))
    return false;
  for (int i = 0; i < parts; i++) {
    int64_t rest = MAX(dim - i * step, 0);
    shape.dim[axis] = lengths != NULL ? lengths->i[i] : MIN(step, rest);
    infer->out[i] = (NnType){shape, infer->in[X].dtype, true};
  }
  return nn_shape_check(&infer->in[X].shape, error);
}

/* lengths are found anew, since an output that nobody wants has no shape here */
static void
transfer(const NnOpRun *run, const NnTensor *parts, const NnTensor *whole, bool split)
{
  const Split *params = run->params;
  int axis, count;
  if (!nn_shape_axis(&whole->shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  const int64_t *lengths = nn_run_ints(run, LENGTHS, &count);
  int64_t dim = whole->shape.dim[axis], begin = 0;
  int64_t step = nn_divide_up(dim, run->n_outputs);
  for (int i = 0; i < run->n_outputs; i++) {
    int64_t length = lengths != NULL ? lengths[i] : MIN(step, dim - begin);
    nn_joined_part(run->context, parts[i].data, begin, length, whole, axis, split);
    begin += length;
  }
}

static void
split_forward(const NnOpRun *run)
{
  transfer(run, run->out, &run->in[X], true);
}

static void
split_backward(const NnOpRun *run)
{
  bool all = true;
  for (int i = 0; i < run->n_outputs; i++)
    all = all && run->grad_out[i].data != NULL;
  if (!all)
    nn_fill(run->context, run->grad_in[X].f, 0, nn_shape_count(&run->grad_in[X].shape));
  transfer(run, run->grad_out, &run->grad_in[X], false);
}

static void
split_reach(const NnInfer *infer, int input, NnReach *reach)
{
  const Split *params = infer->params;
  int axis;
  if (!nn_shape_axis(&infer->in[X].shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  nn_reach_beside(axis, reach);
}

const NnOp nn_op_split = {
    .onnx_name = "Split",
    .min_inputs = 1,
    .max_inputs = 2,
    .max_outputs = NN_MAX_INPUTS,
    .constant_inputs = 1u << LENGTHS,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(Split),
    .parse = split_parse,
    .infer = split_infer,
    .reach = split_reach,
    .forward = split_forward,
    .backward = split_backward,
};
