/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Elu: y = x, and alpha (e^x - 1) where x < 0. Any layout. */
#include "nncore/ops/unary.h"

static bool
elu_parse(NnAttributes *attributes, void *params, GError **error)
{
  NnUnary *unary = params;
  unary->kind = NN_UNARY_ELU;
  return nn_attributes_float(attributes, "alpha", 1, &unary->a, error);
}

const NnOp nn_op_elu = NN_UNARY_OP("Elu", elu_parse);
