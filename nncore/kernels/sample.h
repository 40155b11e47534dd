/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Picking and mixing along axes: every place of the result is a weighted sum of a few places of
 * the source, axis by axis. Resize, Pad, Slice, Gather and Tile are tables for this kernel, and
 * their gradients the same tables read backwards. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nncore/base/context.h"
#include "nncore/tensor/tensor.h"

/**
 * NnSampleAxis:
 * @in, @out: lengths
 * @taps: source places for each place of the result
 * @index: (array): @out x @taps of them; a first one of -1: nothing is there, the fill value
 *   stands in. %NULL: the axis stays as it is (@in = @out)
 * @weight: (nullable): @out x @taps of them; %NULL: all 1
 */
typedef struct {
  int64_t in, out;
  int64_t taps;
  int64_t *index;
  float *weight;
} NnSampleAxis;

/**
 * NnSample:
 * @axis: in memory order, slowest first
 * @dtype: int64 only where every axis has one tap without weight
 */
typedef struct {
  int rank;
  NnSampleAxis axis[NN_MAX_RANK];
  NnDtype dtype;
  union {
    float f;
    int64_t i;
  } fill;
} NnSample;

/** nn_sample_init: an unchanged sample of a tensor like @tensor. */
void nn_sample_init(NnSample *sample, const NnTensor *tensor);

/** nn_sample_table_bytes: of the tables of one axis. */
size_t nn_sample_table_bytes(int64_t out, int64_t taps, bool weights);

/** nn_sample_set: gives memory axis @axis tables at @scratch, to be filled; returns what follows
 * them. */
void *nn_sample_set(NnSample *sample, int axis, int64_t out, int64_t taps, bool weights,
                    void *scratch);

void nn_sample_forward(NnContext *context, const NnSample *sample, const void *from, void *to);

/** nn_sample_backward_bytes: scratch of the following; @in, @out, @taps: of the axis where they
 * are largest. */
size_t nn_sample_backward_bytes(int64_t in, int64_t out, int64_t taps);

/** nn_sample_backward: @gradient has the result's shape, @to the source's. */
void nn_sample_backward(NnContext *context, const NnSample *sample, const float *gradient,
                        float *to, void *scratch);
