/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Normalising sets of elements to mean 0 and variance 1: instance, group and layer normalisation,
 * and their gradients.
 *
 * A tensor is outer x pixels x groups x size in memory; each (outer, group) is one set of pixels
 * x size elements. Instance normalisation of a channels-last picture has a group a channel and
 * size 1; group normalisation several channels a group; layer normalisation one pixel, one group. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nncore/base/context.h"

/**
 * NnNormSets:
 * @scale_by_group: the scales are one a group, not one a place of groups x size
 */
typedef struct {
  int64_t outer, pixels, groups, size;
  bool scale_by_group;
} NnNormSets;

/** NnNormStatistics: of one set. */
typedef struct {
  float mean, inverse; /* 1 / sqrt (variance + epsilon) */
} NnNormStatistics;

/** nn_norm_scratch_bytes: for both functions below, aligned as doubles are. */
size_t nn_norm_scratch_bytes(const NnNormSets *sets, int threads);

/**
 * nn_norm_forward:
 * @scale, @shift: (nullable): y = scale (x - mean) inverse + shift; one each for the places of
 *   groups x size, or for the groups
 * @statistics: (out) (array): outer x groups of them
 */
void nn_norm_forward(NnContext *context, const NnNormSets *sets, float epsilon, const float *x,
                     const float *scale, const float *shift, float *y, NnNormStatistics *statistics,
                     void *scratch);

/** nn_norm_backward: to x, through the mean and the variance too. @gradient may be @to. */
void nn_norm_backward(NnContext *context, const NnNormSets *sets, const float *x,
                      const float *scale, const NnNormStatistics *statistics, const float *gradient,
                      float *to, void *scratch);
