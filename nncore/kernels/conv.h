/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolution as a gather and a product, channels-last: for blocks of target positions, the
 * source pixels under each tap are gathered into rows (im2col, a block at a time) and multiplied
 * with the weights. One description serves the forward pass, and each phase of the gradient to
 * the input (a strided convolution's gradient falls apart into one plain gather for each residue
 * of the stride). */
#pragma once

#include <stdbool.h>

#include "nncore/base/context.h"
#include "nncore/kernels/activation.h"

/**
 * NnGather:
 * @source_dims, @target_dims: depth, height, width of the stored tensors
 * @source_channels, @target_channels: of the whole tensors, all groups
 * @count: how many target positions an axis has; target position = @target_begin + j @target_step
 * @offsets: @n_taps of them: source position = j @source_step + offset; outside is zero
 * @weights: groups x taps x (source channels a group) x (target channels a group); of a depthwise
 *   one (nn_gather_is_depthwise()): taps x channels
 */
typedef struct {
  int64_t batch;
  int64_t source_dims[3], target_dims[3];
  int64_t source_channels, target_channels;
  int groups;
  int64_t count[3];
  int64_t target_begin[3], target_step[3], source_step[3];
  int n_taps;
  const int64_t (*offsets)[3];
  const float *weights;
} NnGather;

/** nn_gather_is_depthwise: one source and one target channel a group. */
bool nn_gather_is_depthwise(int groups, int64_t source_channels, int64_t target_channels);

/** nn_gather_scratch_bytes: for @threads; an upper bound for fewer taps too. */
size_t nn_gather_scratch_bytes(int n_taps, int groups, int64_t source_channels,
                               int64_t target_channels, int threads);

/**
 * nn_gather_run:
 * @bias: (nullable): target_channels of them
 * @bits: (nullable): where the activation's signs go
 * @scratch: nn_gather_scratch_bytes()
 *
 * Writes the target positions that @gather names and no others. Bias, activation and bits only
 * where it names all of them.
 */
void nn_gather_run(NnContext *context, const NnGather *gather, const float *source, float *target,
                   const float *bias, NnActivation activation, uint8_t *bits, void *scratch);
