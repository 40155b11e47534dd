/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Softplus: y = log (1 + e^x). Any layout. */
#include "nncore/ops/unary.h"

static bool
softplus_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_SOFTPLUS};
  return true;
}

const NnOp nn_op_softplus = NN_UNARY_OP("Softplus", softplus_parse);
