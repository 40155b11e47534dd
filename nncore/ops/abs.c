/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Abs: y = |x|. Any layout. */
#include "nncore/ops/unary.h"

static bool
abs_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_ABS};
  return true;
}

const NnOp nn_op_abs = NN_UNARY_OP("Abs", abs_parse);
