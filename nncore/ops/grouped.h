/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Normalisation over groups of channels of each picture: what GroupNormalization and
 * InstanceNormalization (a group a channel) share. All functions are hooks of an NnOp. */
#pragma once

#include "nncore/ops/normed.h"

#define NN_GROUPED_BY_CHANNEL 0

/** NnGrouped: @groups: how many, or NN_GROUPED_BY_CHANNEL; @by_group: scale and shift have one
 * element a group, not a channel. */
typedef struct {
  float epsilon;
  int64_t groups, by_group;
} NnGrouped;

bool nn_grouped_infer(NnInfer *infer, GError **error);
size_t nn_grouped_aux_bytes(const NnInfer *infer);
size_t nn_grouped_scratch_bytes(const NnInfer *infer, int threads, bool gradient);
void nn_grouped_forward(const NnOpRun *run);
void nn_grouped_backward(const NnOpRun *run);
