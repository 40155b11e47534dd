/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reciprocal: y = 1 / x. Any layout. */
#include "nncore/ops/unary.h"

static bool
reciprocal_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_RECIPROCAL};
  return true;
}

const NnOp nn_op_reciprocal = NN_UNARY_OP("Reciprocal", reciprocal_parse);
