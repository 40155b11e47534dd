/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sign: -1, 0 or 1. No gradient: flat almost everywhere. Any layout. */
#include "nncore/ops/unary.h"

static bool
sign_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_SIGN};
  return true;
}

const NnOp nn_op_sign = NN_STEP_OP("Sign", sign_parse);
