/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolution as a gather and a product, channels-last: what lies under each tap of a block of
 * target positions, times the filters. One description serves the forward pass, and each phase of
 * the gradient to the input (a strided convolution's gradient falls apart into one plain gather
 * for each residue of the stride), all with the same filters. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nncore/base/context.h"
#include "nncore/kernels/finish.h"

/** NnFilters: @inputs, @outputs: channels of all groups; @taps: of the whole kernel. */
typedef struct {
  int groups;
  int64_t inputs, outputs;
  int taps;
} NnFilters;

/** nn_filters_bytes: of the filters in the kernels' order; @both: they will be run both ways. Counts of channels are filled
 * up to 16, those of each group on one side only. */
size_t nn_filters_bytes(const NnFilters *shape, bool both);

/** nn_filters_fill: @w: outputs x inputs a group x taps (ONNX's order). */
void nn_filters_fill(const NnFilters *shape, const float *w, bool both, float *filters);

/**
 * NnGather:
 * @source_dims, @target_dims: depth, height, width of the stored tensors
 * @count: how many target positions an axis has; target position = @target_begin + j @target_step
 * @offsets: @n_taps of them: source position = j @source_step + offset; outside is zero
 * @taps: which of the kernel's taps they are
 * @tap_rows: how many rows (depth, height) of offsets there are, or more; @reach: the width between
 *   the first tap and the last, or more
 * @shape, @filters: nn_filters_fill()
 * @target_pixel: floats from a pixel of the target to the next, only where nn_gather_steps(); 0: its
 *   channels
 * @back: from the filters' outputs to their inputs; they must have been made for both ways
 * @add: to what the target has, only where nn_gather_adds()
 */
typedef struct {
  int64_t batch;
  int64_t source_dims[3], target_dims[3];
  int64_t count[3];
  int64_t target_begin[3], target_step[3], source_step[3];
  int n_taps;
  const int64_t (*offsets)[3];
  const int *taps;
  int64_t tap_rows, reach;
  NnFilters shape;
  const float *filters;
  int64_t target_pixel;
  bool back, add;
} NnGather;

/**
 * nn_gather_scratch_bytes:
 * @gather: its offsets, taps and filters are not looked at
 *
 * No less than what a gather with less taps, positions or reach needs.
 */
size_t nn_gather_scratch_bytes(const NnGather *gather, int threads);

/** nn_gather_gates: whether nn_gather_run() can heed a gate. */
bool nn_gather_gates(const NnGather *gather);

/** nn_gather_adds: whether nn_gather_run() can add. Follows from its filters' shape and way. */
bool nn_gather_adds(const NnGather *gather);

/** nn_gather_steps: whether nn_gather_run() can write pixels that lie apart. Follows from its filters'
 * shape and way. */
bool nn_gather_steps(const NnGather *gather);

/**
 * nn_gather_run:
 * @scratch: nn_gather_scratch_bytes()
 *
 * Writes the target positions that @gather names and no others. Activation and bits only where it
 * names all of them; a gate only where nn_gather_gates().
 */
void nn_gather_run(NnContext *context, const NnGather *gather, const float *source, float *target,
                   const NnFinish *finish, void *scratch);
