/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ceil: the smallest whole number not below x. No gradient: flat almost everywhere. Any layout. */
#include "nncore/ops/unary.h"

static bool
ceil_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_CEIL};
  return true;
}

const NnOp nn_op_ceil = NN_STEP_OP("Ceil", ceil_parse);
