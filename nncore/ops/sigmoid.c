/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sigmoid: y = 1 / (1 + e^-x). Any layout. */
#include "nncore/ops/unary.h"

static bool
sigmoid_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_SIGMOID};
  return true;
}

const NnOp nn_op_sigmoid = NN_UNARY_OP("Sigmoid", sigmoid_parse);
