/* SPDX-License-Identifier: GPL-3.0-or-later */
/* F(4 x 4, 3 x 3) by blocks of tiles. A block's tiles are transformed (V = B' d B), multiplied
 * with the filters (M = V U, one product for each of the 36 places), and transformed back
 * (Y = A' M A) with bias and activation, by one thread, all in its scratch:
 *   V: 36 x tiles x source channels,  M: 36 x tiles x target channels.
 * Transforms run over four channels at a time. */
#include "nncore/kernels/winograd.h"

#include <string.h>

#include "nncore/kernels/gemm.h"
#include "nncore/kernels/vector.h"

enum { IN = 6, OUT = 4, PLACES = NN_WINOGRAD_PLACES };

/* Tiles a block: enough rows to spread the cost of packing the filters in each product, few
 * enough for V and M to stay near the second-level cache. */
static int64_t
choose_tiles(int64_t source_channels, int64_t target_channels)
{
  return CLAMP(16384 / (source_channels + target_channels), 64, 128);
}

bool
nn_winograd_fits(int64_t source_channels, int64_t target_channels)
{
  return source_channels % NN_LANES == 0 && target_channels % 8 == 0;
}

/* Floats from a place's matrix to the next one's. Channel counts are mostly powers of two; without
 * the line in between, all 36 would fall into the same set of the cache. */
static int64_t
place_stride(int64_t tiles, int64_t channels)
{
  return tiles * channels + 16;
}

/* V, M, and one padded patch */
static int64_t
floats_per_worker(int64_t source_channels, int64_t target_channels)
{
  int64_t tiles = choose_tiles(source_channels, target_channels);
  return PLACES * (place_stride(tiles, source_channels) + place_stride(tiles, target_channels) +
                   source_channels);
}

size_t
nn_winograd_scratch_bytes(int64_t source_channels, int64_t target_channels, int threads)
{
  return (size_t)floats_per_worker(source_channels, target_channels) * (size_t)threads *
         sizeof(float);
}

/* ---- filters: U = G g G' ---- */

static void
transform_three(const float g[3], float u[IN])
{
  u[0] = g[0] / 4;
  u[1] = -(g[0] + g[1] + g[2]) / 6;
  u[2] = -(g[0] - g[1] + g[2]) / 6;
  u[3] = g[0] / 24 + g[1] / 12 + g[2] / 6;
  u[4] = g[0] / 24 - g[1] / 12 + g[2] / 6;
  u[5] = g[2];
}

static void
transform_filter(const float *taps, int64_t stride, float *filters)
{
  float rows[3][IN];
  for (int y = 0; y < 3; y++) {
    const float g[3] = {taps[3 * y * stride], taps[(3 * y + 1) * stride],
                        taps[(3 * y + 2) * stride]};
    transform_three(g, rows[y]);
  }
  for (int x = 0; x < IN; x++) {
    const float column[3] = {rows[0][x], rows[1][x], rows[2][x]};
    float u[IN];
    transform_three(column, u);
    for (int y = 0; y < IN; y++)
      filters[(y * IN + x) * stride] = u[y];
  }
}

void
nn_winograd_filters(const float *taps, int64_t source_channels, int64_t target_channels,
                    float *filters)
{
  int64_t pairs = source_channels * target_channels;
  for (int64_t i = 0; i < pairs; i++)
    transform_filter(taps + i, pairs, filters + i);
}

/* ---- transforms of four channels ---- */

static inline void
transform_in(const NnFloats d[IN], NnFloats v[IN])
{
  NnFloats a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], c = d[4] - d[2], e = 2 * (d[3] - d[1]);
  v[0] = 4 * d[0] - 5 * d[2] + d[4];
  v[1] = a + b;
  v[2] = a - b;
  v[3] = c + e;
  v[4] = c - e;
  v[5] = 4 * d[1] - 5 * d[3] + d[5];
}

static inline void
transform_out(const NnFloats m[IN], NnFloats y[OUT])
{
  NnFloats sum1 = m[1] + m[2], diff1 = m[1] - m[2], sum2 = m[3] + m[4], diff2 = m[3] - m[4];
  y[0] = m[0] + sum1 + sum2;
  y[1] = diff1 + 2 * diff2;
  y[2] = sum1 + 4 * sum2;
  y[3] = diff1 + 8 * diff2 + m[5];
}

typedef struct {
  const NnWinograd *winograd;
  const float *source;
  float *target;
  const float *bias;
  NnActivation activation;
  uint8_t *bits;
  float *scratch;
  int64_t tiles_high, tiles_wide, block;
} Job;

/* a tile's first target pixel */
typedef struct {
  int64_t n, y, x;
} Tile;

static Tile
tile_at(const Job *job, int64_t index)
{
  int64_t in_picture = index % (job->tiles_high * job->tiles_wide);
  return (Tile){
      .n = index / (job->tiles_high * job->tiles_wide),
      .y = in_picture / job->tiles_wide * OUT,
      .x = in_picture % job->tiles_wide * OUT,
  };
}

/* rows and columns of the 6 x 6 patch that lie inside the picture: begin to end */
static void
clip(int64_t first, int64_t size, int *begin, int *end)
{
  *begin = (int)CLAMP(-first, 0, IN);
  *end = (int)CLAMP(size - first, 0, IN);
}

/* V of one patch of 6 x 6 pixels */
static void
transform_patch(const float *patch, int64_t row_stride, int64_t channels, float *v, int64_t stride)
{
  for (int64_t c = 0; c < channels; c += NN_LANES) {
    NnFloats columns[IN][IN];
    for (int x = 0; x < IN; x++) {
      NnFloats d[IN];
      for (int y = 0; y < IN; y++)
        d[y] = *(const NnFloats *)(patch + y * row_stride + x * channels + c);
      transform_in(d, columns[x]);
    }
    for (int y = 0; y < IN; y++) {
      NnFloats row[IN], out[IN];
      for (int x = 0; x < IN; x++)
        row[x] = columns[x][y];
      transform_in(row, out);
      for (int x = 0; x < IN; x++)
        *(NnFloats *)(v + (y * IN + x) * stride + c) = out[x];
    }
  }
}

/* V of one tile: from the picture itself, or, at its border, from a copy with zeros around */
static void
transform_tile(const Job *job, const Tile *tile, float *v, int64_t stride, float *padded)
{
  const NnWinograd *w = job->winograd;
  int64_t top = tile->y - w->pad_top, left = tile->x - w->pad_left, channels = w->source_channels;
  int y0, y1, x0, x1;
  clip(top, w->source_height, &y0, &y1);
  clip(left, w->source_width, &x0, &x1);
  int64_t first = (tile->n * w->source_height + top) * w->source_width + left;
  if (y0 == 0 && y1 == IN && x0 == 0 && x1 == IN) {
    transform_patch(job->source + first * channels, w->source_width * channels, channels, v,
                    stride);
    return;
  }
  memset(padded, 0, (size_t)(PLACES * channels) * sizeof *padded);
  for (int y = y0; y < y1 && x0 < x1; y++)
    memcpy(padded + (y * IN + x0) * channels,
           job->source + (first + y * w->source_width + x0) * channels,
           (size_t)((x1 - x0) * channels) * sizeof *padded);
  transform_patch(padded, IN * channels, channels, v, stride);
}

/* bias, activation and its bits for one pixel */
static inline void
finish_pixel(const Job *job, int64_t pixel, float *y)
{
  int64_t channels = job->winograd->target_channels;
  nn_activation_forward(job->activation, y, channels,
                        job->bits != NULL ? job->bits + pixel * channels / 8 : NULL);
}

/* Y of one tile */
static void
transform_back(const Job *job, const Tile *tile, const float *m, int64_t stride)
{
  const NnWinograd *w = job->winograd;
  int64_t channels = w->target_channels;
  int64_t first = (tile->n * w->target_height + tile->y) * w->target_width + tile->x;
  int high = (int)MIN(OUT, w->target_height - tile->y);
  int wide = (int)MIN(OUT, w->target_width - tile->x);
  for (int64_t c = 0; c < channels; c += NN_LANES) {
    NnFloats columns[IN][OUT];
    NnFloats bias = job->bias != NULL ? *(const NnFloats *)(job->bias + c) : (NnFloats){0};
    for (int x = 0; x < IN; x++) {
      NnFloats column[IN];
      for (int y = 0; y < IN; y++)
        column[y] = *(const NnFloats *)(m + (y * IN + x) * stride + c);
      transform_out(column, columns[x]);
    }
    for (int y = 0; y < high; y++) {
      NnFloats row[IN], out[OUT];
      for (int x = 0; x < IN; x++)
        row[x] = columns[x][y];
      transform_out(row, out);
      for (int x = 0; x < wide; x++)
        *(NnFloats *)(job->target + (first + y * w->target_width + x) * channels + c) =
            out[x] + bias;
    }
  }
  if (job->activation.kind == NN_ACTIVATION_NONE)
    return;
  for (int y = 0; y < high; y++)
    for (int x = 0; x < wide; x++) {
      int64_t pixel = first + y * w->target_width + x;
      finish_pixel(job, pixel, job->target + pixel * channels);
    }
}

static void
run_block(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnWinograd *w = job->winograd;
  int64_t in = w->source_channels, out = w->target_channels, tiles = end - begin;
  int64_t v_stride = place_stride(tiles, in), m_stride = place_stride(tiles, out);
  float *v = job->scratch + worker * floats_per_worker(in, out);
  float *m = v + PLACES * place_stride(job->block, in);
  float *padded = m + PLACES * place_stride(job->block, out);
  for (int64_t t = 0; t < tiles; t++) {
    Tile tile = tile_at(job, begin + t);
    transform_tile(job, &tile, v + t * in, v_stride, padded);
  }
  for (int place = 0; place < PLACES; place++)
    nn_gemm(false, false, tiles, out, in, 1, v + place * v_stride, in,
            w->filters + place * in * out, out, 0, m + place * m_stride, out);
  for (int64_t t = 0; t < tiles; t++) {
    Tile tile = tile_at(job, begin + t);
    transform_back(job, &tile, m + t * out, m_stride);
  }
}

void
nn_winograd_run(NnContext *context, const NnWinograd *winograd, const float *source, float *target,
                const float *bias, NnActivation activation, uint8_t *bits, void *scratch)
{
  Job job = {
      .winograd = winograd,
      .source = source,
      .target = target,
      .bias = bias,
      .activation = activation,
      .bits = bits,
      .scratch = scratch,
      .tiles_high = (winograd->target_height + OUT - 1) / OUT,
      .tiles_wide = (winograd->target_width + OUT - 1) / OUT,
      .block = choose_tiles(winograd->source_channels, winograd->target_channels),
  };
  nn_parallel_for(context, winograd->batch * job.tiles_high * job.tiles_wide, job.block, run_block,
                  &job);
}
