/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A picture seen through a shift, a turn and a scale: pixel (x, y) of the view looks, by bilinear
 * interpolation, at the place of the picture
 *   C + d + s R(a) ((x, y) - c),
 * c and C the centres of view and picture, R the rotation. What lies outside the picture has the
 * value `outside`. Apart from that the view is a linear function of the picture; its gradient goes
 * back by the adjoint, with the same weights to the bit. Whole shifts copy pixels. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/base/random.h"
#include "nncore/image/image.h"

/**
 * NnWarp:
 * @angle: a, in radians; above 0, what the view shows turns counterclockwise
 * @scale: s, above 0: pixels of the picture a pixel of the view; above 1, things look smaller
 * @dx, @dy: d, px of the picture
 */
typedef struct {
  double angle, scale, dx, dy;
} NnWarp;

/**
 * NnWarpRange: of random warps, uniform and independent, 0 for none
 * @jitter_px: d is whole, from -@jitter_px to @jitter_px each way
 * @angle: a is from -@angle to @angle
 * @rescale: log s is from -log(1 + @rescale) to log(1 + @rescale)
 */
typedef struct {
  int jitter_px;
  double angle, rescale;
} NnWarpRange;

/** nn_warp_random: always draws four numbers. */
NnWarp nn_warp_random(NnRandom *random, const NnWarpRange *range);

/** nn_warp_view: fills @view, of any size and as many channels as @picture. */
void nn_warp_view(NnContext *context, const NnWarp *warp, const NnImage *picture, float outside,
                  NnImage *view);

/** nn_warp_gradient: of the gradient @view to what nn_warp_view() made, the one to the picture, into
 * @gradient, of the picture's size. */
void nn_warp_gradient(NnContext *context, const NnWarp *warp, const NnImage *view,
                      NnImage *gradient);
