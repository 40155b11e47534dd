/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done to a picture between the steps of an ascent to keep it one (Yosinski, Clune, Nguyen,
 * Fuchs and Lipson 2015, "Understanding Neural Networks Through Deep Visualization"): values decay
 * towards grey, and pixels that say little, by themselves or to the network, become grey. (Blur is
 * image/blur.h, total variation loss/smoothness.h.) */
#pragma once

#include "nncore/base/context.h"
#include "nncore/image/image.h"

/** nn_decay: each of @count values goes the part @part, 0 to 1, of its way to @middle. */
void nn_decay(NnContext *context, float *x, int64_t count, float middle, float part);

/** nn_pixel_norms: the length of each pixel's colour, from grey @middle on, into @norms. */
void nn_pixel_norms(NnContext *context, const NnImage *picture, float middle, float *norms);

/** nn_pixel_contributions: what each pixel gives to a function with this @gradient, compared with
 * grey: |sum over the colours of (x - @middle) gradient|, into @contributions. */
void nn_pixel_contributions(NnContext *context, const NnImage *picture, float middle,
                            const NnImage *gradient, float *contributions);

/**
 * nn_clear_pixels:
 * @measures: a number for each pixel; @scratch: room for as many
 * @part: of all pixels, 0 to 1
 *
 * Pixels with the smallest measures, about @part of all, become grey @middle: those below the
 * quantile.
 */
void nn_clear_pixels(NnContext *context, NnImage *picture, float middle, const float *measures,
                     float *scratch, double part);
