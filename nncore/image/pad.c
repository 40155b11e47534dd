/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reflection: of n pixels, position i is that of a triangle wave with period 2 (n - 1). */
#include "nncore/image/pad.h"

#include <string.h>

static int
reflect(int i, int n)
{
  if (n == 1)
    return 0;
  int period = 2 * (n - 1);
  i %= period;
  return i < n ? i : period - i;
}

NnImage *
nn_image_pad_reflect(const NnImage *image, int width, int height, GError **error)
{
  g_return_val_if_fail(width >= image->width && height >= image->height, NULL);
  NnImage *padded = nn_image_new(width, height, image->channels, error);
  if (padded == NULL)
    return NULL;
  size_t pixel = (size_t)image->channels;
  size_t row = (size_t)image->width * pixel;
  for (int y = 0; y < height; y++) {
    const float *from = image->data + (size_t)reflect(y, image->height) * row;
    float *to = padded->data + (size_t)y * (size_t)width * pixel;
    memcpy(to, from, row * sizeof(float));
    for (int x = image->width; x < width; x++)
      memcpy(to + (size_t)x * pixel, from + (size_t)reflect(x, image->width) * pixel,
             pixel * sizeof(float));
  }
  return padded;
}
