/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compiled with NN_LANES 4, 8 and 16 (nncore/meson.build). The transforms are those of the points
 * 0, 1, -1, 1/2, -2 and infinity (winograd.c says why), over as many channels at a time as a
 * register holds. The product keeps ROWS x PARTS registers of sums: as many as there are, but for
 * what the operands need. */
#include "nncore/kernels/winograd-lanes.h"

#include "nncore/kernels/vector.h"

#define INLINE static inline __attribute__((always_inline))

enum { IN = NN_WINOGRAD_IN, OUT = NN_WINOGRAD_OUT, BLOCK = NN_WINOGRAD_BLOCK };

#if NN_LANES == 16
#define NAME nn_winograd_lanes_avx512
enum { ROWS = 14, PANELS = 2 };
#elif NN_LANES == 8
#define NAME nn_winograd_lanes_avx2
enum { ROWS = 6, PANELS = 1 };
#else
#define NAME nn_winograd_lanes_baseline
#ifdef __aarch64__
enum { ROWS = 6, PANELS = 1 };
#else
enum { ROWS = 3, PANELS = 1 };
#endif
#endif

INLINE NnFloats
load(const float *from)
{
  return *(const NnFloats *)from;
}

INLINE void
store(float *to, NnFloats value)
{
  *(NnFloats *)to = value;
}

/* ---- transforms of six values to six, and to four ---- */

INLINE void
transform_in(const NnFloats d[IN], NnFloats v[IN])
{
  NnFloats even = d[4] - d[2], odd = d[3] - d[1];
  v[0] = d[0] + d[4] - 2 * d[2] + 1.5f * odd;
  v[1] = d[4] - d[1] + 0.5f * d[2] + 2.5f * d[3];
  v[2] = d[4] + d[1] - 2.5f * d[2] + 0.5f * d[3];
  v[3] = even + 2 * odd;
  v[4] = even - 0.5f * odd;
  v[5] = d[1] + d[5] - 2 * d[3] + 1.5f * even;
}

INLINE void
transform_in_flipped(const NnFloats d[IN], NnFloats v[IN])
{
  NnFloats even = d[4] - d[2], odd = d[3] - d[1];
  v[0] = 2 * d[3] - d[1] - d[5] + 1.5f * even;
  v[1] = d[1] - d[4] + 2.5f * d[2] + 0.5f * d[3];
  v[2] = 2.5f * d[3] - d[1] - 0.5f * d[2] - d[4];
  v[3] = -0.25f * even - 0.125f * odd;
  v[4] = 8 * odd - 4 * even;
  v[5] = d[0] + d[4] - 2 * d[2] - 1.5f * odd;
}

INLINE void
transform_out(const NnFloats m[IN], NnFloats y[OUT])
{
  NnFloats sum = m[1] + m[2], difference = m[1] - m[2];
  y[0] = m[0] + sum + m[3] + m[4];
  y[1] = difference + 0.5f * m[3] - 2 * m[4];
  y[2] = sum + 0.25f * m[3] + 4 * m[4];
  y[3] = difference + 0.125f * m[3] - 8 * m[4] + m[5];
}

INLINE void
transform_out_flipped(const NnFloats m[IN], NnFloats y[OUT])
{
  NnFloats sum = m[1] + m[2], difference = m[1] - m[2];
  y[0] = m[5] + sum + m[3] + m[4];
  y[1] = difference + 2 * m[3] - 0.5f * m[4];
  y[2] = sum + 4 * m[3] + 0.25f * m[4];
  y[3] = difference + 8 * m[3] - 0.125f * m[4] - m[0];
}

INLINE void
transform_patch(const float *patch, int64_t row, int64_t channels, const bool flipped,
                NnWinogradTile v)
{
  for (int64_t c = 0; c < channels; c += NN_LANES) {
    NnFloats columns[IN][IN];
    for (int x = 0; x < IN; x++) {
      NnFloats d[IN];
      for (int y = 0; y < IN; y++)
        d[y] = load(patch + y * row + x * channels + c);
      if (flipped)
        transform_in_flipped(d, columns[x]);
      else
        transform_in(d, columns[x]);
    }
    float *to = v.at + c / BLOCK * v.block + c % BLOCK;
    for (int y = 0; y < IN; y++) {
      NnFloats line[IN], out[IN];
      for (int x = 0; x < IN; x++)
        line[x] = columns[x][y];
      if (flipped)
        transform_in_flipped(line, out);
      else
        transform_in(line, out);
      for (int x = 0; x < IN; x++)
        store(to + (y * IN + x) * v.place, out[x]);
    }
  }
}

static void
transform(const float *patch, int64_t row, int64_t channels, bool flipped, NnWinogradTile v)
{
  if (flipped)
    transform_patch(patch, row, channels, true, v);
  else
    transform_patch(patch, row, channels, false, v);
}

INLINE void
transform_tile(NnWinogradTile m, int64_t channels, const bool flipped, const float *bias,
               float *target, int64_t row, int high, int wide)
{
  for (int64_t c = 0; c < channels; c += NN_LANES) {
    NnFloats columns[IN][OUT];
    NnFloats shift = bias != NULL ? load(bias + c) : (NnFloats){0};
    const float *from = m.at + c / BLOCK * m.block + c % BLOCK;
    for (int x = 0; x < IN; x++) {
      NnFloats column[IN];
      for (int y = 0; y < IN; y++)
        column[y] = load(from + (y * IN + x) * m.place);
      if (flipped)
        transform_out_flipped(column, columns[x]);
      else
        transform_out(column, columns[x]);
    }
    for (int y = 0; y < high; y++) {
      NnFloats line[IN], out[OUT];
      for (int x = 0; x < IN; x++)
        line[x] = columns[x][y];
      if (flipped)
        transform_out_flipped(line, out);
      else
        transform_out(line, out);
      for (int x = 0; x < wide; x++)
        store(target + y * row + x * channels + c, out[x] + shift);
    }
  }
}

static void
transform_back(NnWinogradTile m, int64_t channels, bool flipped, const float *bias, float *target,
               int64_t row, int high, int wide)
{
  /* whole tiles apart: with constant loops they stay in registers */
  bool whole = high == OUT && wide == OUT;
  if (whole && flipped)
    transform_tile(m, channels, true, bias, target, row, OUT, OUT);
  else if (whole)
    transform_tile(m, channels, false, bias, target, row, OUT, OUT);
  else if (flipped)
    transform_tile(m, channels, true, bias, target, row, high, wide);
  else
    transform_tile(m, channels, false, bias, target, row, high, wide);
}

/* ---- the product ---- */

/* @rows tiles times @panels panels; both are constants where this is inlined */
INLINE void
multiply_rows(const int rows, const int panels, const NnWinogradProduct *p, const float *v,
              const float *u, float *m, const float *next)
{
  enum { PER_PANEL = BLOCK / NN_LANES };
  NnFloats sum[ROWS][PANELS * PER_PANEL];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int i = 0; i < panels * PER_PANEL; i++)
      sum[r][i] = (NnFloats){0};
  for (int64_t left = p->source_channels; left > 0; left -= BLOCK, v += p->v_block) {
    int count = left < BLOCK ? (int)left : BLOCK;
    if (next != NULL) {
      for (int i = 0; i < panels * BLOCK; i++)
        __builtin_prefetch(next + i * BLOCK, 0, 2);
      next += p->next_row;
    }
    for (int k = 0; k < count; k++, u += BLOCK) {
      NnFloats b[PANELS * PER_PANEL];
#pragma GCC unroll 16
      for (int i = 0; i < panels * PER_PANEL; i++)
        b[i] = load(u + i / PER_PANEL * p->panel + i % PER_PANEL * NN_LANES);
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
        for (int i = 0; i < panels * PER_PANEL; i++)
          sum[r][i] += v[r * BLOCK + k] * b[i];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int i = 0; i < panels * PER_PANEL; i++)
      store(m + i / PER_PANEL * p->m_block + r * BLOCK + i % PER_PANEL * NN_LANES, sum[r][i]);
}

/* all tiles times @panels panels */
INLINE void
multiply_panels(const int panels, const NnWinogradProduct *p, const float *u, float *m)
{
  const float *v = p->v;
  const float *next = p->next; /* once, with the first rows */
  int64_t tiles = p->tiles;
  for (; tiles >= ROWS; tiles -= ROWS, v += ROWS * BLOCK, m += ROWS * BLOCK, next = NULL)
    multiply_rows(ROWS, panels, p, v, u, m, next);
  for (; ROWS > 4 && tiles >= 4; tiles -= 4, v += 4 * BLOCK, m += 4 * BLOCK)
    multiply_rows(ROWS > 4 ? 4 : 1, panels, p, v, u, m, NULL);
  for (; tiles > 0; tiles--, v += BLOCK, m += BLOCK)
    multiply_rows(1, panels, p, v, u, m, NULL);
}

static void
multiply(const NnWinogradProduct *p)
{
  int64_t done = 0;
  for (; done + PANELS <= p->panels; done += PANELS)
    multiply_panels(PANELS, p, p->u + done * p->panel, p->m + done * p->m_block);
  for (; done < p->panels; done++)
    multiply_panels(1, p, p->u + done * p->panel, p->m + done * p->m_block);
}

/* ---- transposing ---- */

/* masks of a shuffle of two rows, lane by lane */
#define LOW(i, size) (((i) & (size)) != 0 ? NN_LANES + (i) - (size) : (i))
#define HIGH(i, size) (((i) & (size)) != 0 ? NN_LANES + (i) : (i) + (size))
#define FOUR(f, i, size) f(i, size), f(i + 1, size), f(i + 2, size), f(i + 3, size)
#if NN_LANES == 16
#define EACH(f, size) FOUR(f, 0, size), FOUR(f, 4, size), FOUR(f, 8, size), FOUR(f, 12, size)
#elif NN_LANES == 8
#define EACH(f, size) FOUR(f, 0, size), FOUR(f, 4, size)
#else
#define EACH(f, size) FOUR(f, 0, size)
#endif

/* Swaps blocks of @size across the diagonal of each square of twice the size. A macro, since the
 * places must be constants in the call. */
#define SWAP_BLOCKS(rows, size) \
  _Pragma("GCC unroll 16") for (int r = 0; r < NN_LANES; r++) \
  { \
    if ((r & (size)) != 0) \
      continue; \
    NnFloats a = rows[r], b = rows[r + (size)]; \
    rows[r] = __builtin_shufflevector(a, b, EACH(LOW, size)); \
    rows[r + (size)] = __builtin_shufflevector(a, b, EACH(HIGH, size)); \
  }

/* Eklundh's, of NN_LANES x NN_LANES floats */
INLINE void
transpose_square(const float *from, float *to)
{
  NnFloats rows[NN_LANES];
#pragma GCC unroll 16
  for (int r = 0; r < NN_LANES; r++)
    rows[r] = load(from + r * BLOCK);
  SWAP_BLOCKS(rows, 1)
  SWAP_BLOCKS(rows, 2)
#if NN_LANES >= 8
  SWAP_BLOCKS(rows, 4)
#endif
#if NN_LANES >= 16
  SWAP_BLOCKS(rows, 8)
#endif
#pragma GCC unroll 16
  for (int r = 0; r < NN_LANES; r++)
    store(to + r * BLOCK, rows[r]);
}

static void
transpose(const float *from, float *to)
{
  for (int r = 0; r < BLOCK; r += NN_LANES)
    for (int c = 0; c < BLOCK; c += NN_LANES)
      transpose_square(from + r * BLOCK + c, to + c * BLOCK + r);
}

const NnWinogradLanes NAME = {
    .lanes = NN_LANES,
    .transform = transform,
    .transform_back = transform_back,
    .multiply = multiply,
    .transpose = transpose,
};
