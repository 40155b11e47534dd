/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tanh: the hyperbolic tangent. Any layout. */
#include "nncore/ops/unary.h"

static bool
tanh_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_TANH};
  return true;
}

const NnOp nn_op_tanh = NN_UNARY_OP("Tanh", tanh_parse);
