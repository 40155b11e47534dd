/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a picture to what a network's input needs, and back:
 *   x[c] = (range * rgb[c] - mean[c]) / deviation[c], channel order RGB or BGR. */
#pragma once

#include <stdbool.h>

#include "nncore/base/context.h"
#include "nncore/image/image.h"
#include "nncore/tensor/tensor.h"

/**
 * NnInputSpec:
 * @bgr: the first channel is blue; @mean and @deviation follow the network's order
 * @range: what white is before the mean is subtracted: 1 or 255
 * @multiple: width and height must be multiples of it (1: any)
 * @own_px: side of the pictures that the network was trained on; 0 where that is not known
 */
typedef struct {
  bool bgr;
  float range;
  float mean[3], deviation[3];
  int multiple;
  int own_px;
} NnInputSpec;

/** nn_preprocess: @image (3 or 4 channels; alpha is left out) -> @tensor, 1 x 3 x H x W of the
 * same size, either layout. */
void nn_preprocess(const NnImage *image, const NnInputSpec *spec, const NnTensor *tensor);

/**
 * nn_unpreprocess:
 * @tensor: the part that begins at (@x, @y) of what a network made: 1 x 3 x H x W in its own values
 * @image: (inout): gets the three colours of what of the part lies within it
 *
 * The inverse.
 */
void nn_unpreprocess(NnContext *context, const NnTensor *tensor, const NnInputSpec *spec, int x,
                     int y, NnImage *image);

/**
 * nn_preprocess_rolled:
 * @dx, @dy: any integers; pixel (x, y) of the tensor is ((x + dx) mod width, (y + dy) mod height)
 *   of the picture. So the part of a tensor that begins at (x0, y0) is asked for by dx + x0,
 *   dy + y0
 * @tensor: 1 x 3 x H x W, of any size: past the picture's end (NnInputSpec.multiple), the picture,
 *   which the roll has made a torus anyway, goes on periodically.
 */
void nn_preprocess_rolled(NnContext *context, const NnImage *image, const NnInputSpec *spec, int dx,
                          int dy, const NnTensor *tensor);

/** nn_preprocess_mirrored: as nn_preprocess_rolled(), but of a picture that goes on past its edges as
 * its own mirror image: ... 2 1 0 0 1 2 ... */
void nn_preprocess_mirrored(NnContext *context, const NnImage *image, const NnInputSpec *spec,
                            int dx, int dy, const NnTensor *tensor);

/**
 * nn_input_gradient_add:
 * @tensor: the gradient to the part that begins at (@x, @y) of the tensor that
 *   nn_preprocess_rolled() filled with @dx, @dy
 * @image: (inout): 3 channels: the gradient to the picture's own R'G'B' values, rolled back, is
 *   added. By the chain rule it is range / deviation[c] times the tensor's: a step along it is the
 *   steepest one in what people see, whatever units the network counts in.
 * @periodic: whether elements past the picture's size, which are pixels that come again, count or
 *   are left out
 */
void nn_input_gradient_add(NnContext *context, const NnTensor *tensor, const NnInputSpec *spec,
                           int dx, int dy, int x, int y, bool periodic, NnImage *image);

/** nn_input_size: @size px rounded up to what the network's input may be. */
int nn_input_size(const NnInputSpec *spec, int size);
