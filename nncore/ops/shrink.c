/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shrink: y = x - bias above lambd, x + bias below -lambd, 0 between. Any layout. */
#include "nncore/ops/unary.h"

static bool
shrink_parse(NnAttributes *attributes, void *params, GError **error)
{
  NnUnary *unary = params;
  unary->kind = NN_UNARY_SHRINK;
  return nn_attributes_float(attributes, "lambd", 0.5f, &unary->a, error) &&
         nn_attributes_float(attributes, "bias", 0, &unary->b, error);
}

const NnOp nn_op_shrink = NN_UNARY_OP("Shrink", shrink_parse);
