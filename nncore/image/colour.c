/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adding a change to a picture; keeping colours. */
#include "nncore/image/colour.h"

#include <string.h>

#include "nncore/image/resample.h"

#define GRAIN_PX 8192

float
nn_luminance(const float rgb[3])
{
  return 0.2126f * rgb[0] + 0.7152f * rgb[1] + 0.0722f * rgb[2];
}

static bool
within(float value)
{
  return value >= 0 && value <= 1;
}

static void
add_colour(const float *from, const float change[3], float *to)
{
  for (int c = 0; c < 3; c++) {
    float sum = from[c] + change[c];
    to[c] = within(from[c]) ? CLAMP(sum, 0, 1) : sum;
  }
}

/* the largest part of chroma that keeps luminance + part * chroma within 0..1 */
static float
chroma_part(float luminance, const float chroma[3])
{
  float part = 1;
  for (int c = 0; c < 3; c++) {
    if (luminance + chroma[c] > 1)
      part = MIN(part, (1 - luminance) / chroma[c]);
    else if (luminance + chroma[c] < 0)
      part = MIN(part, -luminance / chroma[c]);
  }
  return part;
}

static void
add_luminance(const float *from, float change, float *to)
{
  bool fits = true;
  for (int c = 0; c < 3; c++) {
    to[c] = from[c] + change;
    fits = fits && (within(to[c]) || !within(from[c]));
  }
  if (fits || !within(from[0]) || !within(from[1]) || !within(from[2]))
    return;
  float before = nn_luminance(from);
  float luminance = CLAMP(before + change, 0, 1);
  float chroma[3] = {from[0] - before, from[1] - before, from[2] - before};
  float part = chroma_part(luminance, chroma);
  for (int c = 0; c < 3; c++)
    to[c] = CLAMP(luminance + part * chroma[c], 0, 1);
}

/* all three channels alike, no further than the first of them can go */
static void
shift(const float *from, float change, float *to)
{
  float low = change, high = change;
  for (int c = 0; c < 3; c++)
    if (within(from[c])) {
      low = MAX(low, -from[c]);
      high = MIN(high, 1 - from[c]);
    }
  for (int c = 0; c < 3; c++)
    to[c] = from[c] + (change < 0 ? low : high);
}

typedef struct {
  const NnImage *original, *change;
  float strength;
  NnKeep keep;
  NnImage *result;
} Job;

static void
apply_pixels(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  int channels = job->original->channels;
  for (int64_t i = begin; i < end; i++) {
    const float *from = job->original->data + i * channels;
    float *to = job->result->data + i * channels;
    const float *d = job->change->data + i * 3;
    float change[3] = {d[0] * job->strength, d[1] * job->strength, d[2] * job->strength};
    if (channels == 4)
      to[3] = from[3];
    if (channels == 4 && !(from[3] > 0))
      memmove(to, from, 3 * sizeof(float));
    else if (job->keep == NN_KEEP_HUE)
      add_luminance(from, nn_luminance(change), to);
    else if (job->keep == NN_KEEP_CHROMA)
      shift(from, nn_luminance(change), to);
    else
      add_colour(from, change, to);
  }
}

/* @picture itself, or, where its size is not that of @original, (transfer full) @resampled */
static const NnImage *
fit(NnContext *context, const NnImage *original, const NnImage *picture, NnImage **resampled,
    GError **error)
{
  if (picture->width == original->width && picture->height == original->height)
    return picture;
  *resampled = nn_resample_new(context, picture, original->width, original->height, error);
  return *resampled;
}

bool
nn_apply_change(NnContext *context, const NnImage *original, const NnImage *change, float strength,
                NnKeep keep, NnImage *result, GError **error)
{
  g_return_val_if_fail(original->channels >= 3 && original->channels == result->channels, false);
  g_autoptr(NnImage) resampled = NULL;
  change = fit(context, original, change, &resampled, error);
  if (change == NULL)
    return false;
  Job job = {original, change, strength, keep, result};
  nn_parallel_for(context, (int64_t)original->width * original->height, GRAIN_PX, apply_pixels,
                  &job);
  return true;
}

static void
replace_pixels(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++) {
    const float *from = job->original->data + i * 4;
    const float *colours = from[3] > 0 ? job->change->data + i * 3 : from;
    float *to = job->result->data + i * 4;
    for (int c = 0; c < 3; c++)
      to[c] = from[3] > 0 ? CLAMP(colours[c], 0, 1) : colours[c];
    to[3] = from[3];
  }
}

bool
nn_apply_picture(NnContext *context, const NnImage *original, const NnImage *picture,
                 NnImage *result, GError **error)
{
  g_return_val_if_fail(original->channels == 4 && result->channels == 4, false);
  g_autoptr(NnImage) resampled = NULL;
  picture = fit(context, original, picture, &resampled, error);
  if (picture == NULL)
    return false;
  Job job = {.original = original, .change = picture, .result = result};
  nn_parallel_for(context, (int64_t)original->width * original->height, GRAIN_PX, replace_pixels,
                  &job);
  return true;
}
