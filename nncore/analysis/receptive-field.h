/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Receptive fields: which pixels of the network's input can change an element of a value. What
 * every operator says of itself (NnOp.reach) is composed along all ways from the input to the
 * value; where ways meet, the field is the smallest window that covers all of them. */
#pragma once

#include "nncore/graph/graph.h"

/**
 * NnReceptiveField: where a value's elements look.
 * @none: at no pixel: a constant, or a number that follows from the input's size
 * @n_axes: spatial axes of the input (2 for pictures, 0 is H), and of the value unless everywhere
 * @reach: from the value's places to the input's pixels. Padding has no pixels: near the border
 *   part of a window lies outside the input and stands for nothing.
 *
 * Windows are sound: no pixel outside changes the element (but for rounding, where the kernel mixes
 * a tile's pixels and takes them apart again: kernels/winograd.h). They are those of the sizes that
 * the graph's types have: where ways of different strides meet (a map resized to the size of
 * another), and at the border of mirrored padding, they depend on the size.
 */
typedef struct {
  bool none;
  int n_axes;
  NnReach reach;
} NnReceptiveField;

/**
 * nn_receptive_fields_new:
 * @graph: with the types of one input size (nn_pass_infer()); a value whose type is not known
 *   looks everywhere, and so does what is made of it
 * @input: the value that is looked at, one of the graph's inputs, or %NN_NO_VALUE: nothing is
 *
 * Returns: (transfer full) (array): by value id; free with nn_free(). %NN_ERROR_MEMORY.
 */
NnReceptiveField *nn_receptive_fields_new(const NnGraph *graph, NnValueId input, GError **error);

/** nn_receptive_field_size: pixels along @axis that one element sees, those outside the input
 * included; of a field that is neither none nor everywhere. */
int64_t nn_receptive_field_size(const NnReceptiveField *field, int axis);

/** nn_receptive_field_center: the middle of what the element at place @unit sees, in pixels; the
 * first pixel's own middle is 0. */
double nn_receptive_field_center(const NnReceptiveField *field, int axis, int64_t unit);

/**
 * nn_receptive_field_pixels:
 * @first, @last: (out): the pixels along @axis that the element at place @unit sees, both
 *   included; they may lie outside the input
 */
void nn_receptive_field_pixels(const NnReceptiveField *field, int axis, int64_t unit,
                               int64_t *first, int64_t *last);
