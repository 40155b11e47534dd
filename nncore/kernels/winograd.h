/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 3 x 3 convolution at stride 1 by Winograd's F(4 x 4, 3 x 3), channels-last (Lavin and Gray, Fast
 * Algorithms for Convolutional Neural Networks, 2015): 36 products where the direct way takes 144,
 * as 36 matrix products over a block of tiles. Relative error about 1e-6 of the largest value.
 * Serves the gradient to the input too, with the same transformed filters (winograd.c). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nncore/base/context.h"
#include "nncore/kernels/finish.h"

/**
 * NnWinograd:
 * @filters: nn_winograd_filters()
 * @back: to the gradient: the taps count as flipped, the filters' outputs are the source channels,
 *   their inputs the target's
 * @pad_top, @pad_left: pads before the first row and column; the others follow from the sizes
 * @target_pixel: floats from a pixel of the target to the next, by the block of 16; 0: its channels; not
 *   of what pools
 * @pools: the result goes on as its maximum over whole windows of 2 x 2 pixels, which is what is
 *   written, and finished; back: the source is the gradient to that. Sizes are those of the bare
 *   result.
 * @winners: (nullable): with @pools: for each element of the maximum, by which of a window's pixels in
 *   scan order; of equal ones the first. Written on the way there, read on the way back.
 */
typedef struct {
  int64_t batch;
  int64_t source_height, source_width, source_channels;
  int64_t target_height, target_width, target_channels;
  int64_t target_pixel;
  int64_t pad_top, pad_left;
  const float *filters;
  bool back;
  bool pools;
  uint8_t *winners;
} NnWinograd;

/** nn_winograd_fits: inputs by fours, outputs by eights (the bits of a pixel's signs are then bytes
 * of its own). */
bool nn_winograd_fits(int64_t inputs, int64_t outputs);

/** nn_winograd_filters_bytes: of the filters; @both: those for running back are among them. */
size_t nn_winograd_filters_bytes(int64_t inputs, int64_t outputs, bool both);

/** nn_winograd_filters: @taps: outputs x inputs x 3 x 3 (ONNX's order). */
void nn_winograd_filters(const float *taps, int64_t inputs, int64_t outputs, bool both,
                         float *filters);

/** nn_winograd_filters_run: the same by all threads, to the bit; for filters made anew in each run. */
void nn_winograd_filters_run(NnContext *context, const float *taps, int64_t inputs, int64_t outputs,
                             bool both, float *filters);

size_t nn_winograd_scratch_bytes(const NnWinograd *winograd, int threads);

/** nn_winograd_run: @finish: its bits are always whole bytes there; its gate may be any. */
void nn_winograd_run(NnContext *context, const NnWinograd *winograd, const float *source,
                     float *target, const NnFinish *finish, void *scratch);
