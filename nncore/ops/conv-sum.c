/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A convolution whose result something else is added to, as at the end of a residual block:
 *
 *   y = activation (conv (x, w, b) + z)
 *
 * The product's kernels add what lies in the target while the sums are in registers, so where nobody
 * else wants z, y is made in its place and nothing else is read or written. The gradient to z is that
 * to y. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/conv.h"
#include "nncore/ops/traits.h"

enum { SUM = NN_CONV_SUM };

static bool
infer(NnInfer *infer, GError **error)
{
  if (!nn_check_floats(infer, SUM, SUM, error) || !nn_conv_infer(infer, error))
    return false;
  if (nn_shape_equal(&infer->in[SUM].shape, &infer->out[0].shape))
    return true;
  g_autofree char *sum = nn_shape_to_string(&infer->in[SUM].shape);
  g_autofree char *own = nn_shape_to_string(&infer->out[0].shape);
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("The shapes %s and %s cannot be combined element by element."), own, sum);
  return false;
}

static void
reach(const NnInfer *infer, int input, NnReach *out)
{
  if (input == SUM)
    nn_reach_pointwise(infer, input, out);
  else
    nn_conv_reach(infer, input, out);
}

static void
copy_unless_there(NnContext *context, const NnTensor *from, const NnTensor *to)
{
  if (to->data != NULL && to->data != from->data)
    nn_copy_bytes(context, to->data, from->data, nn_tensor_bytes(to));
}

static void
forward(const NnOpRun *run)
{
  NnWindow window;
  NnConvRun there = nn_conv_describe_there(run, &window);
  copy_unless_there(run->context, &run->in[SUM], &run->out[0]);
  there.adds = true;
  nn_conv_there(&there);
}

static void
backward(const NnOpRun *run)
{
  nn_conv_backward(run);
  copy_unless_there(run->context, &run->grad_out[0], &run->grad_in[SUM]);
}

const NnOp nn_op_conv_sum = {
    .onnx_name = "(Conv, Add)",
    .min_inputs = NN_CONV_B, /* the bias may be left out; infer sees to what is behind it */
    .max_inputs = NN_CONV_SUM_INPUTS,
    .max_outputs = 1,
    .constant_inputs = 1u << NN_CONV_W | 1u << NN_CONV_B,
    .layout = NN_TAKES_CHANNELS_LAST,
    .fuses_activation = true,
    .takes_place_of = 1u << SUM,
    .passes_gradient = 1u << SUM,
    .adds_gradient = nn_conv_adds_gradient,
    .gates_gradient = true,
    .params_bytes = sizeof(NnConvParams),
    .infer = infer,
    .prepare = nn_conv_prepare,
    .free_prepared = nn_conv_free_prepared,
    .prepared_bytes = nn_conv_prepared_bytes,
    .stands_for = nn_conv_stands_for,
    .scratch_bytes = nn_conv_op_scratch_bytes,
    .window = nn_conv_find_window,
    .reach = reach,
    .operations = nn_conv_operations,
    .forward = forward,
    .backward = backward,
};
