/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What sources of pictures give: nn_image_source_load() says how large. */
#pragma once

#include "nncore/image/resample.h"

/* (transfer full) */
static inline NnImage *
shrunk(const NnImage *picture, int longest_px, GError **error)
{
  double scale = (double)longest_px / MAX(picture->width, picture->height);
  if (longest_px == 0 || scale >= 1)
    return nn_image_copy(picture, error);
  g_autoptr(NnContext) context = nn_context_new(1);
  return nn_resample_new(context, picture, MAX(1, (int)(picture->width * scale + 0.5)),
                         MAX(1, (int)(picture->height * scale + 0.5)), error);
}
