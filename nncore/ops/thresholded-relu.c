/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ThresholdedRelu: y = x where x > alpha, else 0. Any layout. */
#include "nncore/ops/unary.h"

static bool
thresholded_relu_parse(NnAttributes *attributes, void *params, GError **error)
{
  NnUnary *unary = params;
  unary->kind = NN_UNARY_THRESHOLDED_RELU;
  return nn_attributes_float(attributes, "alpha", 1, &unary->a, error);
}

const NnOp nn_op_thresholded_relu = NN_UNARY_OP("ThresholdedRelu", thresholded_relu_parse);
