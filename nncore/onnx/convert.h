/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Element types of a file -> float32 or int64. */
#pragma once

#include "nncore/onnx/reader.h"

/** nn_onnx_type_size: bytes an element in raw_data; 0: not supported. */
size_t nn_onnx_type_size(int data_type);

/** nn_onnx_type_dtype: what it becomes; the type must be supported. */
NnDtype nn_onnx_type_dtype(int data_type);

/** nn_onnx_convert: @count little-endian elements of @data_type at @from into @to, whose elements
 * are those of nn_onnx_type_dtype(). @from needs no alignment. */
void nn_onnx_convert(int data_type, const void *from, size_t count, void *to);

float nn_half_to_float(uint16_t half);
