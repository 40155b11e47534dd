/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laplacian pyramid. Pixel i of a level lies on pixel 2 i of the finer one. Reducing weighs with
 * the binomial (1 4 6 4 1) / 16; expanding spreads with twice the same, so that pixel 2 i gets
 * (1 6 1) / 8 and pixel 2 i + 1 (1 1) / 2 of the coarser pixels around. Edge pixels go on. A band
 * is a level less the expansion of the next: joining is exact, whatever the filters. */
#include "nncore/image/pyramid.h"

#include <math.h>
#include <string.h>

#include "nncore/base/sum.h"

#define GRAIN_SAMPLES 16384 /* a chunk, about */

struct NnPyramid {
  int levels;
  NnImage *bands[NN_PYRAMID_MAX_LEVELS + 1];
  /* coarse rows at fine width (expanding) or fine rows at coarse width (reducing) */
  NnImage *between;
};

typedef struct {
  const NnImage *from;
  NnImage *to;
  float sign; /* expanding adds sign times the expansion */
} Pass;

void
nn_pyramid_free(NnPyramid *pyramid)
{
  if (pyramid == NULL)
    return;
  for (int i = 0; i <= pyramid->levels; i++)
    nn_image_free(pyramid->bands[i]);
  nn_image_free(pyramid->between);
  g_free(pyramid);
}

NnPyramid *
nn_pyramid_new(int width, int height, int channels, int levels, GError **error)
{
  g_autoptr(NnPyramid) pyramid = g_new0(NnPyramid, 1);
  pyramid->between = nn_image_new(width, height / 2 + 1, channels, error);
  pyramid->bands[0] =
      pyramid->between == NULL ? NULL : nn_image_new(width, height, channels, error);
  if (pyramid->bands[0] == NULL)
    return NULL;
  while (pyramid->levels < CLAMP(levels, 0, NN_PYRAMID_MAX_LEVELS) && MAX(width, height) > 1) {
    width = (width + 1) / 2;
    height = (height + 1) / 2;
    NnImage *band = nn_image_new(width, height, channels, error);
    if (band == NULL)
      return NULL;
    pyramid->bands[++pyramid->levels] = band;
  }
  return g_steal_pointer(&pyramid);
}

int
nn_pyramid_levels(const NnPyramid *pyramid)
{
  return pyramid->levels;
}

NnImage *
nn_pyramid_band(NnPyramid *pyramid, int level)
{
  return pyramid->bands[level];
}

static void
run(NnContext *context, NnParallelFunc func, const NnImage *from, NnImage *to, float sign)
{
  Pass pass = {.from = from, .to = to, .sign = sign};
  int64_t grain = 1 + GRAIN_SAMPLES / ((int64_t)to->width * to->channels);
  nn_parallel_for(context, to->height, grain, func, &pass);
}

/* fine rows of from -> coarse rows of to, which is as wide */
static void
reduce_columns(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Pass *pass = data;
  int64_t samples = (int64_t)pass->from->width * pass->from->channels;
  int64_t last = pass->from->height - 1;
  for (int64_t y = begin; y < end; y++) {
    const float *row[5];
    for (int k = 0; k < 5; k++)
      row[k] = pass->from->data + CLAMP(2 * y + k - 2, 0, last) * samples;
    float *to = pass->to->data + y * samples;
    for (int64_t i = 0; i < samples; i++)
      to[i] = (row[0][i] + row[4][i] + 4 * (row[1][i] + row[3][i]) + 6 * row[2][i]) * 0.0625f;
  }
}

/* fine columns of from -> coarse columns of to, which is as high */
static void
reduce_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Pass *pass = data;
  int channels = pass->from->channels, last = pass->from->width - 1;
  for (int64_t y = begin; y < end; y++) {
    const float *from = pass->from->data + y * pass->from->width * channels;
    float *to = pass->to->data + y * pass->to->width * channels;
    for (int x = 0; x < pass->to->width; x++) {
      const float *pixel[5];
      for (int k = 0; k < 5; k++)
        pixel[k] = from + (size_t)CLAMP(2 * x + k - 2, 0, last) * (size_t)channels;
      for (int c = 0; c < channels; c++)
        to[x * channels + c] =
            (pixel[0][c] + pixel[4][c] + 4 * (pixel[1][c] + pixel[3][c]) + 6 * pixel[2][c]) *
            0.0625f;
    }
  }
}

/* coarse columns of from -> fine columns of to, which is as high */
static void
expand_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Pass *pass = data;
  int channels = pass->from->channels, last = pass->from->width - 1;
  for (int64_t y = begin; y < end; y++) {
    const float *from = pass->from->data + y * pass->from->width * channels;
    float *to = pass->to->data + y * pass->to->width * channels;
    for (int x = 0; x < pass->to->width; x++) {
      const float *at = from + (size_t)(x / 2) * (size_t)channels;
      const float *before = x >= 2 ? at - channels : at;
      const float *after = x / 2 < last ? at + channels : at;
      for (int c = 0; c < channels; c++)
        to[x * channels + c] =
            x % 2 == 0 ? (before[c] + 6 * at[c] + after[c]) * 0.125f : (at[c] + after[c]) * 0.5f;
    }
  }
}

/* adds sign times coarse rows of from to the fine rows of to, which is as wide */
static void
expand_columns(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Pass *pass = data;
  int64_t samples = (int64_t)pass->from->width * pass->from->channels;
  int64_t last = pass->from->height - 1;
  for (int64_t y = begin; y < end; y++) {
    const float *at = pass->from->data + y / 2 * samples;
    const float *before = y >= 2 ? at - samples : at;
    const float *after = y / 2 < last ? at + samples : at;
    float *to = pass->to->data + y * samples;
    float side = pass->sign * 0.125f, centre = pass->sign * 0.75f, half = pass->sign * 0.5f;
    if (y % 2 == 0)
      for (int64_t i = 0; i < samples; i++)
        to[i] += side * (before[i] + after[i]) + centre * at[i];
    else
      for (int64_t i = 0; i < samples; i++)
        to[i] += half * (at[i] + after[i]);
  }
}

static void
reduce(NnPyramid *pyramid, NnContext *context, const NnImage *fine, NnImage *coarse)
{
  NnImage between = *pyramid->between;
  between.width = fine->width;
  between.height = coarse->height;
  run(context, reduce_columns, fine, &between, 0);
  run(context, reduce_rows, &between, coarse, 0);
}

static void
add_expansion(NnPyramid *pyramid, NnContext *context, const NnImage *coarse, NnImage *fine,
              float sign)
{
  NnImage between = *pyramid->between;
  between.width = fine->width;
  between.height = coarse->height;
  run(context, expand_rows, coarse, &between, 0);
  run(context, expand_columns, &between, fine, sign);
}

void
nn_pyramid_split(NnPyramid *pyramid, NnContext *context, const NnImage *image)
{
  memcpy(pyramid->bands[0]->data, image->data, nn_image_samples(image) * sizeof(float));
  for (int i = 0; i < pyramid->levels; i++) {
    reduce(pyramid, context, pyramid->bands[i], pyramid->bands[i + 1]);
    add_expansion(pyramid, context, pyramid->bands[i + 1], pyramid->bands[i], -1);
  }
}

void
nn_pyramid_join(NnPyramid *pyramid, NnContext *context, NnImage *image)
{
  for (int i = pyramid->levels - 1; i >= 0; i--)
    add_expansion(pyramid, context, pyramid->bands[i + 1], pyramid->bands[i], 1);
  memcpy(image->data, pyramid->bands[0]->data, nn_image_samples(image) * sizeof(float));
}

static double
sum_squares(int64_t begin, int64_t end, int worker, gpointer data)
{
  const float *x = data;
  double sum = 0;
  for (int64_t i = begin; i < end; i++)
    sum += (double)x[i] * x[i];
  return sum;
}

typedef struct {
  float *x;
  float factor;
} Scaling;

static void
scale(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Scaling *scaling = data;
  for (int64_t i = begin; i < end; i++)
    scaling->x[i] *= scaling->factor;
}

void
nn_pyramid_normalise(NnPyramid *pyramid, NnContext *context, NnImage *image)
{
  nn_pyramid_split(pyramid, context, image);
  for (int i = 0; i <= pyramid->levels; i++) {
    float *x = pyramid->bands[i]->data;
    int64_t count = (int64_t)nn_image_samples(pyramid->bands[i]);
    double rms =
        sqrt(nn_parallel_sum(context, count, GRAIN_SAMPLES, sum_squares, x) / (double)count);
    Scaling scaling = {.x = x, .factor = (float)(1 / rms)};
    /* what is so small that its inverse overflows is rounding noise, not a gradient */
    if (isfinite(scaling.factor))
      nn_parallel_for(context, count, GRAIN_SAMPLES, scale, &scaling);
  }
  nn_pyramid_join(pyramid, context, image);
}
