/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shapes, always spoken of in ONNX's order (N, C, then the spatial dimensions), whatever the
 * order in memory. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define NN_MAX_RANK 8

/** NnShape: rank 0 is a scalar (one element); a dimension may be 0, never negative. */
typedef struct {
  int rank;
  int64_t dim[NN_MAX_RANK];
} NnShape;

#define NN_SHAPE(...) \
  ((NnShape){.rank = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .dim = {__VA_ARGS__}})

/**
 * nn_shape_count:
 * Returns: the number of elements. @shape must have passed nn_shape_check().
 */
int64_t nn_shape_count(const NnShape *shape);

/**
 * nn_shape_check:
 * Whether rank and dimensions are in range and the number of elements stays so small that bytes
 * and offsets cannot overflow (below 2^46); else %NN_ERROR_SHAPE.
 */
bool nn_shape_check(const NnShape *shape, GError **error);

bool nn_shape_equal(const NnShape *a, const NnShape *b);

/** nn_shape_to_string: like "1 x 3 x 224 x 224". (transfer full): g_free(). */
char *nn_shape_to_string(const NnShape *shape);

/**
 * nn_shape_axis:
 * @axis: as ONNX has it; negative counts from the end
 * @axis_out: (out): 0 to rank - 1
 */
bool nn_shape_axis(const NnShape *shape, int64_t axis, int *axis_out, GError **error);

/** nn_shape_product: product of the dimensions from @begin up to, not including, @end. */
int64_t nn_shape_product(const NnShape *shape, int begin, int end);

/**
 * nn_shape_broadcast:
 * The shape of ONNX's multidirectional (NumPy) broadcasting of @a and @b; %NN_ERROR_SHAPE where
 * they do not fit. @out may be @a or @b.
 */
bool nn_shape_broadcast(const NnShape *a, const NnShape *b, NnShape *out, GError **error);
