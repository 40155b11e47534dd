/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Architectures built layer by layer for tests: true shapes, but weights that the file makes from
 * a number (ConstantOfShape), so that a VGG-19 takes a few kilobytes. Tensors are called t1, t2
 * and so on, so that no name gives anything away. */
#pragma once

#include "tests/unit/onnx-builder.h"

typedef struct {
  OnnxBuilder onnx;
  int count;     /* of tensors named so far */
  bool normed;   /* batch normalisation behind each convolution */
  GHashTable *channels; /* of a tensor */
} Sketch;

/** sketch_new: an input "x", 1 x 3 x @size x @size (0: free). */
Sketch *sketch_new(int size);

/** The layers: each takes a tensor's name and returns that of its result, owned by the sketch. */
const char *sketch_conv(Sketch *sketch, const char *x, int out, int kernel, int stride, int groups);
const char *sketch_norm(Sketch *sketch, const char *x);
const char *sketch_op(Sketch *sketch, const char *op, const char *x, const char *attributes);

/** sketch_unit: convolution, batch normalisation where the sketch is @normed, Relu. */
const char *sketch_unit(Sketch *sketch, const char *x, int out, int kernel, int stride);

/** sketch_join: @n tensors into one: Concat or Add. */
const char *sketch_join(Sketch *sketch, const char *op, const char *const *x, int n);

/** sketch_dense: Gemm of what is flattened already. */
const char *sketch_dense(Sketch *sketch, const char *x, int in, int out);

/** sketch_pool: 3 x 3 (or @kernel), with padding that keeps the size at stride 1 and halves it at
 * stride 2. */
const char *sketch_pool(Sketch *sketch, const char *op, const char *x, int kernel, int stride);

/** sketch_finish: makes @y the output. Returns the file; frees the sketch. */
GBytes *sketch_finish(Sketch *sketch, const char *y);
