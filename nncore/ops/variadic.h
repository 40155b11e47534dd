/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Sum, Mean, Max and Min have in common: any number of broadcast inputs. */
#pragma once

#include "nncore/kernels/broadcast.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

/** nn_variadic_infer: an infer function: all float, or all int64. */
bool nn_variadic_infer(NnInfer *infer, GError **error);

/** nn_variadic_forward: ((in[0] @binary in[1]) @binary in[2]) ... */
void nn_variadic_forward(const NnOpRun *run, NnBinary binary);

/** nn_variadic_sum_backward: every input gets @scale times the gradient. */
void nn_variadic_sum_backward(const NnOpRun *run, float scale);

/** nn_variadic_pick_*: of the largest or smallest: the gradient goes to the first input that has
 * the result. */
unsigned nn_variadic_pick_keeps(const void *params, unsigned varying);
size_t nn_variadic_pick_scratch_bytes(const NnInfer *infer, int threads, bool gradient);
void nn_variadic_pick_backward(const NnOpRun *run);
