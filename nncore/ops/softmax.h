/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Softmax and LogSoftmax have in common. */
#pragma once

#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

/** NnSoftmax: @coerce_2d: over all axes from @axis on, as opsets before 13 had it */
typedef struct {
  int64_t axis, coerce_2d;
} NnSoftmax;

bool nn_softmax_parse(NnAttributes *attributes, void *params, GError **error);
bool nn_softmax_infer(NnInfer *infer, GError **error);
void nn_softmax_reach(const NnInfer *infer, int input, NnReach *reach);
unsigned nn_softmax_keeps(const void *params, unsigned varying);
void nn_softmax_forward(const NnOpRun *run, bool log);
void nn_softmax_backward(const NnOpRun *run, bool log);
