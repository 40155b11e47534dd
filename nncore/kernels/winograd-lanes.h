/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inner loops of winograd.c, compiled once for each instruction set (winograd-lanes.c).
 *
 * V and M are kept as 36 places x blocks of 16 channels x tiles x 16, so that the rows of a product
 * lie one line of the cache apart. The filters of a place are panels of 16 target channels: panels
 * x source channels x 16. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nncore/base/isa.h"
#include "nncore/kernels/finish.h"

enum {
  NN_WINOGRAD_IN = 6,   /* pixels of a patch, an axis */
  NN_WINOGRAD_OUT = 4,  /* pixels of a tile, an axis */
  NN_WINOGRAD_POOLED = NN_WINOGRAD_OUT / 2,
  NN_WINOGRAD_BLOCK = 16, /* channels of a block of V and M, and of a panel of filters */
};

/**
 * NnWinogradTile: where a tile's numbers lie in V or M.
 * @at: its first channel at the first place; @place, @block: floats from one to the next
 */
typedef struct {
  float *at;
  int64_t place, block;
} NnWinogradTile;

/** NnWinogradPixels: where a tile's first pixel begins; from a row to the next; from a pixel to the next. */
typedef struct {
  int64_t at, row, pixel;
} NnWinogradPixels;

/**
 * NnWinogradProduct: M = V U at one place, for some panels.
 * @v, @m: at the first tile; their blocks are @v_block, @m_block floats apart
 * @u: the first panel; the next ones @panel floats apart each
 * @next: (nullable): filters wanted after this product, asked from memory meanwhile: for every 16
 *   source channels, 16 x 16 for each panel, @next_row floats from one row of them to the next
 */
typedef struct {
  int64_t tiles, source_channels, panels;
  const float *v;
  int64_t v_block;
  const float *u;
  int64_t panel;
  float *m;
  int64_t m_block;
  const float *next;
  int64_t next_row;
} NnWinogradProduct;

/**
 * NnWinogradLanes:
 * @lanes: channel counts must be multiples of it
 * @transform: a patch of 6 x 6 pixels, rows @row floats apart, into V; @flipped: for filters whose
 *   taps are meant flipped (winograd.c)
 * @transform_back: M, finished, into the first @high x @wide pixels of a tile of @target, which are
 *   @to; @elements: the same, as bits count
 * @multiply: NnWinogradProduct
 * @pool: the maxima over the first @high x @wide windows of 2 x 2 pixels of @tile, which is whole,
 *   into those of the target, finished, but for the bias, from its element @at on, rows @row apart;
 *   @winners (nullable): of its first element
 * @unpool: what of the gradient to a window's maximum each of its pixels gets; %NULL: not wanted
 * @settle: after a thread's last transform_back or pool: what was streamed is there for the others
 * @transpose: 16 x 16 floats, for panels read across
 */
typedef struct {
  int lanes;
  void (*transform)(const float *patch, int64_t row, int64_t channels, bool flipped,
                    NnWinogradTile v);
  void (*transform_back)(NnWinogradTile m, int64_t channels, bool flipped, const NnFinish *finish,
                         float *target, NnWinogradPixels to, NnWinogradPixels elements, int high,
                         int wide);
  void (*pool)(const float *tile, int64_t channels, const NnFinish *finish, float *target,
               int64_t at, int64_t row, int high, int wide, uint8_t *winners);
  void (*unpool)(const float *gradient, const uint8_t *winners, int64_t channels,
                 float *const pixels[4]);
  void (*settle)(void);
  void (*multiply)(const NnWinogradProduct *product);
  void (*transpose)(const float *from, float *to);
} NnWinogradLanes;

extern const NnWinogradLanes nn_winograd_lanes_baseline;
#ifdef __x86_64__
extern const NnWinogradLanes nn_winograd_lanes_avx2, nn_winograd_lanes_avx512;
#endif
