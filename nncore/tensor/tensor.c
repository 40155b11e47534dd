/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tensors. */
#include "nncore/tensor/tensor.h"

#include <string.h>

#include "nncore/base/memory.h"

size_t
nn_dtype_size(NnDtype dtype)
{
  return dtype == NN_DTYPE_INT64 ? sizeof(int64_t) : sizeof(float);
}

size_t
nn_tensor_bytes(const NnTensor *tensor)
{
  return (size_t)nn_shape_count(&tensor->shape) * nn_dtype_size(tensor->dtype);
}

NnTensor *
nn_tensor_new(NnDtype dtype, const NnShape *shape, GError **error)
{
  if (!nn_shape_check(shape, error))
    return NULL;
  void *data = nn_alloc((size_t)nn_shape_count(shape), nn_dtype_size(dtype), error);
  if (data == NULL)
    return NULL;
  NnTensor *tensor = g_new(NnTensor, 1);
  *tensor = (NnTensor){.shape = *shape, .dtype = dtype, .data = data, .refs = 1};
  return tensor;
}

NnTensor *
nn_tensor_new_hollow(NnDtype dtype, const NnShape *shape)
{
  NnTensor *tensor = g_new(NnTensor, 1);
  *tensor = (NnTensor){.shape = *shape, .dtype = dtype, .refs = 1};
  return tensor;
}

NnTensor *
nn_tensor_ref(NnTensor *tensor)
{
  g_atomic_int_inc(&tensor->refs);
  return tensor;
}

void
nn_tensor_unref(NnTensor *tensor)
{
  if (tensor == NULL || !g_atomic_int_dec_and_test(&tensor->refs))
    return;
  nn_free(tensor->data);
  g_free(tensor);
}

void
nn_tensor_memory_dims(const NnTensor *tensor, int64_t dims[NN_MAX_RANK])
{
  for (int axis = 0; axis < tensor->shape.rank; axis++)
    dims[nn_tensor_memory_axis(tensor, axis)] = tensor->shape.dim[axis];
}

int
nn_tensor_memory_axis(const NnTensor *tensor, int axis)
{
  if (tensor->layout == NN_LAYOUT_PLAIN || axis == 0)
    return axis;
  return axis == 1 ? tensor->shape.rank - 1 : axis - 1;
}

static void
transpose_integers(const int64_t *from, int64_t *to, int64_t rows, int64_t columns)
{
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++)
      to[c * rows + r] = from[r * columns + c];
}

/* rows x columns -> columns x rows, in blocks that stay in the cache */
static void
transpose(const float *from, float *to, int64_t rows, int64_t columns)
{
  enum { BLOCK = 32 };
  for (int64_t r0 = 0; r0 < rows; r0 += BLOCK)
    for (int64_t c0 = 0; c0 < columns; c0 += BLOCK)
      for (int64_t r = r0; r < MIN(r0 + BLOCK, rows); r++)
        for (int64_t c = c0; c < MIN(c0 + BLOCK, columns); c++)
          to[c * rows + r] = from[r * columns + c];
}

void
nn_tensor_copy(const NnTensor *from, NnTensor *to)
{
  g_return_if_fail(nn_shape_equal(&from->shape, &to->shape) && from->dtype == to->dtype);
  if (from->layout == to->layout) {
    memcpy(to->data, from->data, nn_tensor_bytes(from));
    return;
  }
  g_return_if_fail(from->shape.rank >= 3);
  int64_t channels = from->shape.dim[1];
  int64_t pixels = nn_shape_product(&from->shape, 2, from->shape.rank);
  bool to_last = to->layout == NN_LAYOUT_CHANNELS_LAST;
  for (int64_t n = 0; n < from->shape.dim[0]; n++) {
    int64_t start = n * channels * pixels;
    int64_t rows = to_last ? channels : pixels, columns = to_last ? pixels : channels;
    if (from->dtype == NN_DTYPE_FLOAT)
      transpose(from->f + start, to->f + start, rows, columns);
    else
      transpose_integers(from->i + start, to->i + start, rows, columns);
  }
}
