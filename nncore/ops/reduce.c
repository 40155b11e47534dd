/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the Reduce operators have in common. */
#include "nncore/ops/reduce.h"

bool
nn_reduce_parse(NnAttributes *attributes, void *data, GError **error)
{
  NnReduceParams *params = data;
  return nn_attributes_int(attributes, "keepdims", 1, &params->keep_dims, error) &&
         nn_attributes_int(attributes, "noop_with_empty_axes", 0, &params->noop, error);
}

static unsigned
mask_of(const NnReduceParams *params, const int64_t *axes, int count, int rank)
{
  unsigned mask;
  if (count == 0) /* an empty list is as good as none */
    count = -1;
  if (count < 0 && params->noop != 0)
    return 0;
  if (!nn_axes_mask(axes, count, rank, &mask, NULL))
    g_assert_not_reached();
  return mask;
}

bool
nn_reduce_infer_any(NnInfer *infer, GError **error)
{
  const NnReduceParams *params = infer->params;
  int64_t axes[2 * NN_MAX_RANK];
  int count;
  unsigned mask;
  const NnShape *in = &infer->in[0].shape;
  if (!nn_check_present(infer, 0, error) || !nn_shape_check(in, error) ||
      !nn_constant_ints(infer, 1, axes, &count, error) ||
      !nn_axes_mask(axes, count, in->rank, &mask, error))
    return false;
  mask = mask_of(params, axes, count, in->rank);
  NnShape out = {0};
  for (int i = 0; i < in->rank; i++)
    if (!(mask >> i & 1))
      out.dim[out.rank++] = in->dim[i];
    else if (params->keep_dims != 0)
      out.dim[out.rank++] = 1;
  return nn_set_output(infer, infer->in[0].dtype, &out, error);
}

bool
nn_reduce_infer(NnInfer *infer, GError **error)
{
  return nn_check_floats(infer, 0, 0, error) && nn_reduce_infer_any(infer, error);
}

NnTensor
nn_reduce_view(const NnOpRun *run, const NnTensor *result)
{
  int count;
  const NnShape *in = &run->in[0].shape;
  const int64_t *axes = nn_run_ints(run, 1, &count);
  unsigned mask = mask_of(run->params, axes, count, in->rank);
  NnTensor view = *result;
  view.layout = run->in[0].layout;
  view.shape = *in;
  for (int i = 0; i < in->rank; i++)
    if (mask >> i & 1)
      view.shape.dim[i] = 1;
  return view;
}

int64_t
nn_reduce_count(const NnOpRun *run)
{
  return nn_shape_count(&run->in[0].shape) / MAX(nn_shape_count(&run->out[0].shape), 1);
}

bool
nn_reduce_over_space(const NnInfer *infer)
{
  int64_t axes[2 * NN_MAX_RANK];
  int count, rank = infer->in[0].shape.rank;
  if (rank < 3 || !nn_constant_ints(infer, 1, axes, &count, NULL))
    return false;
  return mask_of(infer->params, axes, count, rank) == (1u << rank) - 1 - 3;
}

static int64_t
integer_fold(NnReduce reduce, int64_t sum, int64_t x)
{
  switch (reduce) {
  case NN_REDUCE_MAXIMUM:
    return MAX(sum, x);
  case NN_REDUCE_MINIMUM:
    return MIN(sum, x);
  case NN_REDUCE_PRODUCT:
    return (int64_t)((uint64_t)sum * (uint64_t)x);
  default:
    return (int64_t)((uint64_t)sum + (uint64_t)x);
  }
}

void
nn_reduce_integers(const NnOpRun *run, NnReduce reduce)
{
  const NnTensor *in = &run->in[0];
  NnTensor out = nn_reduce_view(run, &run->out[0]);
  int64_t dims[NN_MAX_RANK], out_dims[NN_MAX_RANK];
  nn_tensor_memory_dims(in, dims);
  nn_tensor_memory_dims(&out, out_dims);
  for (int64_t i = 0; i < nn_shape_count(&out.shape); i++)
    out.i[i] = reduce == NN_REDUCE_MAXIMUM   ? INT64_MIN
               : reduce == NN_REDUCE_MINIMUM ? INT64_MAX
               : reduce == NN_REDUCE_PRODUCT ? 1
                                             : 0;
  for (int64_t i = 0; i < nn_shape_count(&in->shape); i++) {
    int64_t rest = i, at = 0, step = 1;
    for (int d = in->shape.rank - 1; d >= 0; d--) {
      at += out_dims[d] == 1 ? 0 : rest % dims[d] * step;
      rest /= dims[d];
      step *= out_dims[d];
    }
    out.i[at] = integer_fold(reduce, out.i[at], in->i[i]);
  }
}

size_t
nn_reduce_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return gradient ? (size_t)nn_shape_count(&infer->out[0].shape) * sizeof(float) : 0;
}

unsigned
nn_reduce_pick_keeps(const void *params, unsigned varying)
{
  return NN_KEEPS_INPUT(0) | NN_KEEPS_OUTPUT;
}

void
nn_reduce_pick_forward(const NnOpRun *run, NnReduce reduce)
{
  if (run->in[0].dtype == NN_DTYPE_INT64) {
    nn_reduce_integers(run, reduce);
    return;
  }
  NnTensor out = nn_reduce_view(run, &run->out[0]);
  nn_broadcast_reduce(run->context, reduce, &run->in[0], NULL, &out);
}

void
nn_reduce_pick_backward(const NnOpRun *run)
{
  NnTensor y = nn_reduce_view(run, &run->out[0]), g = nn_reduce_view(run, &run->grad_out[0]);
  NnTensor winners = g;
  winners.data = run->scratch;
  nn_broadcast_reduce(run->context, NN_REDUCE_COUNT_EQUAL, &run->in[0], &y, &winners);
  nn_broadcast_binary(run->context, NN_BINARY_DIVIDE, &g, &winners, &winners,
                      (NnActivation){NN_ACTIVATION_NONE, 0}, NULL);
  nn_broadcast_select(run->context, NN_SELECT_IF_EQUAL, &run->in[0], &y, &winners,
                      &run->grad_in[0]);
}
