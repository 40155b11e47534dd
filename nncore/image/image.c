/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Making, copying and freeing pictures, with sizes checked. */
#include "nncore/image/image.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"

size_t
nn_image_samples(const NnImage *image)
{
  return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

NnImage *
nn_image_new(int width, int height, int channels, GError **error)
{
  if (width < 1 || height < 1 || channels < 1 || channels > 4) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("A picture of %d x %d pixels with %d channels is impossible."), width, height,
                channels);
    return NULL;
  }
  float *data = nn_alloc((size_t)width * (size_t)height, (size_t)channels * sizeof(float), error);
  if (data == NULL)
    return NULL;
  NnImage *image = g_new(NnImage, 1);
  *image = (NnImage){.width = width, .height = height, .channels = channels, .data = data};
  return image;
}

NnImage *
nn_image_copy(const NnImage *image, GError **error)
{
  NnImage *copy = nn_image_new(image->width, image->height, image->channels, error);
  if (copy != NULL)
    memcpy(copy->data, image->data, nn_image_samples(image) * sizeof(float));
  return copy;
}

void
nn_image_free(NnImage *image)
{
  if (image == NULL)
    return;
  nn_free(image->data);
  g_free(image);
}
