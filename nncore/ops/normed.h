/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators on kernels/norm.h have in common: input 0, then constant scale and shift. */
#pragma once

#include "nncore/kernels/norm.h"
#include "nncore/ops/checks.h"
#include "nncore/ops/traits.h"

enum { NN_NORMED_X, NN_NORMED_SCALE, NN_NORMED_SHIFT };

/** nn_normed_check: whether scale and shift, where given, have @count elements each. */
bool nn_normed_check(const NnInfer *infer, int64_t count, GError **error);

/** nn_normed_keeps: a keeps function: input 0. */
unsigned nn_normed_keeps(const void *params, unsigned varying);

/** nn_normed_operations: an operations function: mean, variance and result. */
int64_t nn_normed_operations(const NnInfer *infer);

/** nn_normed_bytes: of the statistics. */
size_t nn_normed_bytes(const NnNormSets *sets);

/** nn_normed_scratch_bytes: the statistics, where no gradient is wanted, and the kernel's memory. */
size_t nn_normed_scratch_bytes(const NnNormSets *sets, int threads);

/** nn_normed_forward: @statistics: where they go. nn_normed_backward: to input 0. */
void nn_normed_forward(const NnOpRun *run, const NnNormSets *sets, float epsilon,
                       NnNormStatistics *statistics);
void nn_normed_backward(const NnOpRun *run, const NnNormSets *sets,
                        const NnNormStatistics *statistics);
