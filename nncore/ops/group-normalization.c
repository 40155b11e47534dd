/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GroupNormalization: y = scale (x - mean) / sqrt (variance + epsilon) + shift, mean and variance
 * of each group of channels of each picture; scale and shift by channel, or, before opset 21, by
 * group (by_group). Channels-last. */
#include "nncore/ops/grouped.h"

static bool
group_normalization_parse(NnAttributes *attributes, void *data, GError **error)
{
  NnGrouped *params = data;
  return nn_attributes_float(attributes, "epsilon", 1e-5f, &params->epsilon, error) &&
         nn_attributes_int(attributes, "num_groups", -1, &params->groups, error) &&
         nn_attributes_int(attributes, "by_group", 0, &params->by_group, error);
}

const NnOp nn_op_group_normalization = {
    .onnx_name = "GroupNormalization",
    .min_inputs = 3,
    .max_inputs = 3,
    .max_outputs = 1,
    .constant_inputs = 1u << NN_NORMED_SCALE | 1u << NN_NORMED_SHIFT,
    .layout = NN_TAKES_CHANNELS_LAST,
    .params_bytes = sizeof(NnGrouped),
    .parse = group_normalization_parse,
    .infer = nn_grouped_infer,
    .aux_bytes = nn_grouped_aux_bytes,
    .scratch_bytes = nn_grouped_scratch_bytes,
    .operations = nn_normed_operations,
    .keeps = nn_normed_keeps,
    .forward = nn_grouped_forward,
    .backward = nn_grouped_backward,
};
