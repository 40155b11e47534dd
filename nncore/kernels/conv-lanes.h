/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inner loops of conv.c, compiled once for each instruction set (conv-lanes.c).
 *
 * Packed pixels are slabs x rows x 16: a slab is up to 16 channels under one tap, a row the place
 * of one result. Filters are panels of 16 target channels: panels x slabs x 16 x 16, unless one
 * side of the convolution has few channels (NN_FEW): panels of 16 of the many channels then, panels
 * x taps x few x 16. Depthwise ones are taps x channels. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nncore/kernels/finish.h"

enum {
  NN_CONV_BLOCK = 16, /* channels of a slab and of a panel */
  NN_CONV_SQUARE = NN_CONV_BLOCK * NN_CONV_BLOCK,
  NN_CONV_MAX_ROWS = 14, /* of a tile of the product, in the widest kernel */
  NN_FEW = 4,
  NN_CONV_RUN = 3,
};

/** NnSlab: @source: floats from the first packed row; @filter: from the panel's beginning;
 * @channels: of it, 1 to 16; @run: for teams: so many slabs, this one the first, are a row apart. */
typedef struct {
  int64_t source, filter;
  int channels, run;
} NnSlab;

/**
 * NnProduct: some slabs times some panels.
 * @packed: rows of 16. Readable are whole tiles of NN_CONV_MAX_ROWS.
 * @filters: the first panel; the next is @panel floats on
 * @first, @end: target channels of the panels
 * @span: in @team, the channels of a group: 4 or 8
 * @plane: floats from 16 channels of a pixel of the target to the next 16, from @first on
 * @at: floats from @target to channel 0 of each row's pixel, or less than 0: that is not wanted
 * @elements: of each row's pixel, the first as bits count them: @at, unless there are gaps
 * @add: to what is in @target
 * @expect: the target is in no cache: its lines are asked for early
 */
typedef struct {
  int64_t rows;
  const float *packed;
  int64_t n_slabs;
  const NnSlab *slabs;
  const float *filters;
  int64_t panel;
  int64_t first, end;
  int span;
  float *target;
  int64_t plane;
  const int64_t *at, *elements;
  bool add, expect;
  NnFinish finish;
} NnProduct;

/** NnTap: @source: floats from a row's beginning to what is under the tap of its first pixel;
 * @filter: to its filters. */
typedef struct {
  int64_t source, filter;
} NnTap;

/**
 * NnPixels: some pixels of a row of the target, all under the same taps.
 * @step, @target_step: floats from one pixel to the next
 * @at: floats from @target to the first pixel
 * @element, @element_step: the same as @at and @target_step, as bits count elements; in @depthwise
 * @panel: floats from one panel to the next
 */
typedef struct {
  int64_t count;
  const float *source;
  int64_t step, source_channels;
  int64_t n_taps;
  const NnTap *taps;
  const float *filters;
  int64_t panel;
  float *target;
  int64_t at, target_step, target_channels;
  int64_t element, element_step;
  NnFinish finish;
} NnPixels;

/**
 * NnConvLanes:
 * @pack: @rows pixels, @step floats apart, of @channels channels, into slabs
 * @product: NnProduct
 * @team: NnProduct of one panel that groups share, in runs of up to NN_CONV_RUN: source channels
 *   are those of the same groups, and row k of the panel is for channel k of each
 * @transpose: 16 x 16 floats
 * @few_in: up to NN_FEW source channels; the source is readable as if @count were a multiple of
 *   NN_CONV_MAX_ROWS
 * @few_out: up to NN_FEW target channels; bias only
 * @depthwise: one source channel for each target channel
 */
typedef struct {
  void (*pack)(const float *from, int64_t step, int64_t rows, int64_t channels, float *to,
               int64_t next_slab);
  void (*product)(const NnProduct *product);
  void (*team)(const NnProduct *product);
  void (*transpose)(const float *from, float *to);
  void (*few_in)(const NnPixels *pixels);
  void (*few_out)(const NnPixels *pixels);
  void (*depthwise)(const NnPixels *pixels);
} NnConvLanes;

extern const NnConvLanes nn_conv_lanes_baseline;
#ifdef __x86_64__
extern const NnConvLanes nn_conv_lanes_avx2, nn_conv_lanes_avx512;
#endif
