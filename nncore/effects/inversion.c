/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descent from noise, at one size. What descends is the picture itself, or the parameters of its
 * spectrum, which are as good as a picture to the descent. */
#include "nncore/effects/inversion.h"

#include <math.h>

#include "nncore/base/error.h"
#include "nncore/effects/working.h"
#include "nncore/image/arithmetic.h"
#include "nncore/image/colour-statistics.h"
#include "nncore/image/colour.h"
#include "nncore/image/spectrum.h"
#include "nncore/loss/content.h"
#include "nncore/loss/smoothness.h"

#define GREY 0.5
#define NOISE 0.1 /* deviation of the start: of values of 0..1, or of frequencies in photos */
#define VARIATION_UNIT 0.1

/**
 * Inversion:
 * @working: the content as the network sees it
 * @spectrum, @picture, @gradient: (nullable): of frequencies, which descend in place of @picture
 */
typedef struct {
  const NnNetwork *network;
  NnContext *context;
  const NnInversionSettings *settings;
  const NnImage *content;

  NnCriterion *criterion;
  NnEvaluator *evaluator;
  NnImage *working;
  NnSpectrum *spectrum;
  NnImage *picture, *gradient;
} Inversion;

static void
inversion_clear(Inversion *inversion)
{
  nn_evaluator_free(inversion->evaluator);
  nn_criterion_free(inversion->criterion);
  nn_image_free(inversion->working);
  nn_spectrum_free(inversion->spectrum);
  nn_image_free(inversion->picture);
  nn_image_free(inversion->gradient);
}

/* ---- making ready ---- */

/* a term for each layer, whose features are yet to be seen */
static bool
add_terms(Inversion *inversion, const GArray *layers, GError **error)
{
  g_autoptr(NnPlan) plan = nn_criterion_plan(inversion->criterion, inversion->working->width,
                                             inversion->working->height, error);
  for (guint i = 0; plan != NULL && i < layers->len; i++) {
    NnShape shape = nn_plan_target_shape(plan, (int)i);
    NnLoss *loss = nn_loss_content(inversion->context, &shape, error);
    if (loss == NULL)
      return false;
    nn_criterion_add(inversion->criterion, (int)i, loss, g_array_index(layers, NnLayer, i).weight);
  }
  return plan != NULL;
}

static bool
make_criterion(Inversion *inversion, GError **error)
{
  g_autoptr(GArray) layers =
      nn_network_parse_layers(inversion->network, inversion->settings->layers, "content", error);
  if (layers == NULL)
    return false;
  g_autofree const char **names = g_new0(const char *, layers->len);
  for (guint i = 0; i < layers->len; i++)
    names[i] = g_array_index(layers, NnLayer, i).name;
  inversion->criterion =
      nn_criterion_new(inversion->network, inversion->context, names, (int)layers->len,
                       (NnProgramOptions){.gradient = true}, error);
  /* the evaluator does with what the features leave */
  if (inversion->criterion != NULL && add_terms(inversion, layers, error))
    inversion->evaluator = nn_criterion_evaluator(inversion->criterion, inversion->working->width,
                                                  inversion->working->height, error);
  return inversion->evaluator != NULL;
}

static bool
make_spectrum(Inversion *inversion, GError **error)
{
  int width = inversion->working->width, height = inversion->working->height;
  inversion->spectrum = nn_spectrum_new(inversion->context, width, height, error);
  if (inversion->spectrum != NULL)
    inversion->picture = nn_image_new(width, height, 3, error);
  if (inversion->picture != NULL)
    inversion->gradient = nn_image_new(width, height, 3, error);
  return inversion->gradient != NULL;
}

/* (transfer full): what descends, at its start */
static NnImage *
make_start(Inversion *inversion, GError **error)
{
  static const double variance = NOISE * NOISE;
  static const NnColourStatistics grey = {{GREY, GREY, GREY},
                                          {variance, 0, 0, 0, variance, 0, 0, 0, variance}};
  int width = inversion->working->width, height = inversion->working->height;
  if (inversion->settings->frequencies) {
    if (!make_spectrum(inversion, error))
      return NULL;
    nn_spectrum_size(inversion->spectrum, &width, &height);
  }
  NnImage *start = nn_image_new(width, height, 3, error);
  if (start != NULL && inversion->spectrum != NULL)
    nn_spectrum_noise(inversion->context, inversion->settings->seed, (float)NOISE, start);
  else if (start != NULL)
    nn_colour_noise(inversion->context, &grey, inversion->settings->seed, start);
  return start;
}

/* ---- the task ---- */

/* NnDescentTask.enter: the features that are to come back */
static bool
remember(gpointer data, int scale, const NnImage *picture, GError **error)
{
  Inversion *inversion = data;
  if (!nn_criterion_observe(inversion->criterion, inversion->evaluator, inversion->working, error))
    return false;
  for (int i = 0; i < nn_criterion_n_terms(inversion->criterion); i++)
    if (!nn_loss_content_fix(nn_criterion_loss(inversion->criterion, i), inversion->context, NULL,
                             0, 0, error))
      return false;
  return true;
}

/* NnDescentTask.leave */
static void
leave(gpointer data)
{
  Inversion *inversion = data;
  g_clear_pointer(&inversion->evaluator, nn_evaluator_free);
}

/* the picture's own terms; adds their gradient */
static double
measure_picture(const Inversion *inversion, const NnImage *picture, NnImage *gradient)
{
  const NnInversionSettings *settings = inversion->settings;
  NnVariation variation = {picture->width, picture->height, 3, settings->variation_exponent,
                           .isotropic = true};
  double variation_factor = settings->variation / pow(VARIATION_UNIT, settings->variation_exponent);
  double norm_factor = settings->norm / pow(GREY, settings->norm_exponent);
  double value = 0;
  if (variation_factor > 0)
    value += variation_factor * nn_total_variation(inversion->context, &variation, picture->data,
                                                   variation_factor, gradient->data);
  if (norm_factor > 0)
    value += norm_factor *
             nn_power_norm(inversion->context, picture->data, (int64_t)nn_image_samples(picture),
                           settings->norm_exponent, (float)GREY, norm_factor, gradient->data);
  return value;
}

static bool
evaluate_picture(Inversion *inversion, const NnImage *picture, NnImage *gradient, double *value,
                 GError **error)
{
  if (!nn_criterion_evaluate(inversion->criterion, inversion->evaluator, picture, 0, 0, gradient,
                             value, error))
    return false;
  *value += measure_picture(inversion, picture, gradient);
  return true;
}

static void
draw_spectrum(const Inversion *inversion, const NnImage *parameters, NnImage *picture)
{
  nn_spectrum_picture(inversion->spectrum, inversion->context, parameters, picture);
  nn_image_shift(inversion->context, picture, (float)GREY);
}

/* NnDescentTask.evaluate */
static bool
evaluate(gpointer data, const NnImage *x, NnImage *gradient, double *value, GError **error)
{
  Inversion *inversion = data;
  if (inversion->spectrum == NULL)
    return evaluate_picture(inversion, x, gradient, value, error);
  draw_spectrum(inversion, x, inversion->picture);
  if (!evaluate_picture(inversion, inversion->picture, inversion->gradient, value, error))
    return false;
  nn_spectrum_gradient(inversion->spectrum, inversion->context, inversion->gradient, gradient);
  return true;
}

/* NnDescentTask.render */
static NnImage *
render(gpointer data, const NnImage *x, GError **error)
{
  const Inversion *inversion = data;
  const NnImage *content = inversion->content, *picture = x;
  if (inversion->spectrum != NULL) {
    draw_spectrum(inversion, x, inversion->picture);
    picture = inversion->picture;
  }
  g_autoptr(NnImage) result = nn_image_new(content->width, content->height, 4, error);
  if (result == NULL || !nn_apply_picture(inversion->context, content, picture, result, error))
    return NULL;
  return g_steal_pointer(&result);
}

/* (transfer full) */
static NnImage *
descend(Inversion *inversion, const NnProgress *progress, GError **error)
{
  NnDescentSettings settings = inversion->settings->descent;
  NnDescentTask task = {remember, leave, evaluate, render, inversion->criterion, inversion};
  settings.unbounded = inversion->settings->frequencies;
  g_autoptr(NnImage) start = make_start(inversion, error);
  if (start == NULL)
    return NULL;
  NnSize size = {start->width, start->height};
  g_autoptr(NnImage) end =
      nn_descend(inversion->context, &settings, &task, &size, 1, start, progress, NULL, error);
  return end != NULL ? render(inversion, end, error) : NULL;
}

NnImage *
nn_invert(const NnNetwork *network, NnContext *context, const NnImage *content,
          const NnInversionSettings *settings, const NnProgress *progress, GError **error)
{
  Inversion inversion = {
      .network = network,
      .context = context,
      .settings = settings,
      .content = content,
  };
  NnImage *result = NULL;
  inversion.working = nn_working_picture(context, content, settings->working_px, error);
  if (inversion.working != NULL && make_criterion(&inversion, error))
    result = descend(&inversion, progress, error);
  inversion_clear(&inversion);
  return result;
}
