/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cos: y = cos x. Any layout. */
#include "nncore/ops/unary.h"

static bool
cos_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_COS};
  return true;
}

const NnOp nn_op_cos = NN_UNARY_OP("Cos", cos_parse);
