/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Erf: the Gauss error function, of which exporters build Gelu. Any layout. */
#include "nncore/ops/unary.h"

static bool
erf_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_ERF};
  return true;
}

const NnOp nn_op_erf = NN_UNARY_OP("Erf", erf_parse);
