/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators on single numbers have in common: their params are an NnUnary, which parse
 * fills, and the rest of the row is the same. */
#pragma once

#include "nncore/kernels/unary.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

bool nn_unary_infer(NnInfer *infer, GError **error);
unsigned nn_unary_keeps(const void *params, unsigned varying);
void nn_unary_forward(const NnOpRun *run);
void nn_unary_backward(const NnOpRun *run);

/** NN_UNARY_OP: the initialiser of a row. Any layout. */
#define NN_UNARY_OP(name, parse_function) \
  { \
      .onnx_name = (name), \
      .min_inputs = 1, \
      .max_inputs = 1, \
      .max_outputs = 1, \
      .layout = NN_TAKES_ANY, \
      .params_bytes = sizeof(NnUnary), \
      .parse = (parse_function), \
      .infer = nn_unary_infer, \
      .reach = nn_reach_pointwise, \
      .keeps = nn_unary_keeps, \
      .forward = nn_unary_forward, \
      .backward = nn_unary_backward, \
  }

/** NN_STEP_OP: of a function that is flat almost everywhere: no gradient passes. */
#define NN_STEP_OP(name, parse_function) \
  { \
      .onnx_name = (name), \
      .min_inputs = 1, \
      .max_inputs = 1, \
      .max_outputs = 1, \
      .layout = NN_TAKES_ANY, \
      .params_bytes = sizeof(NnUnary), \
      .parse = (parse_function), \
      .infer = nn_unary_infer, \
      .reach = nn_reach_pointwise, \
      .forward = nn_unary_forward, \
  }
