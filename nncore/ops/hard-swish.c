/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HardSwish: y = x times x / 6 + 1 / 2 kept in 0 to 1. Any layout. */
#include "nncore/ops/unary.h"

static bool
hard_swish_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_HARD_SWISH};
  return true;
}

const NnOp nn_op_hard_swish = NN_UNARY_OP("HardSwish", hard_swish_parse);
