/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pixel by pixel. Quantiles by Hoare's FIND (1961), on one thread: O(pixels). */
#include "nncore/image/regularise.h"

#include <math.h>
#include <string.h>

#define GRAIN 16384

typedef struct {
  float *x;
  NnImage image;
  const float *gradient, *measures;
  float *to;
  float middle, part, threshold;
} Job;

static int64_t
count_pixels(const NnImage *image)
{
  return (int64_t)image->width * image->height;
}

static void
decay_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  for (int64_t i = begin; i < end; i++)
    job->x[i] += job->part * (job->middle - job->x[i]);
}

void
nn_decay(NnContext *context, float *x, int64_t count, float middle, float part)
{
  Job job = {.x = x, .middle = middle, .part = part};
  nn_parallel_for(context, count, GRAIN, decay_chunk, &job);
}

/* the length of each pixel, or its product with the gradient */
static void
measure_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  int channels = job->image.channels;
  for (int64_t i = begin; i < end; i++) {
    float sum = 0;
    for (int64_t k = i * channels; k < (i + 1) * channels; k++) {
      float difference = job->image.data[k] - job->middle;
      sum += difference * (job->gradient != NULL ? job->gradient[k] : difference);
    }
    job->to[i] = job->gradient != NULL ? fabsf(sum) : sqrtf(sum);
  }
}

void
nn_pixel_norms(NnContext *context, const NnImage *picture, float middle, float *norms)
{
  Job job = {.image = *picture, .middle = middle, .to = norms};
  nn_parallel_for(context, count_pixels(picture), GRAIN, measure_chunk, &job);
}

void
nn_pixel_contributions(NnContext *context, const NnImage *picture, float middle,
                       const NnImage *gradient, float *contributions)
{
  Job job = {.image = *picture, .middle = middle, .gradient = gradient->data, .to = contributions};
  nn_parallel_for(context, count_pixels(picture), GRAIN, measure_chunk, &job);
}

/* what would stand at place @k if the numbers were sorted */
static float
find(float *x, int64_t count, int64_t k)
{
  int64_t low = 0, high = count - 1;
  while (low < high) {
    float pivot = x[low + (high - low) / 2];
    int64_t i = low, j = high;
    while (i <= j) {
      while (x[i] < pivot)
        i++;
      while (x[j] > pivot)
        j--;
      if (i > j)
        break;
      float kept = x[i];
      x[i++] = x[j];
      x[j--] = kept;
    }
    if (k <= j)
      high = j;
    else if (k >= i)
      low = i;
    else
      break;
  }
  return x[k];
}

static void
clear_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Job *job = data;
  int channels = job->image.channels;
  for (int64_t i = begin; i < end; i++)
    for (int c = 0; job->measures[i] < job->threshold && c < channels; c++)
      job->image.data[i * channels + c] = job->middle;
}

void
nn_clear_pixels(NnContext *context, NnImage *picture, float middle, const float *measures,
                float *scratch, double part)
{
  int64_t count = count_pixels(picture);
  memcpy(scratch, measures, (size_t)count * sizeof(float));
  int64_t place = CLAMP((int64_t)(part * (double)count), 0, count - 1);
  Job job = {.image = *picture,
             .measures = measures,
             .middle = middle,
             .threshold = find(scratch, count, place)};
  nn_parallel_for(context, count, GRAIN, clear_chunk, &job);
}
