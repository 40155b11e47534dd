/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gradient ascent on a picture through octaves, as in the DeepDream notebook of Mordvintsev, Olah
 * and Tyka (2015): the picture is dreamt on at a small size first; what was added there, the
 * detail, is enlarged onto the next size, and so on up to the working size. */
#pragma once

#include "nncore/base/progress.h"
#include "nncore/effects/objective.h"

typedef enum { NN_SMOOTHING_NONE, NN_SMOOTHING_BLUR, NN_SMOOTHING_LAPLACIAN } NnSmoothing;

/**
 * NnDreamSettings:
 * @working_px: longest side of the largest octave; 0: the picture's own size; never enlarges
 * @octaves: 0: as many as bring the longest side of the smallest to about 200 px
 * @octave_scale: size of an octave over that of the one before, above 1
 * @iterations: in each octave
 * @step_levels: 8-bit levels by which an iteration changes the average value (step over the mean
 *   absolute gradient); with %NN_SMOOTHING_LAPLACIAN, the root mean square of each band, as in the
 *   notebook that it comes from
 * @jitter_px: the network sees the picture rolled by up to this, both ways, anew each iteration
 * @smoothing: of the gradient: by a Gaussian of @smoothing_sigma_px, or by bringing
 *   @smoothing_levels bands of its Laplacian pyramid (and the rest) to equal strength
 * @strength: factor on the change in the end
 * @keep_colours: the change is one of luminance only
 */
typedef struct {
  int working_px;
  int octaves;
  double octave_scale;
  int iterations;
  double step_levels;
  int jitter_px;
  NnSmoothing smoothing;
  int smoothing_levels;
  double smoothing_sigma_px;
  double strength;
  bool keep_colours;
  uint64_t seed;
} NnDreamSettings;

/** nn_dream_evaluations: of all octaves of a content of @width x @height px; those of smaller ones count
 * as the part of the last one's pixels that they have. */
double nn_dream_evaluations(const NnDreamSettings *settings, int width, int height);

#define NN_DREAM_PICTURES 7 /* RGB, of the working size, that nn_dream() needs, about */

/**
 * nn_dream:
 * @content: RGBA, any size
 * @progress: (nullable): is told of every iteration; when stopped, the picture so far is returned
 *
 * An octave that is too small for the network is left out. A width or height that the network
 * does not take (NnInputSpec.multiple) is made up by going on periodically, which is what rolling
 * does to the picture anyway; nothing of that is kept.
 *
 * Returns: (transfer full): RGBA, as large as @content, its alpha and the colours under alpha 0
 *   unchanged; %NULL with %NN_ERROR_SHAPE where all octaves are too small (the sentence says what
 *   size would do), %NN_ERROR_ARGUMENT where the network does not respond to the picture or
 *   all of it is transparent, %NN_ERROR_MEMORY, %NN_ERROR_CANCELLED.
 */
NnImage *nn_dream(const NnNetwork *network, NnContext *context, NnObjective *objective,
                  const NnImage *content, const NnDreamSettings *settings,
                  const NnProgress *progress, GError **error);
