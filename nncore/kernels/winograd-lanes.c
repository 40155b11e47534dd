/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compiled with NN_LANES 4, 8 and 16 (nncore/meson.build). The transforms are those of the points
 * 0, 1, -1, 1/2, -2 and infinity (winograd.c says why), over as many channels at a time as a
 * register holds. The product is that of lanes.h. */
#include "nncore/kernels/winograd-lanes.h"

#include "nncore/kernels/lanes.h"

enum { IN = NN_WINOGRAD_IN, OUT = NN_WINOGRAD_OUT, BLOCK = NN_WINOGRAD_BLOCK };

/* ---- transforms of six values to six, and to four ---- */

NN_INLINE void
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

NN_INLINE void
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

NN_INLINE void
transform_out(const NnFloats m[IN], NnFloats y[OUT])
{
  NnFloats sum = m[1] + m[2], difference = m[1] - m[2];
  y[0] = m[0] + sum + m[3] + m[4];
  y[1] = difference + 0.5f * m[3] - 2 * m[4];
  y[2] = sum + 0.25f * m[3] + 4 * m[4];
  y[3] = difference + 0.125f * m[3] - 8 * m[4] + m[5];
}

NN_INLINE void
transform_out_flipped(const NnFloats m[IN], NnFloats y[OUT])
{
  NnFloats sum = m[1] + m[2], difference = m[1] - m[2];
  y[0] = m[5] + sum + m[3] + m[4];
  y[1] = difference + 2 * m[3] - 0.5f * m[4];
  y[2] = sum + 4 * m[3] + 0.25f * m[4];
  y[3] = difference + 8 * m[3] - 0.125f * m[4] - m[0];
}

NN_INLINE void
transform_patch(const float *patch, int64_t row, int64_t channels, const bool flipped,
                NnWinogradTile v)
{
  for (int64_t c = 0; c < channels; c += NN_LANES) {
    NnFloats columns[IN][IN];
    for (int x = 0; x < IN; x++) {
      NnFloats d[IN];
      for (int y = 0; y < IN; y++)
        d[y] = nn_load(patch + y * row + x * channels + c);
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
        nn_store(to + (y * IN + x) * v.place, out[x]);
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

NN_INLINE void
transform_tile(const NnFinishKind kind, NnWinogradTile m, int64_t channels, const bool flipped,
               const NnFinish *finish, float *target, NnWinogradPixels to,
               NnWinogradPixels elements, int high, int wide)
{
  NnFinish last = *finish;
  for (int64_t c = 0; c < channels; c += NN_LANES) {
    NnFloats columns[IN][OUT];
    const float *from = m.at + c / BLOCK * m.block + c % BLOCK;
    NnFloats bias = nn_bias_lanes(last, c, NN_LANES);
    for (int x = 0; x < IN; x++) {
      NnFloats column[IN];
      for (int y = 0; y < IN; y++)
        column[y] = nn_load(from + (y * IN + x) * m.place);
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
      float *line_to = target + to.at + y * to.row + c;
      int64_t element = elements.at + y * elements.row;
      for (int x = 0; x < wide; x++, line_to += to.pixel, element += elements.pixel)
        nn_finish_lanes(kind, last, out[x] + bias, line_to, element, c, NN_LANES);
    }
  }
}

/* a whole tile: with constant loops it stays in registers */
NN_INLINE void
transform_whole(NnWinogradTile m, int64_t channels, const bool flipped, const NnFinish *finish,
                float *target, NnWinogradPixels to, NnWinogradPixels elements)
{
  switch (nn_finish_kind(finish)) {
  case NN_FINISH_LIMITS:
    transform_tile(NN_FINISH_LIMITS, m, channels, flipped, finish, target, to, elements, OUT, OUT);
    break;
  case NN_FINISH_BITS:
    transform_tile(NN_FINISH_BITS, m, channels, flipped, finish, target, to, elements, OUT, OUT);
    break;
  case NN_FINISH_GATE:
    transform_tile(NN_FINISH_GATE, m, channels, flipped, finish, target, to, elements, OUT, OUT);
    break;
  default:
    transform_tile(NN_FINISH_ANY, m, channels, flipped, finish, target, to, elements, OUT, OUT);
  }
}

static void
transform_back(NnWinogradTile m, int64_t channels, bool flipped, const NnFinish *finish,
               float *target, NnWinogradPixels to, NnWinogradPixels elements, int high, int wide)
{
  bool whole = high == OUT && wide == OUT;
  if (whole && flipped)
    transform_whole(m, channels, true, finish, target, to, elements);
  else if (whole)
    transform_whole(m, channels, false, finish, target, to, elements);
  else if (flipped)
    transform_tile(NN_FINISH_ANY, m, channels, true, finish, target, to, elements, high, wide);
  else
    transform_tile(NN_FINISH_ANY, m, channels, false, finish, target, to, elements, high, wide);
}

/* ---- pooling ---- */

/* the largest of a window's pixels, @row floats from one row of it to the next; a NaN always wins */
NN_INLINE NnFloats
max_of_window(const float *window, int64_t channels, int64_t row, NnInts *winner)
{
  NnFloats best = nn_load(window);
  *winner = (NnInts){0};
  for (int k = 1; k < 4; k++) {
    NnFloats value = nn_load(window + k / 2 * row + k % 2 * channels);
    NnInts wins = (value > best) | (value != value);
    best = (NnFloats)(((NnInts)value & wins) | ((NnInts)best & ~wins));
    *winner = (((NnInts){0} + k) & wins) | (*winner & ~wins);
  }
  return best;
}

static void
pool(const float *tile, int64_t channels, const NnFinish *finish, float *target, int64_t at,
     int64_t row, int high, int wide, uint8_t *winners)
{
  NnFinish last = *finish;
  for (int y = 0; y < high; y++)
    for (int x = 0; x < wide; x++) {
      const float *window = tile + (2 * y * OUT + 2 * x) * channels;
      int64_t pixel = at + y * row + x * channels;
      for (int64_t c = 0; c < channels; c += NN_LANES) {
        NnInts winner;
        NnFloats best = max_of_window(window + c, channels, OUT * channels, &winner);
        nn_finish_lanes(NN_FINISH_ANY, last, best, target + pixel + c, pixel, c, NN_LANES);
        if (winners != NULL)
          *(NnBytesAt *)(winners + pixel + c) = __builtin_convertvector(winner, NnBytes);
      }
    }
}

static void
unpool(const float *gradient, const uint8_t *winners, int64_t channels, float *const pixels[4])
{
  for (int64_t c = 0; c < channels; c += NN_LANES) {
    NnInts value = *(const NnIntsAt *)(gradient + c);
    NnInts winner = __builtin_convertvector(*(const NnBytesAt *)(winners + c), NnInts);
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++)
      if (pixels[k] != NULL)
        nn_store(pixels[k] + c, (NnFloats)(value & (winner == k)));
  }
}

static void
settle(void)
{
#if NN_LANES == 16
  _mm_sfence();
#endif
}

/* ---- the product ---- */

/* @rows tiles times @panels panels; both are constants where this is inlined */
NN_INLINE void
multiply_rows(const int rows, const int panels, const NnWinogradProduct *p, const float *v,
              const float *u, float *m, const float *next)
{
  NnFloats sum[NN_ROWS][NN_COLUMNS];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int i = 0; i < panels * NN_PER_PANEL; i++)
      sum[r][i] = (NnFloats){0};
  for (int64_t left = p->source_channels; left > 0; left -= BLOCK, v += p->v_block) {
    int count = left < BLOCK ? (int)left : BLOCK;
    if (next != NULL) {
      for (int i = 0; i < panels * BLOCK; i++)
        __builtin_prefetch(next + i * BLOCK, 0, 2);
      next += p->next_row;
    }
    nn_multiply_block(rows, panels, count, v, BLOCK, u, p->panel, sum);
    u += count * BLOCK;
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int i = 0; i < panels * NN_PER_PANEL; i++)
      nn_store(m + i / NN_PER_PANEL * p->m_block + r * BLOCK + i % NN_PER_PANEL * NN_LANES,
               sum[r][i]);
}

/* all tiles times @panels panels */
NN_INLINE void
multiply_panels(const int panels, const NnWinogradProduct *p, const float *u, float *m)
{
  const float *v = p->v;
  const float *next = p->next; /* once, with the first rows */
  int64_t tiles = p->tiles;
  for (; tiles >= NN_ROWS;
       tiles -= NN_ROWS, v += NN_ROWS * BLOCK, m += NN_ROWS * BLOCK, next = NULL)
    multiply_rows(NN_ROWS, panels, p, v, u, m, next);
  for (; NN_ROWS > 4 && tiles >= 4; tiles -= 4, v += 4 * BLOCK, m += 4 * BLOCK)
    multiply_rows(NN_ROWS > 4 ? 4 : 1, panels, p, v, u, m, NULL);
  for (; tiles > 0; tiles--, v += BLOCK, m += BLOCK)
    multiply_rows(1, panels, p, v, u, m, NULL);
}

static void
multiply(const NnWinogradProduct *p)
{
  int64_t done = 0;
  for (; done + NN_PANELS <= p->panels; done += NN_PANELS)
    multiply_panels(NN_PANELS, p, p->u + done * p->panel, p->m + done * p->m_block);
  for (; done < p->panels; done++)
    multiply_panels(1, p, p->u + done * p->panel, p->m + done * p->m_block);
}

static void
transpose(const float *from, float *to)
{
  nn_transpose_block(from, to);
}

const NnWinogradLanes NN_LANES_NAME(nn_winograd_lanes) = {
    .lanes = NN_LANES,
    .transform = transform,
    .transform_back = transform_back,
    .pool = pool,
    .unpool = unpool,
    .settle = settle,
    .multiply = multiply,
    .transpose = transpose,
};
