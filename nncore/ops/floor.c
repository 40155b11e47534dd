/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floor: the largest whole number not above x. No gradient: flat almost everywhere. Any layout. */
#include "nncore/ops/unary.h"

static bool
floor_parse(NnAttributes *attributes, void *params, GError **error)
{
  *(NnUnary *)params = (NnUnary){.kind = NN_UNARY_FLOOR};
  return true;
}

const NnOp nn_op_floor = NN_STEP_OP("Floor", floor_parse);
