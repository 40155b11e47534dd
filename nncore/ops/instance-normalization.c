/* SPDX-License-Identifier: GPL-3.0-or-later */
/* InstanceNormalization: y = scale (x - mean) / sqrt (variance + epsilon) + shift, mean and
 * variance of each channel of each picture. Channels-last. */
#include "nncore/ops/grouped.h"

static bool
instance_normalization_parse(NnAttributes *attributes, void *data, GError **error)
{
  NnGrouped *params = data;
  params->groups = NN_GROUPED_BY_CHANNEL;
  return nn_attributes_float(attributes, "epsilon", 1e-5f, &params->epsilon, error);
}

const NnOp nn_op_instance_normalization = {
    .onnx_name = "InstanceNormalization",
    .min_inputs = 3,
    .max_inputs = 3,
    .max_outputs = 1,
    .constant_inputs = 1u << NN_NORMED_SCALE | 1u << NN_NORMED_SHIFT,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(NnGrouped),
    .parse = instance_normalization_parse,
    .infer = nn_grouped_infer,
    .aux_bytes = nn_grouped_aux_bytes,
    .scratch_bytes = nn_grouped_scratch_bytes,
    .operations = nn_normed_operations,
    .keeps = nn_normed_keeps,
    .forward = nn_grouped_forward,
    .backward = nn_grouped_backward,
};
