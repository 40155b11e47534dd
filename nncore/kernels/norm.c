/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Normalising sets. Memory is cut into blocks, which hold whole sets, and these into strips, which
 * threads take one at a time. A strip is rows of columns, all of a column in one set:
 *
 *   many pixels: a block is a picture, a row a pixel, a column a channel
 *   one pixel:   a set is a run of memory and a block, in rows of 16 columns, the last one shorter
 *
 * so that the lanes of a register are neighbouring columns, however many elements a set has side by
 * side. A block of one strip is summed up and normalised while it is in the cache. Of larger ones all
 * strips are summed up first; a block's sums are those of its strips in their order. How all this is
 * cut follows from sizes alone.
 *
 * Sums are in double, in which x^2 is exact: where the mean is large beside the deviation, little of
 * the difference of the two is left. With g the gradient times the scale and n = (x - mean) inverse:
 *
 *   dx = inverse (g - mean of g - n mean of g n) */
#include "nncore/kernels/norm.h"

#include <math.h>
#include <string.h>

#include "nncore/base/round.h"
#include "nncore/kernels/elementwise.h"
#include "nncore/kernels/vector.h"

#define STRIP (INT64_C(1) << 15) /* elements, at least */

enum {
  MOST_STRIPS = 64, /* in all; where there are more blocks, these are not cut */
  LEAST_ROWS = 32,  /* of a strip: what is done once a column should not count */
  RUN_COLUMNS = 16, /* of a set that is a run of memory */
  COLUMNS = 8,      /* whose sums are in registers together */
  NEAR = 4096, /* elements that stay in the nearest cache from the first columns to the last */
  LINE = 8, /* doubles of a line of the cache, which no two threads should write to */
};

/* what every CPU's registers hold, half as many as NnFloats; as many, for conversions: GCC does these one
 * by one where they are of two */
typedef double Doubles __attribute__((vector_size(16)));
typedef double WideDoubles __attribute__((vector_size(32)));
typedef Doubles DoublesAt __attribute__((aligned(8), may_alias));

enum { PAIRS = COLUMNS / 2 };

typedef struct {
  bool runs; /* sets are runs of memory */
  int64_t blocks, length; /* elements of each */
  int64_t sets, share; /* of a block; columns of each */
  int64_t width; /* columns */
  int64_t strips, strip; /* of a block; elements of each, but for the last */
} Cut;

typedef struct {
  const NnNormSets *sets;
  Cut cut;
  float epsilon;
  const float *x, *scale, *shift, *gradient; /* gradient is NULL forward */
  float *to;
  NnNormStatistics *statistics;
  double *sums; /* two a set for each strip; a block's first strip's become those of the block */
  double *workers; /* worker_doubles() each */
} Job;

/* scale or shift of the first row's columns, and floats from there to the next row's */
typedef struct {
  const float *at;
  int64_t step;
} Weights;

typedef struct {
  int64_t count, width; /* elements; of a row, but for the last */
  const float *x, *gradient;
  float *to;
  Weights scale, shift;
  /* of each column: its two sums; what is its set's: the statistics, and the two means of dx above,
   * the second times the inverse twice */
  double *first, *second;
  float *mean, *inverse, *own_mean, *slope;
} Strip;

/* ---- cutting ---- */

static Cut
cut_of(const NnNormSets *s)
{
  Cut cut = {.runs = s->pixels == 1};
  cut.blocks = s->outer * (cut.runs ? s->groups : 1);
  cut.length = cut.runs ? s->size : s->pixels * s->groups * s->size;
  cut.sets = cut.runs ? 1 : s->groups;
  cut.share = cut.runs ? RUN_COLUMNS : s->size;
  cut.width = MAX(cut.sets * cut.share, 1);
  int64_t rows = nn_divide_up(cut.length, cut.width);
  int64_t strips = MAX(MOST_STRIPS / MAX(cut.blocks, 1), 1);
  int64_t least = MAX(STRIP / cut.width, LEAST_ROWS);
  cut.strip = MAX(nn_divide_up(rows, strips), least) * cut.width;
  cut.strips = MAX(nn_divide_up(cut.length, cut.strip), 1);
  return cut;
}

static int64_t
sum_doubles(const Cut *cut)
{
  return nn_round_up(2 * cut->blocks * cut->strips * cut->sets, LINE);
}

/* two sums a column, then six floats: mean to slope, scale and shift */
static int64_t
worker_doubles(const Cut *cut)
{
  return nn_round_up(5 * cut->width, LINE);
}

size_t
nn_norm_scratch_bytes(const NnNormSets *sets, int threads)
{
  Cut cut = cut_of(sets);
  return (size_t)(sum_doubles(&cut) + threads * worker_doubles(&cut)) * sizeof(double);
}

static void
spread(float *columns, float value, int64_t count)
{
  for (int64_t i = 0; i < count; i++)
    columns[i] = value;
}

/* @weights from element @begin of a block on; @otherwise where there are none; @columns: where they are
 * spread if they are not one for each place */
static Weights
weights_at(const Job *job, int64_t block, int64_t begin, const float *weights, float otherwise,
           float *columns)
{
  const NnNormSets *s = job->sets;
  const Cut *cut = &job->cut;
  int64_t group = block * cut->sets % s->groups;
  if (weights != NULL && !s->scale_by_group) {
    const float *first = weights + group * s->size;
    return cut->runs ? (Weights){first + begin, cut->width} : (Weights){first, 0};
  }
  for (int64_t i = 0; i < cut->sets; i++)
    spread(columns + i * cut->share, weights != NULL ? weights[group + i] : otherwise, cut->share);
  return (Weights){columns, 0};
}

/* the strip, with its memory */
static Strip
strip_at(const Job *job, int64_t item, int worker)
{
  const Cut *cut = &job->cut;
  int64_t block = item / cut->strips, begin = item % cut->strips * cut->strip;
  int64_t at = block * cut->length + begin, width = cut->width;
  double *sums = job->workers + worker * worker_doubles(cut);
  float *columns = (float *)(sums + 2 * width);
  return (Strip){
      .count = MIN(cut->strip, cut->length - begin),
      .width = width,
      .x = job->x + at,
      .gradient = job->gradient != NULL ? job->gradient + at : NULL,
      .to = job->to + at,
      .first = sums,
      .second = sums + width,
      .mean = columns,
      .inverse = columns + width,
      .own_mean = columns + 2 * width,
      .slope = columns + 3 * width,
      .scale = weights_at(job, block, begin, job->scale, 1, columns + 4 * width),
      .shift = weights_at(job, block, begin, job->shift, 0, columns + 5 * width),
  };
}

/* ---- sums: of x and x^2 forward, of g and g (x - mean) backward ---- */

static inline NnFloats
load(const float *from)
{
  return *(const NnFloatsAt *)from;
}

static inline Doubles
low_half(NnFloats x)
{
  WideDoubles wide = __builtin_convertvector(x, WideDoubles);
  return __builtin_shufflevector(wide, wide, 0, 1);
}

static inline Doubles
high_half(NnFloats x)
{
  WideDoubles wide = __builtin_convertvector(x, WideDoubles);
  return __builtin_shufflevector(wide, wide, 2, 3);
}

/* COLUMNS columns from @c on, of @rows rows from row @begin on */
static void
add_moments(const Strip *strip, int64_t begin, int64_t rows, int64_t c)
{
  const float *x = strip->x + begin * strip->width + c;
  DoublesAt *first = (DoublesAt *)(strip->first + c), *second = (DoublesAt *)(strip->second + c);
  Doubles sums[PAIRS], squares[PAIRS];
#pragma GCC unroll 4
  for (int i = 0; i < PAIRS; i++) {
    sums[i] = first[i];
    squares[i] = second[i];
  }
  for (int64_t r = 0; r < rows; r++, x += strip->width)
#pragma GCC unroll 2
    for (int i = 0; i < PAIRS; i += 2) {
      NnFloats value = load(x + 2 * i);
      Doubles low = low_half(value), high = high_half(value);
      sums[i] += low;
      sums[i + 1] += high;
      squares[i] += low * low;
      squares[i + 1] += high * high;
    }
#pragma GCC unroll 4
  for (int i = 0; i < PAIRS; i++) {
    first[i] = sums[i];
    second[i] = squares[i];
  }
}

static void
add_slopes(const Strip *strip, int64_t begin, int64_t rows, int64_t c)
{
  int64_t width = strip->width, step = strip->scale.step;
  const float *x = strip->x + begin * width + c, *g = strip->gradient + begin * width + c;
  const float *scale = strip->scale.at + begin * step + c;
  DoublesAt *first = (DoublesAt *)(strip->first + c), *second = (DoublesAt *)(strip->second + c);
  Doubles mean[PAIRS], sums[PAIRS], products[PAIRS];
#pragma GCC unroll 4
  for (int i = 0; i < PAIRS; i++) {
    mean[i] = (Doubles){(double)strip->mean[c + 2 * i], (double)strip->mean[c + 2 * i + 1]};
    sums[i] = first[i];
    products[i] = second[i];
  }
  for (int64_t r = 0; r < rows; r++, x += width, g += width, scale += step)
#pragma GCC unroll 2
    for (int i = 0; i < PAIRS; i += 2) {
      NnFloats value = load(x + 2 * i), own = load(g + 2 * i) * load(scale + 2 * i);
      Doubles low = low_half(own), high = high_half(own);
      sums[i] += low;
      sums[i + 1] += high;
      products[i] += low * (low_half(value) - mean[i]);
      products[i + 1] += high * (high_half(value) - mean[i + 1]);
    }
#pragma GCC unroll 4
  for (int i = 0; i < PAIRS; i++) {
    first[i] = sums[i];
    second[i] = products[i];
  }
}

/* one column, either way */
static void
add_column(const Strip *strip, int64_t begin, int64_t rows, int64_t c)
{
  const float *scale = strip->scale.at + begin * strip->scale.step + c;
  double first = strip->first[c], second = strip->second[c];
  for (int64_t r = 0; r < rows; r++, scale += strip->scale.step) {
    int64_t at = (begin + r) * strip->width + c;
    double value = (double)strip->x[at], slope = value;
    if (strip->gradient != NULL) {
      slope = (double)(strip->gradient[at] * *scale);
      value -= (double)strip->mean[c];
    }
    first += slope;
    second += slope * value;
  }
  strip->first[c] = first;
  strip->second[c] = second;
}

/* the first @width columns */
static void
add_rows(const Strip *strip, int64_t begin, int64_t rows, int64_t width)
{
  int64_t c = 0;
  for (; c + COLUMNS <= width; c += COLUMNS)
    if (strip->gradient == NULL)
      add_moments(strip, begin, rows, c);
    else
      add_slopes(strip, begin, rows, c);
  for (; c < width; c++)
    add_column(strip, begin, rows, c);
}

static void
sum_columns(const Strip *strip)
{
  int64_t width = strip->width, rows = strip->count / width, near = MAX(NEAR / width, 1);
  memset(strip->first, 0, (size_t)width * sizeof(double));
  memset(strip->second, 0, (size_t)width * sizeof(double));
  for (int64_t r = 0; r < rows; r += near)
    add_rows(strip, r, MIN(near, rows - r), width);
  add_rows(strip, rows, 1, strip->count % width);
}

static double
sum_of(const double *values, int64_t count)
{
  double sum = 0;
  for (int64_t i = 0; i < count; i++)
    sum += values[i];
  return sum;
}

/* ---- what follows from the sums ---- */

static void
spread_statistics(const Job *job, int64_t item, const Strip *strip)
{
  const Cut *cut = &job->cut;
  const NnNormStatistics *statistics = job->statistics + item / cut->strips * cut->sets;
  for (int64_t i = 0; i < cut->sets; i++) {
    spread(strip->mean + i * cut->share, statistics[i].mean, cut->share);
    spread(strip->inverse + i * cut->share, statistics[i].inverse, cut->share);
  }
}

/* the sums of a block; its strips' lie one after the other */
static double *
block_sums(const Job *job, int64_t block)
{
  return job->sums + 2 * block * job->cut.strips * job->cut.sets;
}

static void
spread_means(const Job *job, int64_t item, const Strip *strip)
{
  const Cut *cut = &job->cut;
  const double *first = block_sums(job, item / cut->strips), *second = first + cut->sets;
  for (int64_t i = 0; i < cut->sets; i++) {
    spread(strip->own_mean + i * cut->share, (float)first[i], cut->share);
    spread(strip->slope + i * cut->share, (float)second[i], cut->share);
  }
}

static void
sum_strip(const Job *job, int64_t item, int worker)
{
  const Cut *cut = &job->cut;
  Strip strip = strip_at(job, item, worker);
  double *first = job->sums + 2 * item * cut->sets, *second = first + cut->sets;
  if (job->gradient != NULL)
    spread_statistics(job, item, &strip);
  sum_columns(&strip);
  for (int64_t i = 0; i < cut->sets; i++) {
    first[i] = sum_of(strip.first + i * cut->share, cut->share);
    second[i] = sum_of(strip.second + i * cut->share, cut->share);
  }
}

/* all strips' sums become a block's statistics, or the means that its gradient needs */
static void
settle_block(const Job *job, int64_t block)
{
  int64_t sets = job->cut.sets;
  NnNormStatistics *statistics = job->statistics + block * sets;
  double *first = block_sums(job, block), *second = first + sets;
  double count = (double)(job->sets->pixels * job->sets->size);
  for (int64_t s = 1; s < job->cut.strips; s++)
    for (int64_t i = 0; i < 2 * sets; i++)
      first[i] += first[2 * s * sets + i];
  for (int64_t i = 0; i < sets; i++) {
    double mean = first[i] / count;
    if (job->gradient != NULL) {
      double inverse = (double)statistics[i].inverse;
      first[i] = mean;
      second[i] = second[i] / count * inverse * inverse; /* for (x - mean) */
      continue;
    }
    double variance = MAX(second[i] / count - mean * mean, 0);
    statistics[i].mean = (float)mean;
    statistics[i].inverse = (float)(1 / sqrt(variance + (double)job->epsilon));
  }
}

/* ---- normalising ---- */

static void
normalise(const Strip *strip)
{
  const float *mean = strip->mean, *inverse = strip->inverse;
  const float *scale = strip->scale.at, *shift = strip->shift.at;
  for (int64_t at = 0; at < strip->count; at += strip->width) {
    const float *x = strip->x + at;
    float *y = strip->to + at;
    int64_t width = MIN(strip->width, strip->count - at), c = 0;
    for (; c + NN_LANES <= width; c += NN_LANES) {
      NnFloats n = (load(x + c) - load(mean + c)) * load(inverse + c);
      *(NnFloatsAt *)(y + c) = n * load(scale + c) + load(shift + c);
    }
    for (; c < width; c++)
      y[c] = (x[c] - mean[c]) * inverse[c] * scale[c] + shift[c];
    scale += strip->scale.step;
    shift += strip->shift.step;
  }
}

static void
pass_back(const Strip *strip)
{
  const float *mean = strip->mean, *inverse = strip->inverse, *scale = strip->scale.at;
  const float *own_mean = strip->own_mean, *slope = strip->slope;
  for (int64_t at = 0; at < strip->count; at += strip->width, scale += strip->scale.step) {
    const float *x = strip->x + at, *g = strip->gradient + at;
    float *to = strip->to + at;
    int64_t width = MIN(strip->width, strip->count - at), c = 0;
    for (; c + NN_LANES <= width; c += NN_LANES) {
      NnFloats own = load(g + c) * load(scale + c) - load(own_mean + c);
      own -= (load(x + c) - load(mean + c)) * load(slope + c);
      *(NnFloatsAt *)(to + c) = load(inverse + c) * own;
    }
    for (; c < width; c++)
      to[c] = inverse[c] * (g[c] * scale[c] - own_mean[c] - (x[c] - mean[c]) * slope[c]);
  }
}

static void
apply_strip(const Job *job, int64_t item, int worker)
{
  Strip strip = strip_at(job, item, worker);
  spread_statistics(job, item, &strip);
  if (job->gradient == NULL) {
    normalise(&strip);
    return;
  }
  spread_means(job, item, &strip);
  pass_back(&strip);
}

/* ---- all of it ---- */

static void
block_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  for (int64_t block = begin; block < end; block++) {
    sum_strip(data, block, worker);
    settle_block(data, block);
    apply_strip(data, block, worker);
  }
}

static void
sum_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  for (int64_t item = begin; item < end; item++)
    sum_strip(data, item, worker);
}

static void
apply_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  for (int64_t item = begin; item < end; item++)
    apply_strip(data, item, worker);
}

static void
run(NnContext *context, Job *job, double *scratch)
{
  const NnNormSets *s = job->sets;
  if (s->outer * s->pixels * s->groups * s->size == 0) {
    for (int64_t i = 0; job->gradient == NULL && i < s->outer * s->groups; i++)
      job->statistics[i] = (NnNormStatistics){0};
    return;
  }
  job->cut = cut_of(s);
  job->sums = scratch;
  job->workers = scratch + sum_doubles(&job->cut);
  if (job->cut.strips == 1) {
    nn_parallel_for(context, job->cut.blocks, nn_grain(job->cut.length), block_chunk, job);
    return;
  }
  int64_t items = job->cut.blocks * job->cut.strips;
  nn_parallel_for(context, items, 1, sum_chunk, job);
  for (int64_t block = 0; block < job->cut.blocks; block++)
    settle_block(job, block);
  nn_parallel_for(context, items, 1, apply_chunk, job);
}

void
nn_norm_forward(NnContext *context, const NnNormSets *sets, float epsilon, const float *x,
                const float *scale, const float *shift, float *y, NnNormStatistics *statistics,
                void *scratch)
{
  Job job = {.sets = sets,
             .epsilon = epsilon,
             .x = x,
             .scale = scale,
             .shift = shift,
             .to = y,
             .statistics = statistics};
  run(context, &job, scratch);
}

void
nn_norm_backward(NnContext *context, const NnNormSets *sets, const float *x, const float *scale,
                 const NnNormStatistics *statistics, const float *gradient, float *to,
                 void *scratch)
{
  Job job = {.sets = sets,
             .x = x,
             .scale = scale,
             .gradient = gradient,
             .to = to,
             .statistics = (NnNormStatistics *)statistics};
  run(context, &job, scratch);
}
