/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A channel's pictures climb in turns, a step each, so that each knows what the others have become.
 * A channel's parameters and Adam's memory are made when it begins, all else once. */
#include "nncore/effects/climb.h"

#include <math.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/image/blur.h"
#include "nncore/image/regularise.h"
#include "nncore/optim/adam.h"
#include "nncore/optim/ascent.h"

#define LAST_STEP 0.1 /* of the first one */

/**
 * Climber: one of a channel's pictures.
 * @x: its parameters
 */
typedef struct {
  NnImage *x;
  NnAdam *adam;
  NnRandom random;
  NnExcitementNow now;
} Climber;

struct NnClimb {
  NnContext *context;
  NnExcitation *excitation;
  const NnClimbSettings *settings;
  bool pixels;
  int n_climbers;
  Climber *climbers;
  NnImage *gradient, *picture;
  NnBlur *blur; /* (nullable) */
  float *contributions, *norms, *scratch; /* (nullable): a number a pixel */

  NnClimbWatch watch;
  gpointer watch_data;
  int iteration, turn; /* steps taken by all; climbers that have taken one more */
  bool stopped;
};

void
nn_climb_free(NnClimb *climb)
{
  if (climb == NULL)
    return;
  for (int i = 0; i < climb->n_climbers; i++) {
    nn_image_free(climb->climbers[i].x);
    nn_adam_free(climb->climbers[i].adam);
  }
  g_free(climb->climbers);
  nn_image_free(climb->gradient);
  nn_image_free(climb->picture);
  nn_blur_free(climb->blur);
  nn_free(climb->contributions);
  nn_free(climb->norms);
  nn_free(climb->scratch);
  g_free(climb);
}

/* ---- making ready ---- */

int
nn_climb_pictures(int variants)
{
  return 3 * variants + 3; /* Adam has two of each; picture, gradient, numbers a pixel */
}

/* what only pixels need */
static bool
make_regularisers(NnClimb *climb, GError **error)
{
  const NnClimbSettings *settings = climb->settings;
  int side = climb->picture->width;
  size_t pixels = (size_t)side * (size_t)side;
  if (settings->blur_every > 0 && settings->blur_sigma_px > 0) {
    climb->blur = nn_blur_new(side, side, 3, settings->blur_sigma_px, error);
    if (climb->blur == NULL)
      return false;
  }
  if (settings->clear_norms <= 0 && settings->clear_contributions <= 0)
    return true;
  float **buffers[] = {&climb->contributions, &climb->norms, &climb->scratch};
  for (size_t i = 0; i < G_N_ELEMENTS(buffers); i++) {
    *buffers[i] = nn_alloc(pixels, sizeof(float), error);
    if (*buffers[i] == NULL)
      return false;
  }
  return true;
}

NnClimb *
nn_climb_new(NnContext *context, NnExcitation *excitation, const NnExcitationSettings *what,
             const NnClimbSettings *settings, GError **error)
{
  g_autoptr(NnClimb) climb = g_new0(NnClimb, 1);
  int side = nn_excitation_size(excitation);
  climb->context = context;
  climb->excitation = excitation;
  climb->settings = settings;
  climb->pixels = !what->frequencies;
  climb->n_climbers = what->variants;
  climb->climbers = g_new0(Climber, what->variants);
  climb->picture = nn_image_new(side, side, 3, error);
  if (climb->picture == NULL || (climb->pixels && !make_regularisers(climb, error)))
    return NULL;
  return g_steal_pointer(&climb);
}

/* by the channel's own number, whatever else is asked for */
static bool
start_climber(NnClimb *climb, int channel, int variant, GError **error)
{
  Climber *climber = &climb->climbers[variant];
  uint64_t own = nn_random_at(climb->settings->seed, ((uint64_t)channel << 16) + (uint64_t)variant);
  g_clear_pointer(&climber->x, nn_image_free);
  g_clear_pointer(&climber->adam, nn_adam_free);
  climber->now = (NnExcitementNow){0};
  climber->random = (NnRandom){.seed = nn_random_at(own, 0)};
  climber->x = nn_excitation_start(climb->excitation, nn_random_at(own, 1), error);
  if (climber->x == NULL)
    return false;
  climber->adam = nn_adam_new((int64_t)nn_image_samples(climber->x), error);
  if (climber->adam == NULL || climb->gradient != NULL)
    return climber->adam != NULL;
  climb->gradient = nn_image_new(climber->x->width, climber->x->height, 3, error);
  return climb->gradient != NULL;
}

/* ---- a step ---- */

static double
step_now(const NnClimb *climb)
{
  double done = (double)climb->iteration / climb->settings->iterations;
  return climb->settings->step * pow(LAST_STEP, done);
}

/* NnProblem.evaluate */
static bool
evaluate(gpointer data, double *value, GError **error)
{
  NnClimb *climb = data;
  Climber *climber = &climb->climbers[climb->turn];
  NnWarp warp = nn_warp_random(&climber->random, &climb->settings->range);
  if (!nn_excitation_evaluate(climb->excitation, climb->turn, climber->x, &warp, climb->gradient,
                              climb->contributions, &climber->now, error))
    return false;
  *value = climber->now.objective;
  return true;
}

static bool
step_adam(NnClimb *climb, GError **error)
{
  Climber *climber = &climb->climbers[climb->turn];
  NnProblem problem = {
      .x = climber->x->data,
      .gradient = climb->gradient->data,
      .count = (int64_t)nn_image_samples(climber->x),
      .bounded = climb->pixels,
      .low = 0,
      .high = 1,
      .uphill = true,
      .evaluate = evaluate,
      .data = climb,
  };
  double value, rate = step_now(climb) / nn_excitation_unit(climb->excitation);
  return nn_adam_step(climber->adam, climb->context, &problem, rate, &value, error);
}

static bool
step_along(NnClimb *climb, GError **error)
{
  Climber *climber = &climb->climbers[climb->turn];
  double value;
  if (!evaluate(climb, &value, error))
    return false;
  int64_t count = (int64_t)nn_image_samples(climber->x);
  double change = nn_excitation_change(climb->excitation, climb->gradient);
  float low = climb->pixels ? 0 : -INFINITY, high = climb->pixels ? 1 : INFINITY;
  if (change > 0)
    nn_ascent_step(climb->context, climber->x->data, climb->gradient->data, count,
                   step_now(climb) / change, low, high);
  return true;
}

static void
regularise(NnClimb *climb)
{
  const NnClimbSettings *settings = climb->settings;
  NnImage *x = climb->climbers[climb->turn].x;
  float middle = climb->pixels ? (float)NN_GREY : 0;
  if (settings->decay > 0)
    nn_decay(climb->context, x->data, (int64_t)nn_image_samples(x), middle, (float)settings->decay);
  if (climb->blur != NULL && (climb->iteration + 1) % settings->blur_every == 0)
    nn_blur_run(climb->blur, climb->context, x);
  if (!climb->pixels)
    return;
  if (settings->clear_contributions > 0)
    nn_clear_pixels(climb->context, x, middle, climb->contributions, climb->scratch,
                    settings->clear_contributions);
  if (settings->clear_norms > 0) {
    nn_pixel_norms(climb->context, x, middle, climb->norms);
    nn_clear_pixels(climb->context, x, middle, climb->norms, climb->scratch, settings->clear_norms);
  }
}

/* returns whether to go on; @part: of an evaluation, 0 to 1 */
static bool
report(NnClimb *climb, double part)
{
  double taken = climb->iteration + (climb->turn + part) / climb->n_climbers;
  double fraction = MIN(taken / climb->settings->iterations, 1);
  climb->stopped = climb->stopped || !climb->watch(climb->watch_data, climb->iteration, fraction);
  return !climb->stopped;
}

static bool
proceed(gpointer data, double fraction)
{
  return fraction >= 1 || report(data, fraction);
}

/* a step of each; false on error, and being stopped is none */
static bool
step_all(NnClimb *climb, GError **error)
{
  for (climb->turn = 0; climb->turn < climb->n_climbers; climb->turn++) {
    g_autoptr(GError) failed = NULL;
    bool done = climb->settings->method == NN_CLIMB_ADAM ? step_adam(climb, &failed)
                                                         : step_along(climb, &failed);
    if (done)
      regularise(climb);
    else if (climb->stopped && g_error_matches(failed, NN_ERROR, NN_ERROR_CANCELLED))
      return true;
    else
      g_propagate_error(error, g_steal_pointer(&failed));
    if (!done)
      return false;
  }
  climb->turn = 0;
  return true;
}

bool
nn_climb_run(NnClimb *climb, int channel, NnClimbWatch watch, gpointer data, GError **error)
{
  climb->watch = watch;
  climb->watch_data = data;
  climb->iteration = climb->turn = 0;
  climb->stopped = false;
  nn_excitation_choose(climb->excitation, channel);
  for (int i = 0; i < climb->n_climbers; i++)
    if (!start_climber(climb, channel, i, error))
      return false;
  nn_excitation_watch(climb->excitation, proceed, climb);
  bool ok = true;
  while (ok && !climb->stopped && climb->iteration < climb->settings->iterations) {
    ok = step_all(climb, error);
    if (ok && !climb->stopped) {
      climb->iteration++;
      report(climb, 0);
    }
  }
  nn_excitation_watch(climb->excitation, NULL, NULL);
  return ok;
}

const NnImage *
nn_climb_picture(NnClimb *climb, int variant)
{
  nn_excitation_draw(climb->excitation, climb->climbers[variant].x, climb->picture);
  return climb->picture;
}

const NnExcitementNow *
nn_climb_now(const NnClimb *climb, int variant)
{
  return &climb->climbers[variant].now;
}
