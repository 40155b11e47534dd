/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exp: y = e^x. Any layout. */
#include "nncore/ops/unary.h"

static bool
exp_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_EXP};
  return true;
}

const NnOp nn_op_exp = NN_UNARY_OP("Exp", exp_parse);
