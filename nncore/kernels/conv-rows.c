/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Convolutions with little to multiply for each number read, row by row of the target: depthwise
 * ones, and those with few channels on one side (a network's first layer and its gradient, or the
 * last one of a network that paints). Nothing is packed: within a row, what lies under a tap moves
 * on by the same step from pixel to pixel. Only few source channels are copied, with zeros around
 * them; else, pixels at a row's ends run with those of the taps that are inside. */
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/kernels/conv-private.h"
#include "nncore/kernels/elementwise.h"

/* the places of a row that have something of the source under a tap */
typedef struct {
  int64_t begin, end;
} Span;

/**
 * Job:
 * @run: the kernel of @kind
 * @tap_floats: of filters
 * @row: floats of a padded row of few source channels; @padding: pixels before its first
 * @worker_bytes: of a worker's taps, spans and padded rows
 */
typedef struct {
  NnConvJob *conv;
  NnConvKind kind;
  void (*run)(const NnPixels *pixels);
  int64_t tap_floats, panel;
  int64_t row, padding;
  size_t worker_bytes;
} Job;

/* ---- scratch: taps, those of one pixel, spans, padded rows ---- */

static size_t
taps_bytes(int64_t n_taps)
{
  size_t bytes = (size_t)n_taps * (2 * sizeof(NnTap) + sizeof(Span));
  return nn_align(bytes);
}

/* pixels past the end are read, never used */
static int64_t
padded_floats(const NnGather *gather, int64_t channels, int64_t reach)
{
  int64_t pixels = (gather->count[2] + NN_CONV_MAX_ROWS) * gather->source_step[2] + reach;
  return pixels * channels;
}

static size_t
worker_bytes(const NnGather *gather, NnConvKind kind)
{
  size_t bytes = taps_bytes(gather->n_taps);
  if (kind != NN_CONV_FEW_IN)
    return bytes;
  int64_t channels = gather->back ? gather->shape.outputs : gather->shape.inputs;
  size_t rows = (size_t)gather->tap_rows * (size_t)padded_floats(gather, channels, gather->reach) *
                sizeof(float);
  return bytes + nn_align(rows);
}

size_t
nn_conv_rows_scratch_bytes(const NnGather *gather, NnConvKind kind, int threads)
{
  return (size_t)threads * worker_bytes(gather, kind);
}

static NnTap *
taps_of(const Job *job, int worker)
{
  return (NnTap *)(job->conv->scratch + (size_t)worker * job->worker_bytes);
}

/* ---- few source channels ---- */

/* one row of the source with zeros around; of nothing but zeros where it is outside */
static void
pad_row(const Job *job, int64_t source_row, float *to)
{
  const NnGather *gather = job->conv->gather;
  int64_t channels = job->conv->source_channels;
  int64_t room = job->row / channels - job->padding;
  int64_t first = MAX(-job->padding, 0), last = MAX(MIN(room, gather->source_dims[2]), first);
  if (source_row < 0)
    last = first;
  float *begin = to + MIN((job->padding + first) * channels, job->row);
  float *end = begin + (last - first) * channels;
  memset(to, 0, (size_t)(begin - to) * sizeof *to);
  memcpy(begin, job->conv->source + (source_row + first) * channels,
         (size_t)(end - begin) * sizeof *to);
  memset(end, 0, (size_t)(to + job->row - end) * sizeof *to);
}

static bool
same_row(const int64_t a[3], const int64_t b[3])
{
  return a[0] == b[0] && a[1] == b[1];
}

static void
run_few_in(const Job *job, const NnConvPosition *p, int worker, NnPixels *pixels)
{
  const NnGather *gather = job->conv->gather;
  NnTap *taps = taps_of(job, worker);
  float *rows = (float *)((char *)taps + taps_bytes(gather->n_taps));
  int64_t channels = job->conv->source_channels, row = -1;
  for (int t = 0; t < gather->n_taps; t++) {
    const int64_t *offset = gather->offsets[t];
    if (t == 0 || !same_row(offset, gather->offsets[t - 1])) {
      row++;
      pad_row(job, nn_conv_source_row(gather, p, offset), rows + row * job->row);
    }
    taps[t] = (NnTap){row * job->row + (job->padding + offset[2]) * channels,
                      gather->taps[t] * job->tap_floats};
  }
  pixels->source = rows;
  pixels->taps = taps;
  pixels->n_taps = gather->n_taps;
  pixels->count = gather->count[2];
  job->run(pixels);
}

/* ---- reading the source where it is ---- */

static void
skip(NnPixels *pixels, int64_t count)
{
  pixels->at += count * pixels->target_step;
  pixels->element += count * pixels->element_step;
}

/* the pixel at place @x: only the taps that are inside */
static void
run_pixel(const Job *job, int64_t x, const NnTap *taps, const Span *spans, int64_t n_taps,
          NnTap *inside, const NnPixels *row)
{
  NnPixels pixel = *row;
  pixel.count = 1;
  skip(&pixel, x);
  pixel.taps = inside;
  pixel.n_taps = 0;
  for (int64_t t = 0; t < n_taps; t++)
    if (x >= spans[t].begin && x < spans[t].end)
      inside[pixel.n_taps++] = (NnTap){taps[t].source + x * row->step, taps[t].filter};
  job->run(&pixel);
}

/* the taps of a row that are inside along depth and height; where they all are along the width */
static int64_t
list_taps(const Job *job, const NnConvPosition *p, NnTap *taps, Span *spans, Span *all)
{
  const NnGather *gather = job->conv->gather;
  int64_t n_taps = 0;
  *all = (Span){0, gather->count[2]};
  for (int t = 0; t < gather->n_taps; t++) {
    const int64_t *offset = gather->offsets[t];
    int64_t row = nn_conv_source_row(gather, p, offset);
    Span span;
    nn_conv_inside(gather, offset[2], gather->count[2], &span.begin, &span.end);
    if (row < 0 || span.begin >= span.end)
      continue;
    *all = (Span){MAX(all->begin, span.begin), MIN(all->end, span.end)};
    spans[n_taps] = span;
    taps[n_taps++] =
        (NnTap){(row + offset[2]) * job->conv->source_channels, gather->taps[t] * job->tap_floats};
  }
  if (all->begin > all->end)
    *all = (Span){gather->count[2], gather->count[2]};
  return n_taps;
}

static void
run_in_place(const Job *job, const NnConvPosition *p, int worker, NnPixels *pixels)
{
  const NnGather *gather = job->conv->gather;
  NnTap *taps = taps_of(job, worker), *one = taps + gather->n_taps;
  Span *spans = (Span *)(one + gather->n_taps), all;
  int64_t n_taps = list_taps(job, p, taps, spans, &all);
  pixels->source = job->conv->source;
  for (int64_t x = 0; x < all.begin; x++)
    run_pixel(job, x, taps, spans, n_taps, one, pixels);
  if (all.end > all.begin) {
    NnPixels middle = *pixels;
    for (int64_t t = 0; t < n_taps; t++)
      one[t] = (NnTap){taps[t].source + all.begin * pixels->step, taps[t].filter};
    middle.taps = one;
    middle.n_taps = n_taps;
    middle.count = all.end - all.begin;
    skip(&middle, all.begin);
    job->run(&middle);
  }
  for (int64_t x = all.end; x < gather->count[2]; x++)
    run_pixel(job, x, taps, spans, n_taps, one, pixels);
}

/* ---- the layer ---- */

/* items: rows of the target */
static void
run_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  const NnConvJob *conv = job->conv;
  const NnGather *gather = conv->gather;
  for (int64_t row = begin; row < end; row++) {
    NnConvPosition p = nn_conv_position(gather, row * gather->count[2]);
    int64_t at = nn_conv_target(gather, &p) * conv->target_channels;
    int64_t step = gather->target_step[2] * conv->target_channels;
    NnPixels pixels = {
        .step = gather->source_step[2] * conv->source_channels,
        .source_channels = conv->source_channels,
        .filters = gather->filters,
        .panel = job->panel,
        .target = conv->target,
        .at = at,
        .target_step = step,
        .target_channels = conv->target_channels,
        .element = at,
        .element_step = step,
        .finish = conv->finish,
    };
    if (job->kind == NN_CONV_FEW_IN)
      run_few_in(job, &p, worker, &pixels);
    else
      run_in_place(job, &p, worker, &pixels);
  }
}

/* what a padded row holds: from the leftmost tap of the first place to the rightmost of the last */
static void
measure_row(Job *job)
{
  const NnGather *gather = job->conv->gather;
  int64_t first = gather->offsets[0][2], last = first;
  for (int t = 1; t < gather->n_taps; t++) {
    first = MIN(first, gather->offsets[t][2]);
    last = MAX(last, gather->offsets[t][2]);
  }
  job->padding = -first;
  job->row = padded_floats(gather, job->conv->source_channels, last - first);
}

void
nn_conv_rows_run(NnConvJob *conv, NnConvKind kind)
{
  const NnGather *gather = conv->gather;
  const NnFilters *shape = &gather->shape;
  int64_t few = nn_conv_kind(shape) == NN_CONV_FEW_IN ? shape->inputs : shape->outputs;
  Job job = {
      .conv = conv,
      .kind = kind,
      .tap_floats = kind == NN_CONV_DEPTHWISE ? conv->target_channels : few * NN_CONV_BLOCK,
      .worker_bytes = worker_bytes(gather, kind),
  };
  if (kind == NN_CONV_DEPTHWISE)
    job.run = conv->lanes->depthwise;
  else
    job.run = kind == NN_CONV_FEW_IN ? conv->lanes->few_in : conv->lanes->few_out;
  job.panel = gather->shape.taps * job.tap_floats;
  if (kind == NN_CONV_FEW_IN)
    measure_row(&job);
  int64_t rows = gather->batch * gather->count[0] * gather->count[1];
  int64_t cost = gather->count[2] * gather->n_taps * MAX(job.tap_floats / 4, 1);
  /* neighbours read the same rows of the source */
  nn_parallel_for(conv->context, rows, MAX(nn_grain(cost), CLAMP(rows / 16, 1, 8)), run_rows, &job);
}
