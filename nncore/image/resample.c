/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Separable Catmull-Rom resampling, rows first. An axis's weights are a table: output i is the sum
 * over k of weights[i * taps + k] * input[first[i] + k]. Taps past an edge have given their weight
 * to the outermost pixel, so every tap lies inside; of a periodic picture, they come in again on
 * the other side. */
#include "nncore/image/resample.h"

#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/base/round.h"

#define GRAIN_SAMPLES 16384 /* of the output, a chunk of rows, about */

typedef struct {
  int taps, length; /* length: of the input */
  bool periodic;
  int *first;
  float *weights;
} Axis;

typedef struct {
  Axis axis;
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

static bool
axis_init(Axis *axis, int from, int to, bool periodic, GError **error)
{
  double scale = (double)from / to;
  int taps = (int)(4 * MAX(scale, 1.0)) + 1;
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

static void
row_pixel(const Pass *pass, const float *from, int x, float *to)
{
  const float *weights = pass->axis.weights + (size_t)x * (size_t)pass->axis.taps;
  for (int c = 0; c < pass->channels; c++) {
    float sum = 0;
    for (int k = 0; k < pass->axis.taps; k++)
      sum += weights[k] * from[tap_at(&pass->axis, x, k) * (size_t)pass->channels + (size_t)c];
    to[c] = sum;
  }
}

static void
row_pass(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Pass *pass = data;
  for (int64_t y = begin; y < end; y++) {
    const float *from = pass->from + y * pass->from_width * pass->channels;
    float *to = pass->to + y * pass->to_width * pass->channels;
    for (int x = 0; x < pass->to_width; x++)
      row_pixel(pass, from, x, to + (size_t)x * (size_t)pass->channels);
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
    for (int k = 0; k < pass->axis.taps; k++) {
      float weight = pass->axis.weights[y * pass->axis.taps + k];
      const float *from = pass->from + (int64_t)tap_at(&pass->axis, y, k) * samples;
      for (int64_t i = 0; i < samples; i++)
        to[i] += weight * from[i];
    }
  }
}

static bool
run_pass(NnContext *context, const NnImage *from, NnImage *to, bool rows, bool periodic,
         GError **error)
{
  Pass pass = {
      .from = from->data,
      .to = to->data,
      .from_width = from->width,
      .to_width = to->width,
      .channels = from->channels,
  };
  bool done = rows ? axis_init(&pass.axis, from->width, to->width, periodic, error)
                   : axis_init(&pass.axis, from->height, to->height, periodic, error);
  if (done)
    nn_parallel_for(context, to->height, 1 + GRAIN_SAMPLES / (to->width * to->channels),
                    rows ? row_pass : column_pass, &pass);
  axis_clear(&pass.axis);
  return done;
}

static bool
resample(NnContext *context, const NnImage *from, NnImage *to, bool periodic, GError **error)
{
  g_return_val_if_fail(from->channels == to->channels, false);
  if (from->width == to->width && from->height == to->height) {
    memcpy(to->data, from->data, nn_image_samples(from) * sizeof(float));
    return true;
  }
  if (from->height == to->height)
    return run_pass(context, from, to, true, periodic, error);
  if (from->width == to->width)
    return run_pass(context, from, to, false, periodic, error);
  g_autoptr(NnImage) between = nn_image_new(to->width, from->height, from->channels, error);
  return between != NULL && run_pass(context, from, between, true, periodic, error) &&
         run_pass(context, between, to, false, periodic, error);
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
