/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Neg: y = -x. Any layout. */
#include "nncore/ops/unary.h"

static bool
neg_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_NEG};
  return true;
}

const NnOp nn_op_neg = NN_UNARY_OP("Neg", neg_parse);
