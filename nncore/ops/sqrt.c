/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sqrt: the square root. Any layout. */
#include "nncore/ops/unary.h"

static bool
sqrt_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_SQRT};
  return true;
}

const NnOp nn_op_sqrt = NN_UNARY_OP("Sqrt", sqrt_parse);
