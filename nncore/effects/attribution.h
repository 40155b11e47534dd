/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which pixels a target's value hangs on, by gradients. g(x) is the gradient of the target to the
 * picture's own R'G'B' values, 0..1. */
#pragma once

#include "nncore/base/progress.h"
#include "nncore/effects/target.h"

/**
 * NnMethod:
 * @NN_METHOD_GRADIENT: max over channels of |g(x)| (Simonyan et al. 2014)
 * @NN_METHOD_SMOOTHGRAD: the same of the mean of g over pictures with normal noise (Smilkov et al.
 *   2017)
 * @NN_METHOD_INTEGRATED: |sum over channels of (x - b) times the mean of g on the way from the
 *   baseline b to x| (Sundararajan et al. 2017)
 * @NN_METHOD_INPUT_X_GRADIENT: |sum over channels of (x - b) g(x)| (Shrikumar et al. 2016)
 * @NN_METHOD_GUIDED, @NN_METHOD_DECONVNET: as @NN_METHOD_GRADIENT, with the rules of
 *   NnRectifierRule in place of the gradient
 * @NN_METHOD_GRAD_CAM: effects/grad-cam.h
 * @NN_METHOD_GUIDED_GRAD_CAM: guided backpropagation times Grad-CAM
 */
typedef enum {
  NN_METHOD_GRADIENT,
  NN_METHOD_SMOOTHGRAD,
  NN_METHOD_INTEGRATED,
  NN_METHOD_INPUT_X_GRADIENT,
  NN_METHOD_GUIDED,
  NN_METHOD_DECONVNET,
  NN_METHOD_GRAD_CAM,
  NN_METHOD_GUIDED_GRAD_CAM,
} NnMethod;

/** NnBaseline: the picture that says nothing. @NN_BASELINE_MEAN: the mean colour of the picture;
 * @NN_BASELINE_BLUR: the picture, blurred by a tenth of its shorter side: unlike with one colour, no
 * thing gets nothing for being of it (Sturmfels, Lundberg and Lee, Visualizing the Impact of Feature
 * Attribution Baselines, 2020). In the order of nn_baseline_choices. */
typedef enum { NN_BASELINE_BLACK, NN_BASELINE_GREY, NN_BASELINE_MEAN, NN_BASELINE_BLUR } NnBaseline;

extern const NnChoice nn_baseline_choices[];

/**
 * NnAttributionSettings:
 * @samples, @noise, @seed: of SmoothGrad: pictures, deviation of the noise over the range of the
 *   picture's values; element e of sample s gets normal number s E + e of @seed (E elements)
 * @steps: of integrated gradients: parts of the way, by the trapezoidal rule. They are doubled, at
 *   most to 16 times as many, until what the pixels get adds up to the difference of the target's
 *   values to within 1 %
 * @baseline: of integrated gradients and input x gradient
 * @cam_layer: as nn_grad_cam() takes it
 */
typedef struct {
  NnMethod method;
  int samples;
  double noise;
  uint64_t seed;
  int steps;
  NnBaseline baseline;
  const char *cam_layer;
} NnAttributionSettings;

/**
 * NnAttribution: what else there is to tell:
 * @stopped: whether more might have been sampled
 * @steps, @gap: of integrated gradients: taken in the end; by how much of the difference the sum misses
 *   it. 0 for others
 * @cam_layer: (nullable): owned
 */
typedef struct {
  bool stopped;
  int steps;
  double gap;
  char *cam_layer;
} NnAttribution;

/** nn_method_options: of the program of the method's target. */
NnProgramOptions nn_method_options(NnMethod method);

#define NN_METHOD_PICTURES 6 /* like the view that it needs beside, at most */

/** nn_method_passes: of the view, beside that of nn_target_open(): what it runs, as NnPasses has it; of
 * integrated gradients those that are taken in any case. */
NnPasses nn_method_passes(const NnAttributionSettings *settings);

/** nn_baseline_new: (transfer full): a picture like @view, RGB. */
NnImage *nn_baseline_new(NnContext *context, const NnImage *view, NnBaseline baseline,
                         GError **error);

/**
 * nn_attribute:
 * @target: opened on @view, made with nn_method_options()
 * @told: (out): g_free() its texts
 *
 * Stop ends sampling, and the map is of what has been sampled so far; if that is nothing, as soon as it
 * can be made of anything.
 * Returns: (transfer full): one channel, not below 0, in the method's own units; of the size of
 *   @view or, of Grad-CAM, of the layer's map. %NN_ERROR_CANCELLED, and all errors of evaluations.
 */
NnImage *nn_attribute(const NnNetwork *network, NnContext *context, NnTarget *target,
                      const NnImage *view, const NnAttributionSettings *settings,
                      const NnProgress *progress, NnAttribution *told, GError **error);
