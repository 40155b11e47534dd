/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pooling. A tap is a place inside the window, numbered (z height + y) width + x. Forward walks
 * the taps of one output pixel, the running result in registers (pooling-lanes.c).
 * Backward walks, for one input row, the output rows whose windows touch it. */
#include "nncore/kernels/pooling.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/round.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/kernels/pooling-lanes.h"

#define MAX_TAPS INT64_C(0x7fffffff)
#define MAX_BYTE_TAPS 256 /* taps that a byte can number */

static int64_t
volume(const int64_t dims[NN_WINDOW_DIMS])
{
  return dims[0] * dims[1] * dims[2];
}

static bool
check_window(const NnWindow *window, GError **error)
{
  int64_t taps = 1;
  for (int i = 0; i < NN_WINDOW_DIMS; i++) {
    int64_t extent = (window->kernel[i] - 1) * window->dilation[i] + 1;
    if (window->kernel[i] > MAX_TAPS / taps || extent > MAX_TAPS) {
      g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                  _("The pooling window of this layer is too large."));
      return false;
    }
    taps *= window->kernel[i];
    if (window->pad_begin[i] >= extent || window->pad_end[i] >= extent) {
      g_set_error(error, NN_ERROR, NN_ERROR_MALFORMED,
                  _("The padding of this layer is not smaller than its pooling window."));
      return false;
    }
  }
  return true;
}

/* whether a window that begins before the picture has its taps on both sides of it; after so many as a
 * step the same distances come again */
static bool
has_empty_window(const NnPooling *pooling, int i)
{
  const NnWindow *w = &pooling->window;
  int64_t step = w->dilation[i], size = pooling->input[i];
  if (step <= size)
    return false;
  int64_t count = MIN(pooling->output[i], step);
  for (int64_t o = 0; o < count && o * w->stride[i] < w->pad_begin[i]; o++) {
    int64_t before = w->pad_begin[i] - o * w->stride[i];
    if (nn_round_up(before, step) - before >= size)
      return true;
  }
  return false;
}

bool
nn_pooling_resolve(const NnWindow *window, const NnShape *input, NnPooling *pooling, GError **error)
{
  if (!nn_shape_check(input, error) ||
      !nn_window_resolve(window, input, NULL, &pooling->window, pooling->output, error) ||
      !check_window(&pooling->window, error))
    return false;
  pooling->batch = input->dim[0];
  pooling->channels = input->dim[1];
  nn_window_input_dims(input, pooling->input);
  for (int i = 0; i < NN_WINDOW_DIMS; i++)
    if (has_empty_window(pooling, i)) {
      g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
                  _("The picture is too small for the padding of this layer."));
      return false;
    }
  return true;
}

static bool
has_byte_taps(const NnPooling *pooling)
{
  return volume(pooling->window.kernel) <= MAX_BYTE_TAPS;
}

size_t
nn_max_pool_taps_bytes(const NnPooling *pooling)
{
  int64_t count = pooling->batch * pooling->channels * volume(pooling->output);
  return (size_t)count * (has_byte_taps(pooling) ? 1 : sizeof(uint32_t));
}

typedef struct {
  const NnPooling *pooling;
  const NnPoolingLanes *lanes;
  const float *x;
  float *y;
  void *taps;
  int64_t *indices;
  bool column_major, byte_taps;
  NnDivisor divisor;
} Pool;

/* The taps of output place @o along one dimension that lie inside the input, and where the window
 * starts. @count is the divisor's share of this dimension. */
typedef struct {
  int64_t start, first, end, count;
} Span;

static const NnPoolingLanes *
choose_lanes(NnIsa isa)
{
#ifdef __x86_64__
  if (isa >= NN_ISA_AVX512)
    return &nn_pooling_lanes_avx512;
  if (isa >= NN_ISA_AVX2)
    return &nn_pooling_lanes_avx2;
#endif
  return &nn_pooling_lanes_baseline;
}

static int64_t
ceil_divide(int64_t a, int64_t b)
{
  return a <= 0 ? 0 : (a - 1) / b + 1;
}

static Span
span_of(const NnPooling *pooling, int dim, int64_t o, NnDivisor divisor)
{
  const NnWindow *w = &pooling->window;
  int64_t step = w->dilation[dim], size = pooling->input[dim];
  Span span = {.start = o * w->stride[dim] - w->pad_begin[dim]};
  if (span.start >= 0 && span.start + (w->kernel[dim] - 1) * step < size) { /* no divisions */
    span.end = w->kernel[dim];
    span.count = divisor == NN_DIVIDE_BY_ONE ? 1 : span.end;
    return span;
  }
  span.first = MIN(ceil_divide(-span.start, step), w->kernel[dim]);
  span.end = CLAMP(ceil_divide(size - span.start, step), span.first, w->kernel[dim]);
  if (divisor == NN_DIVIDE_BY_ONE)
    span.count = 1;
  else if (divisor == NN_DIVIDE_BY_PADDED)
    span.count = MIN(ceil_divide(size + w->pad_end[dim] - span.start, step), w->kernel[dim]);
  else
    span.count = span.end - span.first;
  span.count = MAX(span.count, 1);
  return span;
}

/* One output pixel: its spans, and the input of its picture at channel 0. */
typedef struct {
  const Pool *job;
  Span span[NN_WINDOW_DIMS];
  const float *x;
  int64_t batch_item;
} Pixel;

/* where window row (z, y) has its first tap inside the input */
static inline int64_t
row_offset(const Pixel *pixel, int64_t z, int64_t y)
{
  const NnPooling *p = pixel->job->pooling;
  const Span *sx = &pixel->span[2];
  int64_t iz = pixel->span[0].start + z * p->window.dilation[0];
  int64_t iy = pixel->span[1].start + y * p->window.dilation[1];
  int64_t ix = sx->start + sx->first * p->window.dilation[2];
  return ((iz * p->input[1] + iy) * p->input[2] + ix) * p->channels;
}

typedef void (*PixelFunc)(const Pixel *pixel, int64_t out);

/* rows of output pixels: begin and end count (n, z, y) */
static void
for_pixels(const Pool *job, int64_t begin, int64_t end, PixelFunc func)
{
  const NnPooling *p = job->pooling;
  int64_t picture = volume(p->input) * p->channels;
  for (int64_t row = begin; row < end; row++) {
    int64_t n = row / (p->output[0] * p->output[1]);
    int64_t z = row / p->output[1] % p->output[0], y = row % p->output[1];
    Pixel pixel = {.job = job, .x = job->x + n * picture, .batch_item = n};
    pixel.span[0] = span_of(p, 0, z, job->divisor);
    pixel.span[1] = span_of(p, 1, y, job->divisor);
    for (int64_t x = 0; x < p->output[2]; x++) {
      pixel.span[2] = span_of(p, 2, x, job->divisor);
      func(&pixel, (row * p->output[2] + x) * p->channels);
    }
  }
}

static void
run_rows(NnContext *context, const NnPooling *p, const int64_t dims[NN_WINDOW_DIMS],
         NnParallelFunc func, gpointer job)
{
  int64_t cost = p->output[2] * p->channels * volume(p->window.kernel) / 4;
  nn_parallel_for(context, p->batch * dims[0] * dims[1], nn_grain(cost), func, job);
}

/* ONNX's index of a tap of this pixel, at channel @c */
static int64_t
index_of(const Pixel *pixel, int64_t tap, int64_t c)
{
  const NnPooling *p = pixel->job->pooling;
  const NnWindow *w = &p->window;
  int64_t place[NN_WINDOW_DIMS] = {tap / (w->kernel[1] * w->kernel[2]),
                                   tap / w->kernel[2] % w->kernel[1], tap % w->kernel[2]};
  for (int i = 0; i < NN_WINDOW_DIMS; i++)
    place[i] = pixel->span[i].start + place[i] * w->dilation[i];
  int64_t inside = pixel->job->column_major
                       ? place[0] + p->input[0] * (place[1] + p->input[1] * place[2])
                       : (place[0] * p->input[1] + place[1]) * p->input[2] + place[2];
  return (pixel->batch_item * p->channels + c) * volume(p->input) + inside;
}

static void
store_tap(const Pixel *pixel, int64_t out, int64_t c, int64_t tap)
{
  const Pool *job = pixel->job;
  if (job->taps != NULL && job->byte_taps)
    ((uint8_t *)job->taps)[out + c] = (uint8_t)tap;
  else if (job->taps != NULL)
    ((uint32_t *)job->taps)[out + c] = (uint32_t)tap;
  if (job->indices != NULL)
    job->indices[out + c] = index_of(pixel, tap, c);
}

/* channels from 0 on that fill registers; returns how many */
static int64_t
max_lanes(const Pixel *pixel, int64_t out)
{
  const Pool *job = pixel->job;
  const NnPooling *p = job->pooling;
  const NnWindow *w = &p->window;
  const Span *sz = &pixel->span[0], *sy = &pixel->span[1], *sx = &pixel->span[2];
  if (job->indices != NULL || (job->taps != NULL && !job->byte_taps))
    return 0;
  int64_t line = p->input[2] * p->channels;
  NnMaxWindow window = {
      .x = pixel->x + row_offset(pixel, sz->first, sy->first),
      .count = {sz->end - sz->first, sy->end - sy->first, sx->end - sx->first},
      .step = {w->dilation[0] * p->input[1] * line, w->dilation[1] * line,
               w->dilation[2] * p->channels},
      .tap = (int32_t)((sz->first * w->kernel[1] + sy->first) * w->kernel[2] + sx->first),
      .tap_step = {(int32_t)(w->kernel[1] * w->kernel[2]), (int32_t)w->kernel[2]},
  };
  return job->lanes->max(&window, p->channels, job->y + out,
                         job->taps != NULL ? (uint8_t *)job->taps + out : NULL);
}

/* as NnPoolingLanes.max, of one channel */
static void
max_one(const Pixel *pixel, int64_t out, int64_t c)
{
  const NnPooling *p = pixel->job->pooling;
  int64_t step = p->window.dilation[2] * p->channels;
  const Span *sz = &pixel->span[0], *sy = &pixel->span[1], *sx = &pixel->span[2];
  float best = -INFINITY;
  int64_t winner = (sz->first * p->window.kernel[1] + sy->first) * p->window.kernel[2] + sx->first;
  for (int64_t z = sz->first; z < sz->end; z++)
    for (int64_t y = sy->first; y < sy->end; y++) {
      const float *row = pixel->x + row_offset(pixel, z, y) + c;
      for (int64_t x = sx->first; x < sx->end; x++, row += step) {
        float value = *row;
        if (value > best || value != value) {
          best = value;
          winner = (z * p->window.kernel[1] + y) * p->window.kernel[2] + x;
        }
      }
    }
  pixel->job->y[out + c] = best;
  store_tap(pixel, out, c, winner);
}

static void
max_pixel(const Pixel *pixel, int64_t out)
{
  for (int64_t c = max_lanes(pixel, out); c < pixel->job->pooling->channels; c++)
    max_one(pixel, out, c);
}

static void
max_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  for_pixels(data, begin, end, max_pixel);
}

void
nn_max_pool_forward(NnContext *context, const NnPooling *pooling, const float *x, float *y,
                    void *taps, int64_t *indices, bool column_major)
{
  Pool job = {.pooling = pooling,
              .lanes = choose_lanes(nn_context_isa(context)),
              .x = x,
              .y = y,
              .taps = taps,
              .indices = indices,
              .column_major = column_major,
              .byte_taps = has_byte_taps(pooling)};
  run_rows(context, pooling, pooling->output, max_rows, &job);
}

static float
inverse_count(const Span span[NN_WINDOW_DIMS])
{
  return 1.0f / ((float)span[0].count * (float)span[1].count * (float)span[2].count);
}

static void
average_pixel(const Pixel *pixel, int64_t out)
{
  const NnPooling *p = pixel->job->pooling;
  int64_t channels = p->channels, step = p->window.dilation[2] * channels;
  const Span *sz = &pixel->span[0], *sy = &pixel->span[1], *sx = &pixel->span[2];
  float *sum = pixel->job->y + out, scale = inverse_count(pixel->span);
  memset(sum, 0, (size_t)channels * sizeof *sum);
  for (int64_t z = sz->first; z < sz->end; z++)
    for (int64_t y = sy->first; y < sy->end; y++) {
      const float *value = pixel->x + row_offset(pixel, z, y);
      for (int64_t x = sx->first; x < sx->end; x++, value += step)
        for (int64_t c = 0; c < channels; c++)
          sum[c] += value[c];
    }
  for (int64_t c = 0; c < channels; c++)
    sum[c] *= scale;
}

static void
average_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  for_pixels(data, begin, end, average_pixel);
}

void
nn_average_pool_forward(NnContext *context, const NnPooling *pooling, NnDivisor divisor,
                        const float *x, float *y)
{
  Pool job = {.pooling = pooling, .x = x, .y = y, .divisor = divisor};
  run_rows(context, pooling, pooling->output, average_rows, &job);
}

typedef struct {
  const NnPooling *pooling;
  const NnPoolingLanes *lanes;
  const void *taps; /* NULL: average */
  const float *grad_y;
  float *grad_x;
  bool byte_taps;
  NnGate gate; /* with byte taps */
  NnDivisor divisor;
} Unpool;

static void
gather_words(float *restrict to, const float *restrict from, const uint32_t *restrict taps,
             int32_t tap, int64_t channels)
{
  for (int64_t c = 0; c < channels; c++)
    to[c] += taps[c] == (uint32_t)tap ? from[c] : 0;
}

static void
gather_scaled(float *restrict to, const float *restrict from, float scale, int64_t channels)
{
  for (int64_t c = 0; c < channels; c++)
    to[c] += scale * from[c];
}

/* One output row (@out: its first element) into one input row, through window row (@z, @y). */
static void
gather_row(const Unpool *job, Span span[NN_WINDOW_DIMS], int64_t z, int64_t y, int64_t out,
           float *row)
{
  const NnPooling *p = job->pooling;
  int64_t channels = p->channels;
  int32_t first = (int32_t)((z * p->window.kernel[1] + y) * p->window.kernel[2]);
  for (int64_t ox = 0; ox < p->output[2]; ox++, out += channels) {
    span[2] = span_of(p, 2, ox, job->divisor);
    float scale = inverse_count(span);
    for (int64_t x = span[2].first; x < span[2].end; x++) {
      float *to = row + (span[2].start + x * p->window.dilation[2]) * channels;
      int32_t tap = first + (int32_t)x;
      const float *from = job->grad_y + out;
      if (job->taps == NULL)
        gather_scaled(to, from, scale, channels);
      else
        gather_words(to, from, (const uint32_t *)job->taps + out, tap, channels);
    }
  }
}

/* The output places whose windows can reach input place @i: begin to end - 1 (some skip it). */
static void
outputs_reaching(const NnPooling *p, int dim, int64_t i, int64_t *begin, int64_t *end)
{
  const NnWindow *w = &p->window;
  int64_t reach = (w->kernel[dim] - 1) * w->dilation[dim];
  int64_t padded = i + w->pad_begin[dim];
  *begin = ceil_divide(padded - reach, w->stride[dim]);
  *end = MIN(padded / w->stride[dim] + 1, p->output[dim]);
}

/* The tap by which a window that starts at @start sees input place @i, or -1. */
static int64_t
tap_at(const NnPooling *p, int dim, int64_t start, int64_t i)
{
  int64_t distance = i - start, step = p->window.dilation[dim];
  return distance % step == 0 ? distance / step : -1;
}

/* Windows along depth and height that see a row of the input: their results' rows and first taps. */
static int
find_touching_rows(const NnPooling *p, int64_t n, int64_t iz, int64_t iy,
                   NnTouch rows[MAX_BYTE_TAPS])
{
  const NnWindow *w = &p->window;
  int64_t z_begin, z_end, y_begin, y_end;
  int count = 0;
  outputs_reaching(p, 0, iz, &z_begin, &z_end);
  outputs_reaching(p, 1, iy, &y_begin, &y_end);
  for (int64_t oz = z_begin; oz < z_end; oz++)
    for (int64_t oy = y_begin; oy < y_end; oy++) {
      int64_t z = tap_at(p, 0, oz * w->stride[0] - w->pad_begin[0], iz);
      int64_t y = tap_at(p, 1, oy * w->stride[1] - w->pad_begin[1], iy);
      if (z >= 0 && y >= 0)
        rows[count++] = (NnTouch){
            .at = ((n * p->output[0] + oz) * p->output[1] + oy) * p->output[2] * p->channels,
            .tap = (int32_t)((z * w->kernel[1] + y) * w->kernel[2]),
        };
    }
  return count;
}

/* what of a channel the lanes left over */
static float
sum_one(const Unpool *job, const NnTouch *touches, int n_touches, int64_t c, int64_t index)
{
  const uint8_t *taps = job->taps, *bits = job->gate.bits;
  float sum = 0;
  for (int t = 0; t < n_touches; t++)
    sum += taps[touches[t].at + c] == touches[t].tap ? job->grad_y[touches[t].at + c] : 0;
  return bits == NULL || (bits[index / 8] >> index % 8 & 1) ? sum : sum * job->gate.slope;
}

/* One input row of max-pooling whose taps are bytes, its first element at @index: each pixel is
 * written once. */
static void
sum_row(const Unpool *job, const NnTouch *rows, int n_rows, int64_t index)
{
  const NnPooling *p = job->pooling;
  NnTouch touches[MAX_BYTE_TAPS];
  for (int64_t ix = 0; ix < p->input[2]; ix++, index += p->channels) {
    int64_t begin, end;
    int count = 0;
    outputs_reaching(p, 2, ix, &begin, &end);
    for (int64_t ox = begin; ox < end; ox++) {
      int64_t x = tap_at(p, 2, ox * p->window.stride[2] - p->window.pad_begin[2], ix);
      for (int r = 0; x >= 0 && r < n_rows; r++)
        touches[count++] = (NnTouch){rows[r].at + ox * p->channels, rows[r].tap + (int32_t)x};
    }
    float *to = job->grad_x + index;
    int64_t c = job->lanes->sum_where(touches, count, job->grad_y, job->taps, p->channels,
                                      job->gate, index, to);
    for (; c < p->channels; c++)
      to[c] = sum_one(job, touches, count, c, index + c);
  }
}

static void
gather_plane(const Unpool *job, Span span[NN_WINDOW_DIMS], int64_t z, int64_t out_plane, int64_t iy,
             float *row)
{
  const NnPooling *p = job->pooling;
  int64_t begin, end;
  outputs_reaching(p, 1, iy, &begin, &end);
  for (int64_t oy = begin; oy < end; oy++) {
    span[1] = span_of(p, 1, oy, job->divisor);
    int64_t y = tap_at(p, 1, span[1].start, iy);
    if (y >= 0)
      gather_row(job, span, z, y, (out_plane * p->output[1] + oy) * p->output[2] * p->channels,
                 row);
  }
}

static void
gather_rows(int64_t row_begin, int64_t row_end, int worker, gpointer data)
{
  const Unpool *job = data;
  const NnPooling *p = job->pooling;
  int64_t row_size = p->input[2] * p->channels;
  for (int64_t i = row_begin; i < row_end; i++) {
    int64_t n = i / (p->input[0] * p->input[1]);
    int64_t iz = i / p->input[1] % p->input[0], iy = i % p->input[1];
    float *row = job->grad_x + i * row_size;
    if (job->taps != NULL && job->byte_taps) {
      NnTouch touching[MAX_BYTE_TAPS];
      sum_row(job, touching, find_touching_rows(p, n, iz, iy, touching), i * row_size);
      continue;
    }
    memset(row, 0, (size_t)row_size * sizeof *row);
    int64_t begin, end;
    outputs_reaching(p, 0, iz, &begin, &end);
    for (int64_t oz = begin; oz < end; oz++) {
      Span span[NN_WINDOW_DIMS] = {span_of(p, 0, oz, job->divisor)};
      int64_t z = tap_at(p, 0, span[0].start, iz);
      if (z >= 0)
        gather_plane(job, span, z, n * p->output[0] + oz, iy, row);
    }
  }
}

void
nn_max_pool_backward(NnContext *context, const NnPooling *pooling, const void *taps,
                     const float *grad_y, NnGate gate, float *grad_x)
{
  bool byte_taps = has_byte_taps(pooling);
  bool gates = byte_taps && pooling->channels % 8 == 0;
  Unpool job = {.pooling = pooling,
                .lanes = choose_lanes(nn_context_isa(context)),
                .taps = taps,
                .grad_y = grad_y,
                .grad_x = grad_x,
                .byte_taps = byte_taps,
                .gate = gates ? gate : (NnGate){0}};
  run_rows(context, pooling, pooling->input, gather_rows, &job);
  if (!gates)
    nn_gate_run(context, gate, grad_x,
                pooling->batch * pooling->input[0] * pooling->input[1] * pooling->input[2] *
                    pooling->channels);
}

void
nn_average_pool_backward(NnContext *context, const NnPooling *pooling, NnDivisor divisor,
                         const float *grad_y, float *grad_x)
{
  Unpool job = {.pooling = pooling, .grad_y = grad_y, .grad_x = grad_x, .divisor = divisor};
  run_rows(context, pooling, pooling->input, gather_rows, &job);
}
