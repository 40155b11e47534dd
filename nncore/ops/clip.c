/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clip: y = min (max (x, input 1), input 2), both scalars and optional. A bound that is computed
 * must be known before the run. The gradient passes from bound to bound, both included. Any
 * layout. */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/kernels/unary.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

enum { X, LOWER, UPPER };

static bool
clip_infer(NnInfer *infer, GError **error)
{
  if (!nn_check_present(infer, X, error))
    return false;
  for (int i = LOWER; i <= UPPER; i++) {
    if (!nn_has_input(infer, i))
      continue;
    if (infer->in[i].dtype != infer->in[X].dtype || nn_shape_count(&infer->in[i].shape) != 1) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                  _("A bound of this layer is not one number of its input's type."));
      return false;
    }
  }
  return nn_set_output(infer, infer->in[X].dtype, &infer->in[X].shape, error);
}

static bool
has_bound(const NnOpRun *run, int input)
{
  return input < run->n_inputs && run->in[input].data != NULL;
}

static NnUnary
clip_of(const NnOpRun *run)
{
  return (NnUnary){.kind = NN_UNARY_CLIP,
                   .a = has_bound(run, LOWER) ? run->in[LOWER].f[0] : -INFINITY,
                   .b = has_bound(run, UPPER) ? run->in[UPPER].f[0] : INFINITY};
}

static void
clip_forward(const NnOpRun *run)
{
  int64_t count = nn_shape_count(&run->in[X].shape);
  if (run->in[X].dtype == NN_DTYPE_FLOAT) {
    nn_unary_apply(run->context, clip_of(run), run->in[X].f, run->out[0].f, count);
    return;
  }
  int64_t lower = has_bound(run, LOWER) ? run->in[LOWER].i[0] : INT64_MIN;
  int64_t upper = has_bound(run, UPPER) ? run->in[UPPER].i[0] : INT64_MAX;
  for (int64_t i = 0; i < count; i++)
    run->out[0].i[i] = MIN(MAX(run->in[X].i[i], lower), upper);
}

static unsigned
clip_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(X);
}

static void
clip_backward(const NnOpRun *run)
{
  nn_unary_gradient(run->context, clip_of(run), run->in[X].f, run->grad_out[0].f, run->grad_in[X].f,
                    nn_shape_count(&run->in[X].shape));
}

/* @bound: (inout): left alone where there is none */
static bool
read_bound(const NnInfer *infer, int input, float *bound)
{
  if (!nn_has_input(infer, input))
    return true;
  if (infer->constants[input] == NULL)
    return false;
  *bound = infer->constants[input]->f[0];
  return true;
}

static NnActivation
clip_as_activation(const NnInfer *infer)
{
  NnActivation clip = {.kind = NN_ACTIVATION_CLIP, .low = -INFINITY, .high = INFINITY};
  bool known = infer->in[X].dtype == NN_DTYPE_FLOAT && read_bound(infer, LOWER, &clip.low) &&
               read_bound(infer, UPPER, &clip.high);
  return known ? clip : (NnActivation){NN_ACTIVATION_NONE, 0};
}

const NnOp nn_op_clip = {
    .onnx_name = "Clip",
    .min_inputs = 1,
    .max_inputs = 3,
    .max_outputs = 1,
    .constant_inputs = 1u << LOWER | 1u << UPPER,
    .layout = NN_TAKES_ANY,
    .as_activation = clip_as_activation,
    .is_rectifier = true,
    .infer = clip_infer,
    .reach = nn_reach_pointwise,
    .keeps = clip_keeps,
    .forward = clip_forward,
    .backward = clip_backward,
};
