/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gaussian blur: rows from the picture into `between`, columns back. */
#include "nncore/image/blur.h"

#include <math.h>

#include "nncore/base/memory.h"

#define GRAIN_SAMPLES 16384 /* a chunk of rows, about */

struct NnBlur {
  int radius; /* px */
  float *weights; /* of the centre and of the radius px on one side of it */
  NnImage *between;
  float *image; /* of the run */
};

void
nn_blur_free(NnBlur *blur)
{
  if (blur == NULL)
    return;
  nn_free(blur->weights);
  nn_image_free(blur->between);
  g_free(blur);
}

static void
set_weights(NnBlur *blur, double sigma)
{
  double sum = 1;
  for (int i = 1; i <= blur->radius; i++)
    sum += 2 * exp(-0.5 * i * i / (sigma * sigma));
  for (int i = 0; i <= blur->radius; i++)
    blur->weights[i] =
        i == 0 ? (float)(1 / sum) : (float)(exp(-0.5 * i * i / (sigma * sigma)) / sum);
}

NnBlur *
nn_blur_new(int width, int height, int channels, double sigma_px, GError **error)
{
  g_autoptr(NnBlur) blur = g_new0(NnBlur, 1);
  /* beyond both sides there is nothing but repeated edge pixels: no need for a longer kernel */
  blur->radius = (int)CLAMP(ceil(3 * sigma_px), 0, 4.0 * MAX(width, height));
  blur->weights = nn_alloc((size_t)blur->radius + 1, sizeof(float), error);
  if (blur->weights == NULL)
    return NULL;
  blur->between = nn_image_new(width, height, channels, error);
  if (blur->between == NULL)
    return NULL;
  set_weights(blur, sigma_px);
  return g_steal_pointer(&blur);
}

static void
blur_rows(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnBlur *blur = data;
  int width = blur->between->width, channels = blur->between->channels;
  for (int64_t y = begin; y < end; y++) {
    const float *from = blur->image + y * width * channels;
    float *to = blur->between->data + y * width * channels;
    for (int i = 0; i < width * channels; i++)
      to[i] = blur->weights[0] * from[i];
    for (int k = 1; k <= blur->radius; k++) {
      float weight = blur->weights[k];
      for (int x = 0; x < width; x++) {
        const float *left = from + (size_t)MAX(x - k, 0) * (size_t)channels;
        const float *right = from + (size_t)MIN(x + k, width - 1) * (size_t)channels;
        for (int c = 0; c < channels; c++)
          to[x * channels + c] += weight * (left[c] + right[c]);
      }
    }
  }
}

static void
blur_columns(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnBlur *blur = data;
  int height = blur->between->height;
  int64_t samples = (int64_t)blur->between->width * blur->between->channels;
  for (int64_t y = begin; y < end; y++) {
    const float *from = blur->between->data;
    float *to = blur->image + y * samples;
    for (int64_t i = 0; i < samples; i++)
      to[i] = blur->weights[0] * from[y * samples + i];
    for (int k = 1; k <= blur->radius; k++) {
      float weight = blur->weights[k];
      const float *above = from + MAX(y - k, 0) * samples;
      const float *below = from + MIN(y + k, height - 1) * samples;
      for (int64_t i = 0; i < samples; i++)
        to[i] += weight * (above[i] + below[i]);
    }
  }
}

void
nn_blur_run(NnBlur *blur, NnContext *context, NnImage *image)
{
  g_return_if_fail(image->width == blur->between->width && image->height == blur->between->height &&
                   image->channels == blur->between->channels);
  if (blur->radius == 0)
    return;
  blur->image = image->data;
  int64_t grain = 1 + GRAIN_SAMPLES / ((int64_t)image->width * image->channels);
  nn_parallel_for(context, image->height, grain, blur_rows, blur);
  nn_parallel_for(context, image->height, grain, blur_columns, blur);
}
