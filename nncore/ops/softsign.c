/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Softsign: y = x / (1 + |x|). Any layout. */
#include "nncore/ops/unary.h"

static bool
softsign_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_SOFTSIGN};
  return true;
}

const NnOp nn_op_softsign = NN_UNARY_OP("Softsign", softsign_parse);
