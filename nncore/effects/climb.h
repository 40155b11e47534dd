/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gradient ascent to the pictures that excite a channel (effects/excitation.h), each step through
 * another random warp, with what keeps pictures natural between the steps (image/regularise.h). */
#pragma once

#include "nncore/effects/excitation.h"

/** NnClimbMethod: Adam (optim/adam.h), or steps along the gradient, brought to one length. */
typedef enum { NN_CLIMB_ADAM, NN_CLIMB_NORMALISED } NnClimbMethod;

/**
 * NnClimbSettings:
 * @iterations: steps, at least 1
 * @step: about how far a step moves the picture's values at first, 1 from black to white; it falls
 *   to a tenth
 * @range: of the warps
 * @decay: part that each step takes of what is not grey
 * @blur_sigma_px, @blur_every: of pixels only: blur after every so many steps; 0: never
 * @clear_norms, @clear_contributions: of pixels only: parts of all pixels that become grey after
 *   each step, 0 to 1
 * @seed: of starts and warps, for which the channel's number counts as well
 */
typedef struct {
  int iterations;
  NnClimbMethod method;
  double step;
  NnWarpRange range;
  double decay;
  double blur_sigma_px;
  int blur_every;
  double clear_norms, clear_contributions;
  uint64_t seed;
} NnClimbSettings;

typedef struct NnClimb NnClimb;

/**
 * NnClimbWatch: called after each step, and within one that takes its time.
 * @iteration: steps that have been taken
 * @fraction: of the channel's work done, 0 to 1
 *
 * Returns: false to end with the pictures as they are, which is no error.
 */
typedef bool (*NnClimbWatch)(gpointer data, int iteration, double fraction);

/** nn_climb_pictures: RGB, of the pictures' size, that it needs for a channel's @variants. */
int nn_climb_pictures(int variants);

/** nn_climb_new: of @excitation, which must outlive it as must @settings; nn_climb_run() takes memory
 * for a channel's pictures. %NN_ERROR_MEMORY. */
NnClimb *nn_climb_new(NnContext *context, NnExcitation *excitation,
                      const NnExcitationSettings *what, const NnClimbSettings *settings,
                      GError **error);
void nn_climb_free(NnClimb *climb);

/** nn_climb_run: makes the pictures of channel @channel, which exists. Errors as
 * nn_excitation_evaluate(), %NN_ERROR_MEMORY. */
bool nn_climb_run(NnClimb *climb, int channel, NnClimbWatch watch, gpointer data, GError **error);

/** nn_climb_picture: (transfer none): picture @variant as it is now: RGB within 0..1, valid to the
 * next call. Also from within the watch. */
const NnImage *nn_climb_picture(NnClimb *climb, int variant);

/** nn_climb_now: of picture @variant at its last step. */
const NnExcitementNow *nn_climb_now(const NnClimb *climb, int variant);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnClimb, nn_climb_free)
