/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Element conversion: IEEE half and bfloat16 by their bits, integers by value. */
#include "nncore/onnx/convert.h"

#include <math.h>
#include <string.h>

size_t
nn_onnx_type_size(int data_type)
{
  switch (data_type) {
  case NN_ONNX_UINT8:
  case NN_ONNX_INT8:
  case NN_ONNX_BOOL:
    return 1;
  case NN_ONNX_UINT16:
  case NN_ONNX_INT16:
  case NN_ONNX_FLOAT16:
  case NN_ONNX_BFLOAT16:
    return 2;
  case NN_ONNX_FLOAT:
  case NN_ONNX_INT32:
  case NN_ONNX_UINT32:
    return 4;
  case NN_ONNX_INT64:
  case NN_ONNX_UINT64:
  case NN_ONNX_DOUBLE:
    return 8;
  default:
    return 0;
  }
}

NnDtype
nn_onnx_type_dtype(int data_type)
{
  switch (data_type) {
  case NN_ONNX_FLOAT:
  case NN_ONNX_FLOAT16:
  case NN_ONNX_BFLOAT16:
  case NN_ONNX_DOUBLE:
    return NN_DTYPE_FLOAT;
  default:
    return NN_DTYPE_INT64;
  }
}

static float
float_from_bits(uint32_t bits)
{
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

float
nn_half_to_float(uint16_t half)
{
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  if (exponent == 0) /* zero or subnormal: a multiple of 2^-24 */
    return (sign != 0 ? -1.0f : 1.0f) * ldexpf((float)fraction, -24);
  if (exponent == 31)
    return float_from_bits(sign | 0x7f800000 | fraction << 13);
  return float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

#define READ(type) \
  type value; \
  memcpy(&value, bytes + i * sizeof value, sizeof value)

#define CONVERT(type, target, expression) \
  for (size_t i = 0; i < count; i++) { \
    READ(type); \
    (target)[i] = (expression); \
  } \
  break

void
nn_onnx_convert(int data_type, const void *from, size_t count, void *to)
{
  const char *bytes = from;
  float *f = to;
  int64_t *n = to;
  switch (data_type) {
  case NN_ONNX_FLOAT:
  case NN_ONNX_INT64:
    memcpy(to, from, count * nn_onnx_type_size(data_type));
    break;
  case NN_ONNX_FLOAT16:
    CONVERT(uint16_t, f, nn_half_to_float(value));
  case NN_ONNX_BFLOAT16:
    CONVERT(uint16_t, f, float_from_bits((uint32_t)value << 16));
  case NN_ONNX_DOUBLE:
    CONVERT(double, f, (float)value);
  case NN_ONNX_UINT8:
    CONVERT(uint8_t, n, value);
  case NN_ONNX_BOOL:
    CONVERT(uint8_t, n, value != 0);
  case NN_ONNX_INT8:
    CONVERT(int8_t, n, value);
  case NN_ONNX_UINT16:
    CONVERT(uint16_t, n, value);
  case NN_ONNX_INT16:
    CONVERT(int16_t, n, value);
  case NN_ONNX_INT32:
    CONVERT(int32_t, n, value);
  case NN_ONNX_UINT32:
    CONVERT(uint32_t, n, value);
  case NN_ONNX_UINT64:
    CONVERT(uint64_t, n, (int64_t)MIN(value, (uint64_t)INT64_MAX));
  default:
    break;
  }
}
