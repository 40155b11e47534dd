/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mod: the remainder of a / b, with the sign of b, or of a (fmod = 1), with multidirectional
 * broadcasting. No gradient: made for integers. Any layout. */
#include "nncore/ops/binary.h"

typedef struct {
  int64_t fmod;
} Mod;

static bool
mod_parse(NnAttributes *attributes, void *data, GError **error)
{
  Mod *params = data;
  return nn_attributes_int(attributes, "fmod", 0, &params->fmod, error);
}

static void
mod_forward(const NnOpRun *run)
{
  const Mod *params = run->params;
  nn_binary_forward(run, params->fmod != 0 ? NN_BINARY_REMAINDER : NN_BINARY_MODULO);
}

const NnOp nn_op_mod = {
    .onnx_name = "Mod",
    .min_inputs = 2,
    .max_inputs = 2,
    .max_outputs = 1,
    .layout = NN_TAKES_ANY,
    .params_bytes = sizeof(Mod),
    .parse = mod_parse,
    .infer = nn_binary_infer,
    .reach = nn_reach_pointwise,
    .forward = mod_forward,
};
