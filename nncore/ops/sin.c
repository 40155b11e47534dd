/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sin: y = sin x. Any layout. */
#include "nncore/ops/unary.h"

static bool
sin_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_SIN};
  return true;
}

const NnOp nn_op_sin = NN_UNARY_OP("Sin", sin_parse);
