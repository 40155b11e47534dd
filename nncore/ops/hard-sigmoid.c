/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HardSigmoid: y = alpha x + beta, kept in 0 to 1. Any layout. */
#include "nncore/ops/unary.h"

static bool
hard_sigmoid_parse(NnAttributes *attributes, void *params, GError **error)
{
  NnUnary *unary = params;
  unary->kind = NN_UNARY_HARD_SIGMOID;
  return nn_attributes_float(attributes, "alpha", 0.2f, &unary->a, error) &&
         nn_attributes_float(attributes, "beta", 0.5f, &unary->b, error);
}

const NnOp nn_op_hard_sigmoid = NN_UNARY_OP("HardSigmoid", hard_sigmoid_parse);
