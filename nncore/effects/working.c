/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filling, resampling, clipping. */
#include "nncore/effects/working.h"

#include <math.h>

#include "nncore/image/arithmetic.h"
#include "nncore/image/fill.h"
#include "nncore/image/resample.h"

void
nn_working_size(int working_px, int *width, int *height)
{
  int longest = MAX(*width, *height);
  if (working_px <= 0 || longest <= working_px)
    return;
  double scale = (double)working_px / longest;
  *width = MAX(1, (int)lround(*width * scale));
  *height = MAX(1, (int)lround(*height * scale));
}

NnImage *
nn_working_resized(NnContext *context, const NnImage *picture, int width, int height,
                   GError **error)
{
  NnImage *resized = nn_resample_new(context, picture, width, height, error);
  if (resized != NULL)
    nn_image_clip(context, resized);
  return resized;
}

NnImage *
nn_working_picture(NnContext *context, const NnImage *content, int working_px, GError **error)
{
  g_autoptr(NnImage) filled = nn_image_fill(content, error);
  int width = content->width, height = content->height;
  nn_working_size(working_px, &width, &height);
  if (filled == NULL || (width == content->width && height == content->height))
    return g_steal_pointer(&filled);
  return nn_working_resized(context, filled, width, height, error);
}
