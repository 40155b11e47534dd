/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators on kernels/sample.h have in common: Resize, Pad, Slice, Tile. */
#pragma once

#include "nncore/kernels/sample.h"
#include "nncore/ops/checks.h"

/** nn_sampled_scratch_bytes: for up to @taps on every axis; input and output have equal rank. */
size_t nn_sampled_scratch_bytes(const NnInfer *infer, int taps, bool weights, bool gradient);

/** NnSampledFunc: fills @sample, with tables at @scratch, from the shapes of run->in and run->out;
 * returns what follows the tables. */
typedef void *(*NnSampledFunc)(const NnOpRun *run, NnSample *sample, void *scratch);

void nn_sampled_forward(const NnOpRun *run, NnSampledFunc describe);
void nn_sampled_backward(const NnOpRun *run, NnSampledFunc describe);
