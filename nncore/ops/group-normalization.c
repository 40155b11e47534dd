/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GroupNormalization: y = scale (x - mean) / sqrt (variance + epsilon) + shift, mean and variance
 * of each group of channels of each picture; scale and shift by channel, or, before opset 21, by
 * group (by_group). Channels-last. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/ops/normed.h"

typedef struct {
  float epsilon;
  int64_t groups, by_group;
} Params;

static bool
group_normalization_parse(NnAttributes *attributes, void *data, GError **error)
{
  Params *params = data;
  return nn_attributes_float(attributes, "epsilon", 1e-5f, &params->epsilon, error) &&
         nn_attributes_int(attributes, "num_groups", 0, &params->groups, error) &&
         nn_attributes_int(attributes, "by_group", 0, &params->by_group, error);
}

static NnNormSets
sets_of(const Params *params, const NnShape *shape)
{
  int64_t pixels = nn_shape_product(shape, 2, shape->rank);
  return (NnNormSets){shape->dim[0], pixels, params->groups, shape->dim[1] / params->groups,
                      params->by_group != 0};
}

static bool
group_normalization_infer(NnInfer *infer, GError **error)
{
  const Params *params = infer->params;
  const NnShape *shape = &infer->in[NN_NORMED_X].shape;
  if (!nn_check_present(infer, NN_NORMED_X, error) || !nn_check_rank(shape, 2, 5, error))
    return false;
  if (params->groups < 1 || shape->dim[1] % params->groups != 0) {
    g_autofree char *text = nn_shape_to_string(shape);
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                _("The channels of the shape %s do not divide into %d groups."), text,
                (int)CLAMP(params->groups, G_MININT, G_MAXINT));
    return false;
  }
  int64_t count = params->by_group != 0 ? params->groups : shape->dim[1];
  return nn_normed_check(infer, count, error) && nn_infer_same(infer, error);
}

static size_t
group_normalization_aux_bytes(const NnInfer *infer)
{
  NnNormSets sets = sets_of(infer->params, &infer->in[NN_NORMED_X].shape);
  return nn_normed_bytes(&sets);
}

/* the statistics where no gradient is wanted */
static size_t
group_normalization_scratch_bytes(const NnInfer *infer, int threads, bool gradient)
{
  return group_normalization_aux_bytes(infer);
}

static void
group_normalization_forward(const NnOpRun *run)
{
  const Params *params = run->params;
  NnNormSets sets = sets_of(params, &run->in[NN_NORMED_X].shape);
  nn_normed_forward(run, &sets, params->epsilon, run->aux != NULL ? run->aux : run->scratch);
}

static void
group_normalization_backward(const NnOpRun *run)
{
  NnNormSets sets = sets_of(run->params, &run->in[NN_NORMED_X].shape);
  nn_normed_backward(run, &sets, run->aux);
}

const NnOp nn_op_group_normalization = {
    .onnx_name = "GroupNormalization",
    .min_inputs = 3,
    .max_inputs = 3,
    .max_outputs = 1,
    .constant_inputs = 1u << NN_NORMED_SCALE | 1u << NN_NORMED_SHIFT,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(Params),
    .parse = group_normalization_parse,
    .infer = group_normalization_infer,
    .aux_bytes = group_normalization_aux_bytes,
    .scratch_bytes = group_normalization_scratch_bytes,
    .keeps = nn_normed_keeps,
    .forward = group_normalization_forward,
    .backward = group_normalization_backward,
};
