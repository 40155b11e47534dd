/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Celu: y = max (x, 0) + min (alpha (e^(x / alpha) - 1), 0). Any layout. */
#include "nncore/ops/unary.h"

static bool
celu_parse(NnAttributes *attributes, void *params, GError **error)
{
  NnUnary *unary = params;
  unary->kind = NN_UNARY_CELU;
  return nn_attributes_float(attributes, "alpha", 1, &unary->a, error);
}

const NnOp nn_op_celu = NN_UNARY_OP("Celu", celu_parse);
