/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Selu: y = gamma x, and gamma alpha (e^x - 1) where x < 0. Any layout. */
#include "nncore/ops/unary.h"

static bool
selu_parse(NnAttributes *attributes, void *params, GError **error)
{
  NnUnary *unary = params;
  unary->kind = NN_UNARY_SELU;
  return nn_attributes_float(attributes, "alpha", 1.67326319217681884765625f, &unary->a, error) &&
         nn_attributes_float(attributes, "gamma", 1.05070102214813232421875f, &unary->b, error);
}

const NnOp nn_op_selu = NN_UNARY_OP("Selu", selu_parse);
