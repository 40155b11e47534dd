/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compiled with NN_LANES 4, 8 and 16 (nncore/meson.build). Sums stay in registers until they are
 * whole, or as whole as a chunk of the depth makes them; bias, activation and its bits are done on
 * the way to the target. Every sum is taken in the order of taps and channels, whatever the tile
 * that it falls into. */
#include "nncore/kernels/conv-lanes.h"

#include "nncore/kernels/lanes.h"

/* @name: made of name_of() for each kind of finish, each in a function of its own, so that one does not
 * take the other's registers */
#define NN_OF_EACH_KIND(name, Type) \
  static void name##_limits(const Type *p) \
  { \
    name##_of(NN_FINISH_LIMITS, p); \
  } \
  static void name##_bits(const Type *p) \
  { \
    name##_of(NN_FINISH_BITS, p); \
  } \
  static void name##_gate(const Type *p) \
  { \
    name##_of(NN_FINISH_GATE, p); \
  } \
  static void name##_any(const Type *p) \
  { \
    name##_of(NN_FINISH_ANY, p); \
  } \
  static void name(const Type *p) \
  { \
    static void (*const each[])(const Type *) = { \
        [NN_FINISH_LIMITS] = name##_limits, \
        [NN_FINISH_BITS] = name##_bits, \
        [NN_FINISH_GATE] = name##_gate, \
        [NN_FINISH_ANY] = name##_any, \
    }; \
    each[nn_finish_kind(&p->finish)](p); \
  }

/* tiles of the direct kernels, in pixels */
enum {
  HALF = (NN_ROWS + 1) / 2,
  DOT_PIXELS = NN_LANES == 16 ? 5 : 4, /* at most */
  DOT_REGISTERS = NN_LANES == 16 ? 32 : 16,
  DOT_SUMS = (DOT_PIXELS * NN_FEW + NN_LANES - 1) / NN_LANES * NN_LANES,
  WISE_PIXELS = 4,
  WISE_VECTORS = 2,
  WISE_RUN = 3,
};

/* ---- packing ---- */

/* a block of each pixel; neighbouring groups will want its next line */
static void
pack_lines(const float *from, int64_t step, int64_t rows, float *to)
{
  for (int64_t r = 0; r < rows; r++, from += step, to += NN_BLOCK) {
    __builtin_prefetch(from + NN_BLOCK);
#pragma GCC unroll 4
    for (int i = 0; i < NN_BLOCK; i += NN_LANES)
      nn_store(to + i, nn_load(from + i));
  }
}

static void
pack(const float *from, int64_t step, int64_t rows, int64_t channels, float *to, int64_t next_slab)
{
  int64_t whole = channels / NN_BLOCK * NN_BLOCK, rest = channels - whole;
  if (channels == NN_BLOCK) {
    pack_lines(from, step, rows, to);
    return;
  }
  for (int64_t r = 0; r < rows; r++, from += step, to += NN_BLOCK) {
    float *line = to;
    int64_t c = 0;
    for (; c < whole; c += NN_BLOCK, line += next_slab)
#pragma GCC unroll 4
      for (int i = 0; i < NN_BLOCK; i += NN_LANES)
        nn_store(line + i, nn_load(from + c + i));
    if (rest > 0)
      memcpy(line, from + c, (size_t)rest * sizeof *line);
  }
}

static void
transpose(const float *from, float *to)
{
  nn_transpose_block(from, to);
}

/* ---- the product ---- */

/* the sums of channels @c to @end - 1 of one pixel, to go @to there; @element: as in nn_finish_lanes() */
NN_INLINE void
finish_pixel(NnFinish finish, bool add, const float *sums, float *to, int64_t element, int64_t c,
             int64_t end)
{
  for (; c < end; c += NN_LANES, sums += NN_LANES, to += NN_LANES) {
    int64_t count = MIN(end - c, NN_LANES);
    NnFloats value = nn_load(sums) + nn_bias_lanes(finish, c, count);
    if (add)
      value += nn_load_some(to, count);
    nn_finish_lanes(NN_FINISH_ANY, finish, value, to, element, c, count);
  }
}

/**
 * Tile: where the sums of a tile go.
 * @to: channel @c of the target's first pixel; 16 channels on: @plane floats on
 * @at: floats from there to each pixel, or less than 0: that is not wanted
 * @elements: the first of each pixel, counted as bits are
 * @rows: pixels that there are, perhaps more than the tile has
 * @c, @end: channels, the tile's first and the target's last + 1
 */
typedef struct {
  const NnFinish *finish;
  float *to;
  int64_t plane;
  const int64_t *at, *elements;
  int64_t rows, c, end;
} Tile;

/* straight from the registers. Products of few channels are a tenth faster for it (32 to 192
 * channels at 64 x 64). @add: to what is there */
NN_INLINE void
finish_whole(const NnFinishKind kind, const int rows, const int panels, const Tile *tile,
             const bool add, NnFloats sum[NN_ROWS][NN_COLUMNS])
{
  NnFinish finish = nn_finish_here(tile->finish);
  int64_t plane = tile->plane;
  NnFloats bias[NN_COLUMNS];
#pragma GCC unroll 16
  for (int i = 0; i < panels * NN_PER_PANEL; i++)
    bias[i] = nn_bias_lanes(finish, tile->c + i * NN_LANES, NN_LANES);
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++) {
    if (r >= tile->rows || tile->at[r] < 0)
      continue;
    float *to = tile->to + tile->at[r];
    int64_t element = tile->elements[r];
#pragma GCC unroll 16
    for (int i = 0; i < panels * NN_PER_PANEL; i++) {
      float *place = to + i / NN_PER_PANEL * plane + i % NN_PER_PANEL * NN_LANES;
      NnFloats value = sum[r][i] + bias[i];
      if (add)
        value += nn_load(place);
      nn_finish_lanes(kind, finish, value, place, element, tile->c + i * NN_LANES, NN_LANES);
    }
  }
}

NN_INLINE void
finish_some(const int rows, const int panels, const Tile *tile, bool add,
            NnFloats sum[NN_ROWS][NN_COLUMNS])
{
  float sums[NN_ROWS * NN_COLUMNS * NN_LANES];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int i = 0; i < panels * NN_PER_PANEL; i++)
      nn_store(sums + (r * NN_COLUMNS + i) * NN_LANES, sum[r][i]);
  for (int64_t r = 0; r < MIN(rows, tile->rows); r++)
    for (int i = 0; i < panels && tile->at[r] >= 0; i++)
      finish_pixel(*tile->finish, add, sums + r * NN_COLUMNS * NN_LANES + i * NN_BLOCK,
                   tile->to + tile->at[r] + i * tile->plane, tile->elements[r],
                   tile->c + i * NN_BLOCK, MIN(tile->c + (i + 1) * NN_BLOCK, tile->end));
}

NN_INLINE void
finish_tile(const NnFinishKind kind, const int rows, const int panels, const Tile *tile, bool add,
            NnFloats sum[NN_ROWS][NN_COLUMNS])
{
  if (tile->end - tile->c < panels * NN_BLOCK)
    finish_some(rows, panels, tile, add, sum);
  else if (add)
    finish_whole(kind, rows, panels, tile, true, sum);
  else
    finish_whole(kind, rows, panels, tile, false, sum);
}

/* register @i of a panel that groups of @span channels share: for each lane, channel @k of its group */
NN_INLINE NnFloats
spread(const float *v, const int i, const int span, const int k)
{
#if NN_LANES == 16
  const NnInts lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return (NnFloats)_mm512_permutexvar_ps((__m512i)((lanes & -span) + k), (__m512)nn_load(v));
#else
#if NN_LANES == 8
  const NnInts lanes = {0, 1, 2, 3, 4, 5, 6, 7};
  if (span < NN_LANES)
    return (NnFloats)_mm256_permutevar8x32_ps((__m256)nn_load(v + i * NN_LANES),
                                              (__m256i)((lanes & -span) + k));
#endif
  return (NnFloats){0} + v[i * NN_LANES / span * span + k];
#endif
}

/* @taps slabs, a row apart: what is spread serves all of them */
NN_INLINE void
multiply_run(const int rows, const int span, const int taps, const float *v, const NnSlab *slabs,
             const float *filters, NnFloats sum[NN_ROWS][NN_COLUMNS])
{
/* unrolled, it would keep too much in registers */
#pragma GCC unroll 1
  for (int k = 0; k < span; k++)
#pragma GCC unroll 16
    for (int i = 0; i < NN_PER_PANEL; i++) {
      NnFloats u[NN_CONV_RUN];
#pragma GCC unroll 16
      for (int t = 0; t < taps; t++)
        u[t] = nn_load(filters + slabs[t].filter + k * NN_BLOCK + i * NN_LANES);
#pragma GCC unroll 32
      for (int place = 0; place < rows + taps - 1; place++) {
        NnFloats value = spread(v + place * NN_BLOCK, i, span, k);
#pragma GCC unroll 16
        for (int t = MAX(place - rows + 1, 0); t < MIN(taps, place + 1); t++)
          sum[place - t][i] += value * u[t];
      }
    }
}

NN_INLINE void
multiply_team(const int rows, const int span, const NnProduct *p, const float *packed,
              const float *filters, NnFloats sum[NN_ROWS][NN_COLUMNS])
{
  for (const NnSlab *slab = p->slabs; slab < p->slabs + p->n_slabs; slab += slab->run) {
    const float *v = packed + slab->source;
    if (slab->run == 3)
      multiply_run(rows, span, 3, v, slab, filters, sum);
    else if (slab->run == 2)
      multiply_run(rows, span, 2, v, slab, filters, sum);
    else
      multiply_run(rows, span, 1, v, slab, filters, sum);
  }
}

/* @rows, @panels and @span are constants where this is inlined; no @span: no team */
NN_INLINE void
multiply_tile(const NnFinishKind kind, const int rows, const int panels, const int span,
              const NnProduct *p, int64_t row, int64_t c, const float *filters)
{
  NnFloats sum[NN_ROWS][NN_COLUMNS];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int i = 0; i < panels * NN_PER_PANEL; i++)
      sum[r][i] = (NnFloats){0};
  float *to = p->target + p->first + (c - p->first) / NN_BLOCK * p->plane;
  for (int64_t r = 0; p->expect && r < MIN(rows, p->rows - row); r++)
    nn_expect(to + MAX(p->at[row + r], 0), panels * NN_BLOCK);
  const float *packed = p->packed + row * NN_BLOCK;
  if (span > 0)
    multiply_team(rows, span, p, packed, filters, sum);
  for (int64_t s = 0; span == 0 && s < p->n_slabs; s++)
    nn_multiply_block(rows, panels, p->slabs[s].channels, packed + p->slabs[s].source, NN_BLOCK,
                      filters + p->slabs[s].filter, p->panel, sum);
  Tile tile = {
      .finish = &p->finish,
      .to = to,
      .plane = p->plane,
      .at = p->at + row,
      .elements = p->elements + row,
      .rows = p->rows - row,
      .c = c,
      .end = p->end,
  };
  finish_tile(kind, rows, panels, &tile, p->add, sum);
}

/* all rows times @panels panels; the last tile may be half a one and may reach past the end */
NN_INLINE void
multiply_panels(const NnFinishKind kind, const int panels, const int span, const NnProduct *p,
                int64_t c, const float *filters)
{
  int64_t row = 0;
  for (; p->rows - row > HALF; row += NN_ROWS)
    multiply_tile(kind, NN_ROWS, panels, span, p, row, c, filters);
  if (row < p->rows)
    multiply_tile(kind, HALF, panels, span, p, row, c, filters);
}

NN_INLINE void
product_of(const NnFinishKind kind, const NnProduct *p)
{
  int64_t c = p->first;
  const float *filters = p->filters;
  for (; p->end - c > (NN_PANELS - 1) * NN_BLOCK; c += NN_PANELS * NN_BLOCK) {
    multiply_panels(kind, NN_PANELS, 0, p, c, filters);
    filters += NN_PANELS * p->panel;
  }
  if (c < p->end)
    multiply_panels(kind, 1, 0, p, c, filters);
}

NN_OF_EACH_KIND(product, NnProduct)

NN_INLINE void
team_of(const NnFinishKind kind, const NnProduct *p)
{
  if (p->span == 4)
    multiply_panels(kind, 1, 4, p, p->first, p->filters);
  else
    multiply_panels(kind, 1, 8, p, p->first, p->filters);
}

NN_OF_EACH_KIND(team, NnProduct)

/* ---- few source channels ---- */

/* NN_ROWS pixels from @x on, @panels panels; @channels and @step too may be constants */
NN_INLINE void
few_in_tile(const NnFinishKind kind, const int panels, const int channels, const int64_t step,
            const NnPixels *p, int64_t x, int64_t c, const float *filters)
{
  NnFloats sum[NN_ROWS][NN_COLUMNS];
#pragma GCC unroll 16
  for (int r = 0; r < NN_ROWS; r++)
#pragma GCC unroll 16
    for (int i = 0; i < panels * NN_PER_PANEL; i++)
      sum[r][i] = (NnFloats){0};
  int64_t rows = MIN(NN_ROWS, p->count - x);
  for (int64_t r = 0; r < rows; r++)
    nn_expect(p->target + p->at + (x + r) * p->target_step + c, panels * NN_BLOCK);
  for (int64_t t = 0; t < p->n_taps; t++) {
    const float *v = p->source + p->taps[t].source + x * step;
    const float *u = filters + p->taps[t].filter;
    nn_multiply_block(NN_ROWS, panels, channels, v, step, u, p->panel, sum);
  }
  int64_t at[NN_ROWS];
  for (int r = 0; r < NN_ROWS; r++)
    at[r] = p->at + (x + r) * p->target_step;
  Tile tile = {
      .finish = &p->finish,
      .to = p->target + c,
      .plane = NN_BLOCK,
      .at = at,
      .elements = at,
      .rows = rows,
      .c = c,
      .end = p->target_channels,
  };
  finish_tile(kind, NN_ROWS, panels, &tile, false, sum);
}

NN_INLINE void
few_in_tiles(const NnFinishKind kind, const int channels, const int64_t step, const NnPixels *p)
{
  int64_t c = 0;
  const float *filters = p->filters;
  for (; p->target_channels - c > (NN_PANELS - 1) * NN_BLOCK; c += NN_PANELS * NN_BLOCK) {
    for (int64_t x = 0; x < p->count; x += NN_ROWS)
      few_in_tile(kind, NN_PANELS, channels, step, p, x, c, filters);
    filters += NN_PANELS * p->panel;
  }
  for (int64_t x = 0; c < p->target_channels && x < p->count; x += NN_ROWS)
    few_in_tile(kind, 1, channels, step, p, x, c, filters);
}

NN_INLINE void
few_in_of(const NnFinishKind kind, const NnPixels *p)
{
  /* pictures at stride 1 and 2: offsets known to the compiler are part of the instructions */
  if (p->source_channels == 3 && p->step == 3)
    few_in_tiles(kind, 3, 3, p);
  else if (p->source_channels == 3 && p->step == 6)
    few_in_tiles(kind, 3, 6, p);
  else
    few_in_tiles(kind, (int)p->source_channels, p->step, p);
}

NN_OF_EACH_KIND(few_in, NnPixels)

/* ---- few target channels: a dot product for each ---- */

/* neighbours at distance @size of each pair of rows, added up: as many rows remain as there are
 * pairs. A macro, since the places must be constants in the call. */
#define ADD_PAIRS(rows, size) \
  _Pragma("GCC unroll 16") for (int r = 0; r < NN_LANES; r += 2 * (size)) \
  { \
    NnFloats a = rows[r], b = rows[r + (size)]; \
    rows[r] = __builtin_shufflevector(a, b, NN_EACH(NN_LOW, size)) + \
              __builtin_shufflevector(a, b, NN_EACH(NN_HIGH, size)); \
  }

/* lane i: the sum of row i's lanes */
NN_INLINE NnFloats
sum_rows(NnFloats rows[NN_LANES])
{
  ADD_PAIRS(rows, 1)
  ADD_PAIRS(rows, 2)
#if NN_LANES >= 8
  ADD_PAIRS(rows, 4)
#endif
#if NN_LANES >= 16
  ADD_PAIRS(rows, 8)
#endif
  return rows[0];
}

/* the dot products go on by the source channels of one vector, @count of them */
NN_INLINE void
add_dots(const int pixels, const int channels, const float *v, int64_t step, int64_t count,
         const float *u, NnFloats sum[DOT_SUMS])
{
  NnFloats w[NN_FEW];
#pragma GCC unroll 16
  for (int i = 0; i < channels; i++)
    w[i] = nn_load(u + i * NN_BLOCK);
#pragma GCC unroll 16
  for (int r = 0; r < pixels; r++) {
    NnFloats value = nn_load_some(v + r * step, count);
#pragma GCC unroll 16
    for (int i = 0; i < channels; i++)
      sum[r * channels + i] += value * w[i];
  }
}

/* by all source channels under a tap: whole blocks, each a line of the cache, then the rest */
NN_INLINE void
add_tap_dots(const int pixels, const int channels, const NnPixels *p, const float *v,
             const float *u, NnFloats sum[DOT_SUMS])
{
  const int64_t whole = p->source_channels / NN_BLOCK * NN_BLOCK, step = p->step;
  int64_t c = 0;
  for (; c < whole; c += NN_BLOCK, u += p->panel) {
#pragma GCC unroll 16
    for (int r = 0; r < pixels; r++)
      __builtin_prefetch(v + (r + pixels) * step + c); /* the next tile's */
#pragma GCC unroll 4
    for (int i = 0; i < NN_BLOCK; i += NN_LANES)
      add_dots(pixels, channels, v + c + i, step, NN_LANES, u + i, sum);
  }
  for (; c < p->source_channels; c += NN_LANES, u += NN_LANES)
    add_dots(pixels, channels, v + c, step, p->source_channels - c, u, sum);
}

/* @pixels pixels from @x on, @channels target channels; constants where this is inlined */
NN_INLINE void
few_out_tile(const int pixels, const int channels, const NnPixels *p, int64_t x)
{
  NnFloats sum[DOT_SUMS];
#pragma GCC unroll 32
  for (int i = 0; i < DOT_SUMS; i++)
    sum[i] = (NnFloats){0};
  for (int64_t t = 0; t < p->n_taps; t++)
    add_tap_dots(pixels, channels, p, p->source + p->taps[t].source + x * p->step,
                 p->filters + p->taps[t].filter, sum);
  float sums[DOT_SUMS];
#pragma GCC unroll 16
  for (int i = 0; i < pixels * channels; i += NN_LANES)
    nn_store(sums + i, sum_rows(sum + i));
  for (int r = 0; r < pixels; r++)
    for (int i = 0; i < channels; i++)
      p->target[p->at + (x + r) * p->target_step + i] =
          sums[r * channels + i] + (p->finish.bias != NULL ? p->finish.bias[i] : 0);
}

/* as many pixels at a time as leave two registers free beside their sums and a tap's filters: with one,
 * a sum goes through memory at every step, and that takes twice as long */
NN_INLINE void
few_out_tiles(const int channels, const NnPixels *p)
{
  const int pixels = MIN(DOT_PIXELS, (DOT_REGISTERS - 2) / channels - 1);
  int64_t x = 0;
  for (; x + pixels <= p->count; x += pixels)
    few_out_tile(pixels, channels, p, x);
  for (; x < p->count; x++)
    few_out_tile(1, channels, p, x);
}

static void
few_out(const NnPixels *p)
{
  switch (p->target_channels) {
  case 1:
    few_out_tiles(1, p);
    break;
  case 2:
    few_out_tiles(2, p);
    break;
  case 3:
    few_out_tiles(3, p);
    break;
  default:
    few_out_tiles(NN_FEW, p);
  }
}

/* ---- depthwise ---- */

/* a row of three neighbouring taps: what lies under several of them is loaded once; @stride: pixels
 * of the source from one to the next; @pitch: floats between those: NN_BLOCK is known to the compiler,
 * and so near that nothing needs to be asked for early */
NN_INLINE void
depthwise_run(const int pixels, const int vectors, const int stride, const int64_t pitch,
              const NnPixels *p, const NnTap *taps, int64_t x, int64_t c,
              NnFloats sum[WISE_PIXELS][WISE_VECTORS])
{
  const float *v = p->source + taps->source + x * stride * pitch + c;
#pragma GCC unroll 16
  for (int i = 0; i < vectors; i++) {
    NnFloats w[WISE_RUN];
#pragma GCC unroll 16
    for (int t = 0; t < WISE_RUN; t++)
      w[t] = nn_load(p->filters + taps[t].filter + c + i * NN_LANES);
#pragma GCC unroll 32
    for (int place = 0; place < (pixels - 1) * stride + WISE_RUN; place++) {
      const float *at = v + place * pitch + i * NN_LANES;
      NnFloats value = nn_load(at);
      if (pitch != NN_BLOCK && i * NN_LANES % NN_BLOCK == 0 && place >= WISE_RUN)
        __builtin_prefetch(at + pixels * stride * pitch);
#pragma GCC unroll 16
      for (int t = 0; t < WISE_RUN; t++)
        if ((place - t) % stride == 0 && place >= t && (place - t) / stride < pixels)
          sum[(place - t) / stride][i] += w[t] * value;
    }
  }
}

/* any taps, one after the other */
NN_INLINE void
depthwise_taps(const int pixels, const int vectors, const NnPixels *p, int64_t x, int64_t c,
               int64_t count, NnFloats sum[WISE_PIXELS][WISE_VECTORS])
{
  for (int64_t t = 0; t < p->n_taps; t++) {
    const float *v = p->source + p->taps[t].source + x * p->step + c;
    const float *u = p->filters + p->taps[t].filter + c;
#pragma GCC unroll 16
    for (int i = 0; i < vectors; i++) {
      NnFloats w = nn_load_some(u + i * NN_LANES, count);
#pragma GCC unroll 16
      for (int r = 0; r < pixels; r++) {
        sum[r][i] += w * nn_load_some(v + r * p->step + i * NN_LANES, count);
        __builtin_prefetch(v + (r + pixels) * p->step + i * NN_LANES);
      }
    }
  }
}

NN_INLINE void
depthwise_finish(const NnFinishKind kind, const int pixels, const int vectors, const NnPixels *p,
                 int64_t x, int64_t c, int64_t count, NnFloats sum[WISE_PIXELS][WISE_VECTORS])
{
  NnFinish finish = nn_finish_here(&p->finish);
  int64_t step = p->target_step, element_step = p->element_step;
  float *to = p->target + p->at + x * step;
  int64_t element = p->element + x * element_step;
#pragma GCC unroll 16
  for (int i = 0; i < vectors; i++) {
    NnFloats bias = nn_bias_lanes(finish, c + i * NN_LANES, count);
#pragma GCC unroll 16
    for (int r = 0; r < pixels; r++)
      nn_finish_lanes(kind, finish, sum[r][i] + bias, to + r * step + c + i * NN_LANES,
                      element + r * element_step, c + i * NN_LANES, count);
  }
}

/* @pixels pixels from @x on, @vectors registers from channel @c on: constants, but for the @count
 * channels that the last register has; @stride, @pitch: of runs of taps, or 0 */
NN_INLINE void
depthwise_tile(const NnFinishKind kind, const int pixels, const int vectors, const int stride,
               const int64_t pitch, const NnPixels *p, int64_t x, int64_t c, int64_t count)
{
  NnFloats sum[WISE_PIXELS][WISE_VECTORS];
#pragma GCC unroll 16
  for (int r = 0; r < pixels; r++)
#pragma GCC unroll 16
    for (int i = 0; i < vectors; i++)
      sum[r][i] = (NnFloats){0};
  for (int64_t t = 0; stride > 0 && t < p->n_taps; t += WISE_RUN)
    depthwise_run(pixels, vectors, MAX(stride, 1), pitch, p, p->taps + t, x, c, sum);
  if (stride == 0)
    depthwise_taps(pixels, vectors, p, x, c, count, sum);
  depthwise_finish(kind, pixels, vectors, p, x, c, count, sum);
}

NN_INLINE void
depthwise_pixels(const NnFinishKind kind, const int pixels, const int stride, const int64_t pitch,
                 const NnPixels *p, int64_t x)
{
  int64_t c = 0, channels = p->target_channels;
  for (; c + WISE_VECTORS * NN_LANES <= channels; c += WISE_VECTORS * NN_LANES)
    depthwise_tile(kind, pixels, WISE_VECTORS, stride, pitch, p, x, c, NN_LANES);
  for (; c + NN_LANES <= channels; c += NN_LANES)
    depthwise_tile(kind, pixels, 1, stride, pitch, p, x, c, NN_LANES);
  if (c < channels)
    depthwise_tile(kind, pixels, 1, 0, 0, p, x, c, channels - c);
}

/* how far apart, in pixels, results are whose taps come in runs; 0 where they do not */
static int
find_runs(const NnPixels *p)
{
  int64_t pixel = p->source_channels;
  bool runs = p->n_taps % WISE_RUN == 0 && (p->step == pixel || p->step == 2 * pixel);
  for (int64_t t = 0; runs && t < p->n_taps; t++)
    runs = t % WISE_RUN == 0 || p->taps[t].source == p->taps[t - 1].source + pixel;
  return runs ? (int)(p->step / pixel) : 0;
}

NN_INLINE void
depthwise_row(const NnFinishKind kind, const int stride, const int64_t pitch, const NnPixels *p)
{
  int64_t x = 0;
  for (; x + WISE_PIXELS <= p->count; x += WISE_PIXELS)
    depthwise_pixels(kind, WISE_PIXELS, stride, pitch, p, x);
  for (; x < p->count; x++)
    depthwise_pixels(kind, 1, stride, pitch, p, x);
}

NN_INLINE void
depthwise_of(const NnFinishKind kind, const NnPixels *p)
{
  int stride = find_runs(p);
  bool block = p->source_channels == NN_BLOCK;
  if (stride == 1 && block)
    depthwise_row(kind, 1, NN_BLOCK, p);
  else if (stride == 1)
    depthwise_row(kind, 1, p->source_channels, p);
  else if (stride == 2 && block)
    depthwise_row(kind, 2, NN_BLOCK, p);
  else if (stride == 2)
    depthwise_row(kind, 2, p->source_channels, p);
  else
    depthwise_row(kind, 0, 0, p);
}

NN_OF_EACH_KIND(depthwise, NnPixels)

const NnConvLanes NN_LANES_NAME(nn_conv_lanes) = {
    .pack = pack,
    .product = product,
    .team = team,
    .transpose = transpose,
    .few_in = few_in,
    .few_out = few_out,
    .depthwise = depthwise,
};
