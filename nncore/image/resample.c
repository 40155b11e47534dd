/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Separable Catmull-Rom resampling. An axis's weights are a table: output i is the sum over k of
 * weights[i * taps + k] * input[first[i] + k]. Taps past an edge have given their weight to the
 * outermost pixel, so every tap lies inside; of a periodic picture, they come in again on the other
 * side.
 *
 * Along a column whole rows are added up, by vectors; along a row each pixel is a sum of its own,
 * several times slower. So what shrinks does so in height first, and what grows in width: the slow
 * pass has the fewer rows. */
#include "nncore/image/resample.h"

#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/base/round.h"

#define MOST_CHANNELS 4
#define GRAIN_SAMPLES 16384 /* of the output, a chunk of rows, about */

typedef struct {
  int taps, length; /* length: of the input */
  bool periodic;
  int *first;
  float *weights;
} Axis;

struct NnResampler {
  NnSize from, to;
  int channels;
  Axis x, y; /* weights are %NULL where the length stays */
  NnImage *between; /* after the first of two axes */
};

typedef struct {
  const Axis *axis;
  const float *from;
  float *to;
  int from_width, to_width, channels; /* widths in px */
} Pass;

static double
catmull_rom(double t)
{
  t = fabs(t);
  if (t >= 2)
    return 0;
  if (t >= 1)
    return ((-0.5 * t + 2.5) * t - 4) * t + 2;
  return (1.5 * t - 2.5) * t * t + 1;
}

static void
axis_clear(Axis *axis)
{
  nn_free(axis->first);
  nn_free(axis->weights);
}

/* one output's weights, in double because they are normalised to add up to one */
static void
set_weights(Axis *axis, int i, double scale, double *weights)
{
  int from = axis->length;
  double widening = MAX(scale, 1.0);
  double centre = (i + 0.5) * scale - 0.5;
  int lowest = (int)ceil(centre - 2 * widening);
  int highest = (int)floor(centre + 2 * widening);
  int first = axis->periodic ? lowest : CLAMP(lowest, 0, MAX(from - axis->taps, 0));
  double sum = 0;
  memset(weights, 0, (size_t)axis->taps * sizeof(double));
  for (int k = lowest; k <= highest; k++) {
    double weight = catmull_rom((k - centre) / widening);
    weights[(axis->periodic ? k : CLAMP(k, 0, from - 1)) - first] += weight;
    sum += weight;
  }
  axis->first[i] = (int)nn_wrap(first, from);
  for (int k = 0; k < axis->taps; k++)
    axis->weights[(size_t)i * (size_t)axis->taps + (size_t)k] = (float)(weights[k] / sum);
}

static int
count_taps(int from, int to)
{
  return (int)(4 * MAX((double)from / to, 1.0)) + 1;
}

static bool
axis_init(Axis *axis, int from, int to, bool periodic, GError **error)
{
  double scale = (double)from / to;
  int taps = count_taps(from, to);
  axis->length = from;
  axis->periodic = periodic;
  axis->taps = periodic ? taps : MIN(taps, from);
  axis->first = nn_alloc((size_t)to, sizeof(int), error);
  if (axis->first != NULL)
    axis->weights = nn_alloc((size_t)to, (size_t)axis->taps * sizeof(float), error);
  double *weights = NULL;
  if (axis->weights != NULL)
    weights = nn_alloc((size_t)axis->taps, sizeof(double), error);
  if (weights == NULL)
    return false;
  for (int i = 0; i < to; i++)
    set_weights(axis, i, scale, weights);
  nn_free(weights);
  return true;
}

/* where tap @k of output @i is in the input */
static size_t
tap_at(const Axis *axis, int64_t i, int k)
{
  int at = axis->first[i] + k;
  return (size_t)(at < axis->length ? at : at % axis->length);
}

/* @channels is known where this is inlined */
static inline void
row_pixel(const Pass *pass, const float *from, int x, int channels, float *to)
{
  const Axis *axis = pass->axis;
  const float *weights = axis->weights + (size_t)x * (size_t)axis->taps;
  float sum[MOST_CHANNELS] = {0};
  for (int k = 0; k < axis->taps; k++) {
    const float *pixel = from + tap_at(axis, x, k) * (size_t)channels;
    for (int c = 0; c < channels; c++)
      sum[c] += weights[k] * pixel[c];
  }
  memcpy(to, sum, (size_t)channels * sizeof(float));
}

static inline void
row(const Pass *pass, const float *from, int channels, float *to)
{
  for (int x = 0; x < pass->to_width; x++)
    row_pixel(pass, from, x, channels, to + (size_t)x * (size_t)channels);
}

static void
row_pass(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Pass *pass = data;
  for (int64_t y = begin; y < end; y++) {
    const float *from = pass->from + y * pass->from_width * pass->channels;
    float *to = pass->to + y * pass->to_width * pass->channels;
    switch (pass->channels) {
    case 1:
      row(pass, from, 1, to);
      break;
    case 2:
      row(pass, from, 2, to);
      break;
    case 3:
      row(pass, from, 3, to);
      break;
    default:
      row(pass, from, MOST_CHANNELS, to);
    }
  }
}

static void
column_pass(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Pass *pass = data;
  int64_t samples = (int64_t)pass->to_width * pass->channels;
  for (int64_t y = begin; y < end; y++) {
    float *to = pass->to + y * samples;
    memset(to, 0, (size_t)samples * sizeof(float));
    for (int k = 0; k < pass->axis->taps; k++) {
      float weight = pass->axis->weights[y * pass->axis->taps + k];
      const float *from = pass->from + (int64_t)tap_at(pass->axis, y, k) * samples;
      for (int64_t i = 0; i < samples; i++)
        to[i] += weight * from[i];
    }
  }
}

static void
run_pass(const NnResampler *self, NnContext *context, bool columns, const NnImage *from,
         NnImage *to)
{
  Pass pass = {
      .axis = columns ? &self->y : &self->x,
      .from = from->data,
      .to = to->data,
      .from_width = from->width,
      .to_width = to->width,
      .channels = from->channels,
  };
  nn_parallel_for(context, to->height, 1 + GRAIN_SAMPLES / (to->width * to->channels),
                  columns ? column_pass : row_pass, &pass);
}

/* of two axes */
static bool
columns_first(NnSize from, NnSize to)
{
  return to.height < from.height;
}

static NnSize
size_between(NnSize from, NnSize to)
{
  return columns_first(from, to) ? (NnSize){from.width, to.height}
                                 : (NnSize){to.width, from.height};
}

static double
axis_bytes(int from, int to)
{
  return to == from ? 0 : (double)to * (sizeof(int) + count_taps(from, to) * sizeof(float));
}

double
nn_resampler_bytes(NnSize from, NnSize to, int channels)
{
  NnSize between = size_between(from, to);
  double axes = axis_bytes(from.width, to.width) + axis_bytes(from.height, to.height);
  bool both = to.width != from.width && to.height != from.height;
  return axes + (both ? (double)between.width * between.height * channels * sizeof(float) : 0);
}

static bool
initialise(NnResampler *self, bool periodic, GError **error)
{
  NnSize from = self->from, to = self->to, between = size_between(from, to);
  bool wider = to.width != from.width, higher = to.height != from.height;
  if ((wider && !axis_init(&self->x, from.width, to.width, periodic, error)) ||
      (higher && !axis_init(&self->y, from.height, to.height, periodic, error)))
    return false;
  if (wider && higher)
    self->between = nn_image_new(between.width, between.height, self->channels, error);
  return self->between != NULL || !wider || !higher;
}

NnResampler *
nn_resampler_new(NnSize from, NnSize to, int channels, bool periodic, GError **error)
{
  g_autoptr(NnResampler) self = g_new0(NnResampler, 1);
  self->from = from;
  self->to = to;
  self->channels = channels;
  return initialise(self, periodic, error) ? g_steal_pointer(&self) : NULL;
}

void
nn_resampler_free(NnResampler *self)
{
  if (self == NULL)
    return;
  axis_clear(&self->x);
  axis_clear(&self->y);
  nn_image_free(self->between);
  g_free(self);
}

void
nn_resampler_run(NnResampler *self, NnContext *context, const NnImage *from, NnImage *to)
{
  g_return_if_fail(from->width == self->from.width && from->height == self->from.height);
  g_return_if_fail(to->width == self->to.width && to->height == self->to.height);
  g_return_if_fail(from->channels == self->channels && to->channels == self->channels);
  bool columns = columns_first(self->from, self->to);
  if (self->between != NULL) {
    run_pass(self, context, columns, from, self->between);
    run_pass(self, context, !columns, self->between, to);
  } else if (self->x.weights != NULL)
    run_pass(self, context, false, from, to);
  else if (self->y.weights != NULL)
    run_pass(self, context, true, from, to);
  else
    memcpy(to->data, from->data, nn_image_samples(from) * sizeof(float));
}

static bool
resample(NnContext *context, const NnImage *from, NnImage *to, bool periodic, GError **error)
{
  g_return_val_if_fail(from->channels == to->channels, false);
  g_autoptr(NnResampler) resampler =
      nn_resampler_new((NnSize){from->width, from->height}, (NnSize){to->width, to->height},
                       from->channels, periodic, error);
  if (resampler != NULL)
    nn_resampler_run(resampler, context, from, to);
  return resampler != NULL;
}

bool
nn_resample(NnContext *context, const NnImage *from, NnImage *to, GError **error)
{
  return resample(context, from, to, false, error);
}

bool
nn_resample_periodic(NnContext *context, const NnImage *from, NnImage *to, GError **error)
{
  return resample(context, from, to, true, error);
}

NnImage *
nn_resample_new(NnContext *context, const NnImage *image, int width, int height, GError **error)
{
  g_autoptr(NnImage) resampled = nn_image_new(width, height, image->channels, error);
  if (resampled == NULL || !nn_resample(context, image, resampled, error))
    return NULL;
  return g_steal_pointer(&resampled);
}
