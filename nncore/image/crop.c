/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounds and copies of rectangles, row by row. */
#include "nncore/image/crop.h"

#include <string.h>

NnRectangle
nn_mask_bounds(const NnImage *mask)
{
  g_return_val_if_fail(mask->channels == 1, (NnRectangle){0});
  int left = mask->width, right = -1, top = mask->height, bottom = -1;
  for (int y = 0; y < mask->height; y++)
    for (int x = 0; x < mask->width; x++) {
      if (!(mask->data[(size_t)y * (size_t)mask->width + (size_t)x] > 0))
        continue;
      left = MIN(left, x);
      right = MAX(right, x);
      top = MIN(top, y);
      bottom = y;
    }
  if (right < 0)
    return (NnRectangle){0};
  return (NnRectangle){left, top, right - left + 1, bottom - top + 1};
}

NnImage *
nn_image_crop(const NnImage *image, NnRectangle rectangle, GError **error)
{
  g_return_val_if_fail(rectangle.x >= 0 && rectangle.width <= image->width - rectangle.x, NULL);
  g_return_val_if_fail(rectangle.y >= 0 && rectangle.height <= image->height - rectangle.y, NULL);
  NnImage *crop = nn_image_new(rectangle.width, rectangle.height, image->channels, error);
  size_t pixel = (size_t)image->channels, row = (size_t)rectangle.width * pixel;
  for (int y = 0; crop != NULL && y < crop->height; y++) {
    size_t start = ((size_t)rectangle.y + (size_t)y) * (size_t)image->width + (size_t)rectangle.x;
    memcpy(crop->data + (size_t)y * row, image->data + start * pixel, row * sizeof(float));
  }
  return crop;
}
