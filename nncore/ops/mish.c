/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mish: y = x tanh (log (1 + e^x)). Any layout. */
#include "nncore/ops/unary.h"

static bool
mish_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_MISH};
  return true;
}

const NnOp nn_op_mish = NN_UNARY_OP("Mish", mish_parse);
