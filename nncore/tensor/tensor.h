/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tensors: a shape, a layout and elements, owned or borrowed. Activations are float32; int64
 * exists for shapes, axes and indices only.
 *
 * Layout: NN_LAYOUT_PLAIN is ONNX's own order, last dimension fastest. NN_LAYOUT_CHANNELS_LAST
 * (rank 3 to 5) stores N, spatial..., C, channels fastest: NHWC for pictures. The shape is spoken
 * of in ONNX's order in both. */
#pragma once

#include "nncore/tensor/shape.h"

typedef enum { NN_DTYPE_FLOAT, NN_DTYPE_INT64 } NnDtype;
typedef enum { NN_LAYOUT_PLAIN, NN_LAYOUT_CHANNELS_LAST } NnLayout;

/**
 * NnTensor:
 * @data: nn_shape_count() elements of @dtype; %NULL in a tensor that is absent or hollow
 *
 * On the stack, a borrowed view (@refs and @owned 0). From nn_tensor_new(), reference-counted;
 * shared ones are read only.
 */
typedef struct {
  NnShape shape;
  NnDtype dtype;
  NnLayout layout;
  union {
    void *data;
    float *f;
    int64_t *i;
  };
  int refs; /* atomic; 0 on the stack */
} NnTensor;

/** nn_tensor_new: uninitialised, plain layout; %NN_ERROR_SHAPE or %NN_ERROR_MEMORY. */
NnTensor *nn_tensor_new(NnDtype dtype, const NnShape *shape, GError **error);

/** nn_tensor_new_hollow: of this shape, without elements: they are elsewhere. */
NnTensor *nn_tensor_new_hollow(NnDtype dtype, const NnShape *shape);
NnTensor *nn_tensor_ref(NnTensor *tensor);
void nn_tensor_unref(NnTensor *tensor);

/** nn_dtype_size: bytes an element. */
size_t nn_dtype_size(NnDtype dtype);

/** nn_tensor_bytes: of the elements. */
size_t nn_tensor_bytes(const NnTensor *tensor);

/**
 * nn_tensor_memory_dims:
 * @dims: (out): the dimensions in memory order, slowest first; shape.rank of them
 */
void nn_tensor_memory_dims(const NnTensor *tensor, int64_t dims[NN_MAX_RANK]);

/** nn_tensor_memory_axis: where ONNX's @axis (0 to rank - 1) is in memory order. */
int nn_tensor_memory_axis(const NnTensor *tensor, int axis);

/**
 * nn_tensor_copy:
 * Copies @from's elements into @to, whose shape and dtype are the same and whose layout may be
 * the other one. Single-threaded.
 */
void nn_tensor_copy(const NnTensor *from, NnTensor *to);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnTensor, nn_tensor_unref)
