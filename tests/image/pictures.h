/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures and measures for the tests of this folder. Errors end the test. */
#pragma once

#include <math.h>

#include "nncore/base/random.h"
#include "nncore/image/image.h"
#include "tests/worst.h"

static inline NnImage *
picture_new(int width, int height, int channels)
{
  g_autoptr(GError) error = NULL;
  NnImage *image = nn_image_new(width, height, channels, &error);
  g_assert_no_error(error);
  return image;
}

/* uniform from 0 to 1 */
static inline NnImage *
picture_noise(int width, int height, int channels, uint64_t seed)
{
  NnImage *image = picture_new(width, height, channels);
  size_t samples = nn_image_samples(image);
  for (size_t i = 0; i < samples; i++)
    image->data[i] = (float)(nn_random_at(seed, i) >> 40) / 16777216.0f;
  return image;
}

static inline NnImage *
picture_constant(int width, int height, int channels, float value)
{
  NnImage *image = picture_new(width, height, channels);
  size_t samples = nn_image_samples(image);
  for (size_t i = 0; i < samples; i++)
    image->data[i] = value;
  return image;
}

/* shapes, shades and edges; opaque RGBA */
static inline NnImage *
picture_scene(int width, int height)
{
  NnImage *image = picture_new(width, height, 4);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      float *pixel = image->data + ((size_t)y * (size_t)width + (size_t)x) * 4;
      double r = hypot(x - width * 0.4, y - height * 0.55);
      bool disc = r < 0.25 * MIN(width, height);
      pixel[0] = disc ? 0.75f : 0.3f + 0.3f * (float)y / (float)height;
      pixel[1] = disc ? 0.45f : 0.4f + 0.2f * (float)x / (float)width;
      pixel[2] = disc ? 0.25f + 0.1f * (float)sin(r / 3) : 0.65f;
      pixel[3] = 1;
    }
  return image;
}

/* of an RGBA one */
static inline NnImage *
picture_without_alpha(const NnImage *image)
{
  NnImage *rgb = picture_new(image->width, image->height, 3);
  for (size_t i = 0; i < nn_image_samples(rgb); i++)
    rgb->data[i] = image->data[i / 3 * 4 + i % 3];
  return rgb;
}

static inline double
largest_difference(const NnImage *a, const NnImage *b)
{
  g_assert_cmpuint(nn_image_samples(a), ==, nn_image_samples(b));
  double largest = 0;
  size_t samples = nn_image_samples(a);
  for (size_t i = 0; i < samples; i++)
    largest = worse(largest, fabs((double)a->data[i] - b->data[i]));
  return largest;
}

static inline double
mean_of(const NnImage *image, int channel)
{
  double sum = 0;
  size_t samples = nn_image_samples(image);
  for (size_t i = (size_t)channel; i < samples; i += (size_t)image->channels)
    sum += image->data[i];
  return sum / ((double)image->width * image->height);
}

static inline float
pixel_at(const NnImage *image, int x, int y, int channel)
{
  return image->data[((size_t)y * (size_t)image->width + (size_t)x) * (size_t)image->channels +
                     (size_t)channel];
}
