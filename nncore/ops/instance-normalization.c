/* SPDX-License-Identifier: GPL-3.0-or-later */
/* InstanceNormalization: y = scale (x - mean) / sqrt (variance + epsilon) + shift, mean and
 * variance of each channel of each picture. Channels-last. */
#include "nncore/ops/normed.h"

typedef struct {
  float epsilon;
} Params;

static bool
instance_normalization_parse(NnAttributes *attributes, void *data, GError **error)
{
  Params *params = data;
  return nn_attributes_float(attributes, "epsilon", 1e-5f, &params->epsilon, error);
}

static NnNormSets
sets_of(const Params *params, const NnShape *shape)
{
  int64_t pixels = nn_shape_product(shape, 2, shape->rank);
  return (NnNormSets){shape->dim[0], pixels, shape->dim[1], 1, false};
}

static bool
instance_normalization_infer(NnInfer *infer, GError **error)
{
  const NnShape *shape = &infer->in[NN_NORMED_X].shape;
  return nn_check_present(infer, NN_NORMED_X, error) && nn_check_rank(shape, 2, 5, error) &&
         nn_normed_check(infer, shape->dim[1], error) && nn_infer_same(infer, error);
}

static size_t
instance_normalization_aux_bytes(const NnInfer *infer)
{
  NnNormSets sets = sets_of(infer->params, &infer->in[NN_NORMED_X].shape);
  return nn_normed_bytes(&sets);
}

/* the statistics where no gradient is wanted */
static size_t
instance_normalization_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return instance_normalization_aux_bytes(infer);
}

static void
instance_normalization_forward(const NnOpRun *run)
{
  const Params *params = run->params;
  NnNormSets sets = sets_of(params, &run->in[NN_NORMED_X].shape);
  nn_normed_forward(run, &sets, params->epsilon, run->aux != NULL ? run->aux : run->scratch);
}

static void
instance_normalization_backward(const NnOpRun *run)
{
  NnNormSets sets = sets_of(run->params, &run->in[NN_NORMED_X].shape);
  nn_normed_backward(run, &sets, run->aux);
}

const NnOp nn_op_instance_normalization = {
    .onnx_name = "InstanceNormalization",
    .min_inputs = 3,
    .max_inputs = 3,
    .max_outputs = 1,
    .constant_inputs = 1u << NN_NORMED_SCALE | 1u << NN_NORMED_SHIFT,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(Params),
    .parse = instance_normalization_parse,
    .infer = instance_normalization_infer,
    .aux_bytes = instance_normalization_aux_bytes,
    .scratch_bytes = instance_normalization_scratch_bytes,
    .keeps = nn_normed_keeps,
    .forward = instance_normalization_forward,
    .backward = instance_normalization_backward,
};
