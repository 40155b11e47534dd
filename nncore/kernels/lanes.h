/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files share that are compiled once for each instruction set (nncore/meson.build, with
 * NN_LANES 4, 8 and 16): registers of NN_LANES floats, the product's inner loop, what is done to a
 * result while it is still in a register, and the transpose of a square. All of it is inlined. */
#pragma once

#include <string.h>

#include "nncore/kernels/finish.h"
#include "nncore/kernels/vector.h"

#if NN_LANES >= 8
#include <immintrin.h>
#endif

#define NN_INLINE static inline __attribute__((always_inline))

/* channels of a block of packed pixels and of a panel of filters: a line of the cache */
enum { NN_BLOCK = 16 };

/* the product keeps NN_ROWS x (NN_PANELS panels) of sums in registers: as many as there are, but
 * for what the operands need */
#if NN_LANES == 16
#define NN_LANES_NAME(name) name##_avx512
enum { NN_ROWS = 14, NN_PANELS = 2 };
#elif NN_LANES == 8
#define NN_LANES_NAME(name) name##_avx2
enum { NN_ROWS = 6, NN_PANELS = 1 };
#else
#define NN_LANES_NAME(name) name##_baseline
#ifdef __aarch64__
enum { NN_ROWS = 6, NN_PANELS = 1 };
#else
enum { NN_ROWS = 3, NN_PANELS = 1 };
#endif
#endif

enum { NN_PER_PANEL = NN_BLOCK / NN_LANES, NN_COLUMNS = NN_PANELS * NN_PER_PANEL };

/* @x in every lane. Adding it to 0 would cost an addition, for the sake of -0. */
NN_INLINE NnFloats
nn_spread(float x)
{
#if NN_LANES == 16
  return (NnFloats)_mm512_set1_ps(x);
#elif NN_LANES == 8
  return (NnFloats)_mm256_set1_ps(x);
#else
  return (NnFloats){x, x, x, x};
#endif
}

NN_INLINE NnFloats
nn_load(const float *from)
{
  return *(const NnFloatsAt *)from;
}

NN_INLINE void
nn_store(float *to, NnFloats value)
{
  *(NnFloatsAt *)to = value;
}

/* the first @count floats; the other lanes are 0 */
NN_INLINE NnFloats
nn_load_some(const float *from, int64_t count)
{
  if (count >= NN_LANES)
    return nn_load(from);
  float lanes[NN_LANES] = {0};
  memcpy(lanes, from, (size_t)count * sizeof *lanes);
  return nn_load(lanes);
}

NN_INLINE void
nn_store_some(float *to, NnFloats value, int64_t count)
{
  if (count >= NN_LANES)
    nn_store(to, value);
  else
    memcpy(to, &value, (size_t)count * sizeof *to);
}

/* ---- what is done to results ---- */

/* a bit for each lane that is not zero, the first lane's the lowest */
NN_INLINE unsigned
nn_lane_bits(NnInts truth)
{
#if NN_LANES == 16
  return _mm512_movepi32_mask((__m512i)truth);
#elif NN_LANES == 8
  return (unsigned)_mm256_movemask_ps((__m256)truth);
#else
  NnInts bits = truth & (NnInts){1, 2, 4, 8};
  return (unsigned)(bits[0] | bits[1] | bits[2] | bits[3]);
#endif
}

/* the larger and the smaller; @x where it is not a number */
NN_INLINE NnFloats
nn_max_lanes(NnFloats limit, NnFloats x)
{
#if NN_LANES == 16
  return (NnFloats)_mm512_max_ps((__m512)limit, (__m512)x);
#elif NN_LANES == 8
  return (NnFloats)_mm256_max_ps((__m256)limit, (__m256)x);
#else
  NnInts below = x < limit;
  return (NnFloats)(((NnInts)limit & below) | ((NnInts)x & ~below));
#endif
}

NN_INLINE NnFloats
nn_min_lanes(NnFloats limit, NnFloats x)
{
#if NN_LANES == 16
  return (NnFloats)_mm512_min_ps((__m512)limit, (__m512)x);
#elif NN_LANES == 8
  return (NnFloats)_mm256_min_ps((__m256)limit, (__m256)x);
#else
  NnInts above = x > limit;
  return (NnFloats)(((NnInts)limit & above) | ((NnInts)x & ~above));
#endif
}

NN_INLINE NnFloats
nn_limit_lanes(NnFinish finish, NnFloats value)
{
  NnFloats low = nn_spread(finish.activation.low), high = nn_spread(finish.activation.high);
  return nn_min_lanes(high, nn_max_lanes(low, value));
}

/* where the gradient passes as it is */
NN_INLINE NnInts
nn_passes_lanes(NnFinish finish, NnFloats value)
{
  if (finish.activation.kind != NN_ACTIVATION_CLIP)
    return value > 0;
  return (value >= finish.activation.low) & (value <= finish.activation.high);
}

/* the bits of the lanes from channel @c on, of a pixel whose bits begin at @pixel; channels come
 * in ascending order, since half a byte is filled up by the next lanes */
NN_INLINE void
nn_store_bits(uint8_t *pixel, int64_t c, NnInts passes)
{
  unsigned bits = nn_lane_bits(passes);
#if NN_LANES == 16
  memcpy(pixel + c / 8, &(uint16_t){(uint16_t)bits}, 2);
#elif NN_LANES == 8
  pixel[c / 8] = (uint8_t)bits;
#else
  pixel[c / 8] = (uint8_t)(c % 8 == 0 ? bits : pixel[c / 8] | bits << 4);
#endif
}

/* past the caches, where a store fills a line of them: in halves it would be slower */
NN_INLINE void
nn_stream(float *to, NnFloats value)
{
#if NN_LANES == 16
  _mm512_stream_ps(to, (__m512)value);
#else
  nn_store(to, value);
#endif
}

/* @value times 1 where the gate's bit is set, else times its slope; the first lane's bit is that of
 * element @index, the first @count lanes count */
NN_INLINE NnFloats
nn_gate_lanes(NnGate gate, NnFloats value, int64_t index, int64_t count)
{
  const uint8_t *byte = gate.bits + (uint64_t)index / 8;
  NnFloats scaled = value * gate.slope;
#if NN_LANES == 16
  uint16_t bits = *byte;
  if (count > 8)
    memcpy(&bits, byte, sizeof bits);
  return (NnFloats)_mm512_mask_blend_ps(bits, (__m512)scaled, (__m512)value);
#else
#if NN_LANES == 8
  const NnInts lanes = {1, 2, 4, 8, 16, 32, 64, 128};
  NnInts passes = (((NnInts){0} + *byte) & lanes) != 0;
#else
  const NnInts lanes = {1, 2, 4, 8};
  NnInts passes = (((NnInts){0} + (*byte >> index % 8)) & lanes) != 0;
#endif
  return (NnFloats)(((NnInts)value & passes) | ((NnInts)scaled & ~passes));
#endif
}

/* What there is to do after bias and limits. A tile's results are finished by code made for its kind,
 * without a branch for each: products of 16 channels are 1.2 times as fast for it, depthwise convolutions
 * 1.4 times. */
typedef enum {
  NN_FINISH_LIMITS, /* nothing */
  NN_FINISH_BITS,
  NN_FINISH_GATE, /* without limits */
  NN_FINISH_ANY,
} NnFinishKind;

NN_INLINE NnFinishKind
nn_finish_kind(const NnFinish *finish)
{
  bool limits = finish->activation.kind != NN_ACTIVATION_NONE, gate = finish->gate.bits != NULL;
  bool streams = NN_LANES == 16 && finish->stream; /* nn_stream() */
  if (finish->activation.kind == NN_ACTIVATION_LEAKY_RELU || streams ||
      (gate && (limits || finish->bits != NULL)))
    return NN_FINISH_ANY;
  if (gate)
    return NN_FINISH_GATE;
  return finish->bits != NULL ? NN_FINISH_BITS : NN_FINISH_LIMITS;
}

/* A copy, made here and not before: else the compiler makes its limits and more ready before the loops
 * that sum up, and takes registers away from the sums. */
NN_INLINE NnFinish
nn_finish_here(const NnFinish *finish)
{
  __asm__ volatile("" : "+r"(finish));
  return *finish;
}

NN_INLINE NnFloats
nn_bias_lanes(NnFinish finish, int64_t c, int64_t count)
{
  return finish.bias != NULL ? nn_load_some(finish.bias + c, count) : (NnFloats){0};
}

/* the first @count lanes of @value, which has its bias: channel @c of a pixel, to go @to there; of the
 * target's elements, which bits count, the pixel's first is @element. @finish is a copy of the caller's
 * own (nn_finish_here()), which no store can change. */
NN_INLINE void
nn_finish_lanes(const NnFinishKind kind, NnFinish finish, NnFloats value, float *to,
                int64_t element, int64_t c, int64_t count)
{
  NnFloats result = kind == NN_FINISH_GATE ? value : nn_limit_lanes(finish, value);
  if (kind == NN_FINISH_ANY && finish.activation.kind == NN_ACTIVATION_LEAKY_RELU)
    result += finish.activation.slope * nn_min_lanes((NnFloats){0}, value);
  if (kind == NN_FINISH_GATE || (kind == NN_FINISH_ANY && finish.gate.bits != NULL))
    result = nn_gate_lanes(finish.gate, result, element + c, count);
  if (kind == NN_FINISH_ANY && finish.stream)
    nn_stream(to, result);
  else
    nn_store_some(to, result, count);
  if (kind != NN_FINISH_BITS && (kind != NN_FINISH_ANY || finish.bits == NULL))
    return;
  NnInts passes = nn_passes_lanes(finish, value);
  if (NN_LANES == 16 && count < NN_LANES) /* 8: pixels are whole bytes */
    finish.bits[(uint64_t)(element + c) / 8] = (uint8_t)nn_lane_bits(passes);
  else
    nn_store_bits(finish.bits + (uint64_t)element / 8, c, passes);
}

/* asks for the lines of a pixel's @count floats before they are written */
NN_INLINE void
nn_expect(const float *pixel, int count)
{
#pragma GCC unroll 4
  for (int i = 0; i < count; i += NN_BLOCK)
    __builtin_prefetch(pixel + i, 1);
}

/* ---- the product ---- */

/* sum += @count channels of @rows pixels, @step floats apart, times @panels panels; @rows and @panels are
 * constants where this is inlined */
NN_INLINE void
nn_multiply_block(const int rows, const int panels, int count, const float *v, const int64_t step,
                  const float *u, int64_t panel, NnFloats sum[NN_ROWS][NN_COLUMNS])
{
/* unrolled, it would keep too much in registers */
#pragma GCC unroll 1
  for (int k = 0; k < count; k++, u += NN_BLOCK) {
    NnFloats b[NN_COLUMNS];
#pragma GCC unroll 16
    for (int i = 0; i < panels * NN_PER_PANEL; i++)
      b[i] = nn_load(u + i / NN_PER_PANEL * panel + i % NN_PER_PANEL * NN_LANES);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
      for (int i = 0; i < panels * NN_PER_PANEL; i++)
        sum[r][i] += v[r * step + k] * b[i];
  }
}

/* ---- transposing ---- */

/* masks of a shuffle of two rows, lane by lane */
#define NN_LOW(i, size) (((i) & (size)) != 0 ? NN_LANES + (i) - (size) : (i))
#define NN_HIGH(i, size) (((i) & (size)) != 0 ? NN_LANES + (i) : (i) + (size))
#define NN_FOUR(f, i, size) f(i, size), f(i + 1, size), f(i + 2, size), f(i + 3, size)
#if NN_LANES == 16
#define NN_EACH(f, size) \
  NN_FOUR(f, 0, size), NN_FOUR(f, 4, size), NN_FOUR(f, 8, size), NN_FOUR(f, 12, size)
#elif NN_LANES == 8
#define NN_EACH(f, size) NN_FOUR(f, 0, size), NN_FOUR(f, 4, size)
#else
#define NN_EACH(f, size) NN_FOUR(f, 0, size)
#endif

/* Swaps blocks of @size across the diagonal of each square of twice the size. A macro, since the
 * places must be constants in the call. */
#define NN_SWAP_BLOCKS(rows, size) \
  _Pragma("GCC unroll 16") for (int r = 0; r < NN_LANES; r++) \
  { \
    if ((r & (size)) != 0) \
      continue; \
    NnFloats a = rows[r], b = rows[r + (size)]; \
    rows[r] = __builtin_shufflevector(a, b, NN_EACH(NN_LOW, size)); \
    rows[r + (size)] = __builtin_shufflevector(a, b, NN_EACH(NN_HIGH, size)); \
  }

/* Eklundh's, of NN_LANES x NN_LANES floats in rows of NN_BLOCK */
NN_INLINE void
nn_transpose_lanes(const float *from, float *to)
{
  NnFloats rows[NN_LANES];
#pragma GCC unroll 16
  for (int r = 0; r < NN_LANES; r++)
    rows[r] = nn_load(from + r * NN_BLOCK);
  NN_SWAP_BLOCKS(rows, 1)
  NN_SWAP_BLOCKS(rows, 2)
#if NN_LANES >= 8
  NN_SWAP_BLOCKS(rows, 4)
#endif
#if NN_LANES >= 16
  NN_SWAP_BLOCKS(rows, 8)
#endif
#pragma GCC unroll 16
  for (int r = 0; r < NN_LANES; r++)
    nn_store(to + r * NN_BLOCK, rows[r]);
}

/* NN_BLOCK x NN_BLOCK floats */
NN_INLINE void
nn_transpose_block(const float *from, float *to)
{
  for (int r = 0; r < NN_BLOCK; r += NN_LANES)
    for (int c = 0; c < NN_BLOCK; c += NN_LANES)
      nn_transpose_lanes(from + r * NN_BLOCK + c, to + c * NN_BLOCK + r);
}
