/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log: the natural logarithm. Any layout. */
#include "nncore/ops/unary.h"

static bool
log_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_LOG};
  return true;
}

const NnOp nn_op_log = NN_UNARY_OP("Log", log_parse);
