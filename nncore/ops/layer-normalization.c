/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LayerNormalization: y = scale (x - mean) / sqrt (variance + epsilon) + shift, mean and variance
 * over all axes from one on. The mean and the inverse deviation can be had as outputs 1 and 2. */
#include "nncore/kernels/elementwise.h"
#include "nncore/ops/normed.h"

typedef struct {
  float epsilon;
  int64_t axis;
} Params;

static bool
layer_normalization_parse(NnAttributes *attributes, void *data, GError **error)
{
  Params *params = data;
  return nn_attributes_float(attributes, "epsilon", 1e-5f, &params->epsilon, error) &&
         nn_attributes_int(attributes, "axis", -1, &params->axis, error);
}

static NnNormSets
sets_of(const Params *params, const NnShape *shape)
{
  int axis;
  if (!nn_shape_axis(shape, params->axis, &axis, NULL))
    g_assert_not_reached();
  return (NnNormSets){nn_shape_product(shape, 0, axis), 1, 1,
                      nn_shape_product(shape, axis, shape->rank), false};
}

static bool
layer_normalization_infer(NnInfer *infer, GError **error)
{
  const Params *params = infer->params;
  const NnShape *shape = &infer->in[NN_NORMED_X].shape;
  int axis;
  if (!nn_infer_same(infer, error) || !nn_shape_axis(shape, params->axis, &axis, error) ||
      !nn_normed_check(infer, nn_shape_product(shape, axis, shape->rank), error))
    return false;
  NnShape reduced = *shape;
  for (int i = axis; i < shape->rank; i++)
    reduced.dim[i] = 1;
  for (int o = 1; o < infer->n_outputs; o++)
    infer->out[o] = (NnType){reduced, NN_DTYPE_FLOAT, true};
  return true;
}

static size_t
layer_normalization_aux_bytes(const NnInfer *infer)
{
  NnNormSets sets = sets_of(infer->params, &infer->in[NN_NORMED_X].shape);
  return nn_normed_bytes(&sets);
}

static size_t
layer_normalization_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  NnNormSets sets = sets_of(infer->params, &infer->in[NN_NORMED_X].shape);
  return nn_normed_scratch_bytes(&sets, threads);
}

static void
layer_normalization_forward(const NnOpRun *run)
{
  const Params *params = run->params;
  NnNormSets sets = sets_of(params, &run->in[NN_NORMED_X].shape);
  NnNormStatistics *statistics = run->aux != NULL ? run->aux : run->scratch;
  nn_normed_forward(run, &sets, params->epsilon, statistics);
  for (int o = 1; o < run->n_outputs; o++)
    for (int64_t i = 0; run->out[o].data != NULL && i < sets.outer; i++)
      run->out[o].f[i] = o == 1 ? statistics[i].mean : statistics[i].inverse;
}

static void
layer_normalization_backward(const NnOpRun *run)
{
  NnNormSets sets = sets_of(run->params, &run->in[NN_NORMED_X].shape);
  if (run->grad_out[0].data == NULL) { /* outputs 1 and 2 pass no gradient */
    nn_fill(run->context, run->grad_in[0].f, 0, nn_shape_count(&run->in[0].shape));
    return;
  }
  nn_normed_backward(run, &sets, run->aux);
}

const NnOp nn_op_layer_normalization = {
    .onnx_name = "LayerNormalization",
    .min_inputs = 2,
    .max_inputs = 3,
    .max_outputs = 3,
    .constant_inputs = 1u << NN_NORMED_SCALE | 1u << NN_NORMED_SHIFT,
    .layout = NN_TAKES_PLAIN,
    .params_bytes = sizeof(Params),
    .parse = layer_normalization_parse,
    .infer = layer_normalization_infer,
    .aux_bytes = layer_normalization_aux_bytes,
    .scratch_bytes = layer_normalization_scratch_bytes,
    .operations = nn_normed_operations,
    .keeps = nn_normed_keeps,
    .forward = layer_normalization_forward,
    .backward = layer_normalization_backward,
};
