/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures by their frequencies (Olah, Mordvintsev and Schubert 2017, "Feature Visualization"): a
 * picture is a linear function of parameters, of which those for a frequency f (cycles a pixel)
 * count 1 / f, as frequencies do in photos, and those for colours as colours do:
 *   picture = C H (s z),
 * z the parameters, s their scales, H the Hartley transform (image/hartley.h), C from decorrelated
 * colours to R'G'B'. Descent along z then takes large steps where photos vary much, and none of
 * its steps is grain. Independent parameters of mean 0 and deviation 1 give a picture of mean 0
 * with the spectrum and the covariance of colours that photos have.
 *
 * The canvas of the transform is a little larger than the picture, so that it is not periodic
 * itself and its sides may be any. */
#pragma once

#include "nncore/image/hartley.h"

typedef struct NnSpectrum NnSpectrum;

/** nn_spectrum_new: for pictures of @width x @height px. (transfer full): or %NULL with
 * %NN_ERROR_MEMORY. */
NnSpectrum *nn_spectrum_new(NnContext *context, int width, int height, GError **error);
void nn_spectrum_free(NnSpectrum *spectrum);

/** nn_spectrum_canvas: how large the canvas for a picture of @width x @height px is. */
void nn_spectrum_canvas(int width, int height, int *canvas_width, int *canvas_height);

/** nn_spectrum_size: of the canvas: parameters are an NnImage of that size with 3 channels. */
void nn_spectrum_size(const NnSpectrum *spectrum, int *width, int *height);

/** nn_spectrum_deviation: of a picture's values, all colours taken together, where the parameters are
 * independent with deviation 1. */
double nn_spectrum_deviation(void);

/** nn_spectrum_noise: fills @parameters with independent ones of mean 0 and deviation
 * @deviation. */
void nn_spectrum_noise(NnContext *context, uint64_t seed, float deviation, NnImage *parameters);

/** nn_spectrum_picture: @parameters -> @picture, RGB, of mean 0. One caller at a time. */
void nn_spectrum_picture(NnSpectrum *spectrum, NnContext *context, const NnImage *parameters,
                         NnImage *picture);

/** nn_spectrum_gradient: the gradient to a picture -> that to the parameters (the adjoint). */
void nn_spectrum_gradient(NnSpectrum *spectrum, NnContext *context, const NnImage *gradient,
                          NnImage *parameters_gradient);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnSpectrum, nn_spectrum_free)
