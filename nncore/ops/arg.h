/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ArgMax and ArgMin have in common. */
#pragma once

#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

typedef struct {
  int64_t axis, keep_dims, select_last;
} NnArgParams;

bool nn_arg_parse(NnAttributes *attributes, void *params, GError **error);
bool nn_arg_infer(NnInfer *infer, GError **error);
void nn_arg_forward(const NnOpRun *run, bool smallest);
