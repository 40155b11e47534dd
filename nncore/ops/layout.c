/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The internal operator that changes the memory order; graph/pass-layout.c inserts it. It may
 * also raise the rank by leading dimensions of 1, for broadcasting. */
#include "nncore/ops/checks.h"
#include "nncore/ops/op.h"
#include "nncore/ops/traits.h"

static bool
infer(NnInfer *infer, GError **error)
{
  const NnLayoutParams *params = infer->params;
  if (!nn_check_rank(&infer->in[0].shape, 0, params->rank, error))
    return false;
  infer->out[0] = infer->in[0];
  infer->out[0].shape = nn_layout_raise(&infer->in[0].shape, params->rank);
  return true;
}

NnShape
nn_layout_raise(const NnShape *shape, int rank)
{
  NnShape raised = {.rank = rank};
  for (int i = 0; i < rank; i++) {
    int from = i - (rank - shape->rank);
    raised.dim[i] = from >= 0 ? shape->dim[from] : 1;
  }
  return raised;
}

/* only plain tensors get another rank, and their elements keep their order */
static NnTensor
raised_view(const NnTensor *tensor, int rank)
{
  NnTensor view = *tensor;
  view.shape = nn_layout_raise(&tensor->shape, rank);
  return view;
}

static void
forward(const NnOpRun *run)
{
  NnTensor from = raised_view(&run->in[0], run->out[0].shape.rank);
  NnTensor to = run->out[0];
  nn_tensor_copy(&from, &to);
}

static void
backward(const NnOpRun *run)
{
  if (run->grad_in[0].data == NULL)
    return;
  NnTensor to = raised_view(&run->grad_in[0], run->grad_out[0].shape.rank);
  nn_tensor_copy(&run->grad_out[0], &to);
}

const NnOp nn_op_layout = {
    .onnx_name = "(memory order)",
    .min_inputs = 1,
    .max_inputs = 1,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(NnLayoutParams),
    .infer = infer,
    .reach = nn_reach_pointwise,
    .forward = forward,
    .backward = backward,
};
