/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Round: to the nearest whole number, halves to the even one. No gradient: flat almost everywhere. Any layout. */
#include "nncore/ops/unary.h"

static bool
round_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_ROUND};
  return true;
}

const NnOp nn_op_round = NN_STEP_OP("Round", round_parse);
