/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures and measures for the tests of this folder. Errors end the test. */
#pragma once

#include <math.h>

#include "nncore/base/random.h"
#include "nncore/image/image.h"

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

static inline double
largest_difference(const NnImage *a, const NnImage *b)
{
  g_assert_cmpuint(nn_image_samples(a), ==, nn_image_samples(b));
  double largest = 0;
  size_t samples = nn_image_samples(a);
  for (size_t i = 0; i < samples; i++)
    largest = MAX(largest, fabs((double)a->data[i] - b->data[i]));
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
