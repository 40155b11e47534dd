/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CastLike: Cast to the type of input 1, whose elements do not matter. */
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/cast.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/copy.h"
#include "nncore/ops/traits.h"

static bool
cast_like_infer(NnInfer *infer, GError **error)
{
  return nn_check_present(infer, 0, error) && nn_check_present(infer, 1, error) &&
         nn_set_output(infer, infer->in[1].dtype, &infer->in[0].shape, error);
}

static void
cast_like_backward(const NnOpRun *run)
{
  nn_copy_backward(run);
  if (run->grad_in[1].data != NULL)
    nn_fill(run->context, run->grad_in[1].f, 0, nn_shape_count(&run->grad_in[1].shape));
}

const NnOp nn_op_cast_like = {
    .onnx_name = "CastLike",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .infer = cast_like_infer,
    .reach = nn_reach_pointwise,
    .forward = nn_cast_forward,
    .backward = cast_like_backward,
};
