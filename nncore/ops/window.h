/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From attributes to a window (kernels/window.h): kernel_shape, strides, dilations, pads, auto_pad
 * and ceil_mode. */
#pragma once

#include "nncore/kernels/window.h"
#include "nncore/ops/attributes.h"

/**
 * nn_window_parse:
 * Reads kernel_shape, strides, dilations, pads, auto_pad and, if @with_ceil_mode, ceil_mode.
 * %NN_ERROR_MALFORMED for values that no window can have, %NN_ERROR_UNSUPPORTED for more than
 * three dimensions. Explicit pads beside an auto_pad are ignored, as onnxruntime does.
 */
bool nn_window_parse(NnAttributes *attributes, bool with_ceil_mode, NnWindow *window,
                     GError **error);
