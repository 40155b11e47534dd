/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures: float, interleaved, rows from the top, R'G'B' (perceptual, as GIMP's "R'G'B'A float")
 * with 0 black and 1 white; values outside 0..1 are allowed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/**
 * NnImage:
 * @channels: 1 (grey or mask), 3 (RGB) or 4 (RGBA, alpha not premultiplied)
 * @data: width * height * channels floats; pixel (x, y), channel c at
 *   (y * width + x) * channels + c
 */
typedef struct NnImage {
  int width, height, channels;
  float *data;
} NnImage;

/** NnSize: in px. */
typedef struct {
  int width, height;
} NnSize;

/** nn_image_new: uninitialised; %NN_ERROR_MEMORY, %NN_ERROR_ARGUMENT for sizes below 1. */
NnImage *nn_image_new(int width, int height, int channels, GError **error);
NnImage *nn_image_copy(const NnImage *image, GError **error);
void nn_image_free(NnImage *image);

/** nn_image_samples: width * height * channels. */
size_t nn_image_samples(const NnImage *image);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnImage, nn_image_free)
