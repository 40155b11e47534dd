/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sliding window that Conv and the pools share, and the output size that follows from it.
 *
 * Arrays always have three places, depth, height, width, filled from the BACK: index 2 is the
 * width whatever the number of spatial dimensions is; a 2-D window has kernel, stride, dilation
 * 1 and pads 0 at index 0, a 1-D one at 0 and 1. So a 3-D loop serves all ranks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nncore/tensor/shape.h"

#define NN_WINDOW_DIMS 3

typedef enum { NN_PAD_NOTSET, NN_PAD_SAME_UPPER, NN_PAD_SAME_LOWER, NN_PAD_VALID } NnAutoPad;

/**
 * NnWindow:
 * @rank: spatial dimensions, 1 to 3; 0 after parsing where no attribute tells
 * @auto_pad: an NnAutoPad
 *
 * After parsing, absent kernel, strides and dilations are 0; after resolving, nothing is, and
 * @auto_pad and @ceil_mode have done their work.
 */
typedef struct {
  int rank;
  int64_t kernel[NN_WINDOW_DIMS], stride[NN_WINDOW_DIMS], dilation[NN_WINDOW_DIMS];
  int64_t pad_begin[NN_WINDOW_DIMS], pad_end[NN_WINDOW_DIMS];
  int auto_pad;
  bool ceil_mode;
} NnWindow;

/**
 * nn_window_resolve:
 * @parsed: from nn_window_parse()
 * @input: the whole input: N, C and one to three spatial dimensions
 * @kernel_from_weights: (nullable): the weights' spatial dimensions in ONNX's order (as many as
 *   the input has; not filled up); must agree with kernel_shape where that is given
 * @resolved: (out): may be @parsed
 * @output: (out): size of the result, filled up with 1 at the front
 *
 * With ceil_mode a last window that would start in the end padding is left out, as ONNX and
 * PyTorch have it. %NN_ERROR_SHAPE where the input is too small for one window.
 */
bool nn_window_resolve(const NnWindow *parsed, const NnShape *input,
                       const int64_t *kernel_from_weights, NnWindow *resolved,
                       int64_t output[NN_WINDOW_DIMS], GError **error);

/** nn_window_input_dims: the spatial dimensions of @input, filled up with 1 at the front. */
void nn_window_input_dims(const NnShape *input, int64_t dims[NN_WINDOW_DIMS]);
