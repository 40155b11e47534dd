/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps along the gradient's sign, and bisection for the least bound. The margin is that of the best
 * class over the one that the picture is taken for, to be raised; or, with a goal, that of the best
 * class over the goal, to be lowered. */
#include "nncore/effects/deceive.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/effects/target.h"
#include "nncore/effects/view.h"
#include "nncore/image/arithmetic.h"
#include "nncore/image/fill.h"
#include "nncore/image/resample.h"

#define GRAIN 16384
#define LEAD 0.1 /* of scores, so that rounding the picture to 16 bits does not undo it */
#define BISECTIONS 7
#define LEVELS 255
#define TINY 1e-6 /* of a level, by which a whole number of them may be missed */
#define STEPS_TO_BOUND 4 /* steps that reach the bound from nothing, at least */

typedef struct {
  const NnNetwork *network;
  NnContext *context;
  const NnDeceptionSettings *settings;
  const NnProgress *progress;
  NnCriterion *criterion;
  NnEvaluator *evaluator;
  NnImage *full; /* the content without holes, RGB */
  NnImage *picture, *slope; /* of the full size: the changed one, the gradient */
  NnImage *view, *gradient; /* of the size that the network sees */
  NnResampler *to_view, *to_full;
  NnImage *change, *best; /* at hand; the one that came farthest, or did with the least bound */
  double best_lead;
  double bound;
  bool deceived, once; /* by the last evaluation; by any */
  bool needed; /* whether there is no result without the evaluation at hand */
  NnVerdict verdict;
  int steps; /* taken */
  int done, total; /* evaluations; at most */
} Run;

void
nn_deception_free(NnDeception *deception)
{
  if (deception == NULL)
    return;
  nn_image_free(deception->change);
  nn_ranking_free(deception->before);
  nn_ranking_free(deception->after);
  g_free(deception);
}

static void
finish(Run *run)
{
  NnImage *images[] = {run->full,     run->picture, run->slope, run->view,
                       run->gradient, run->change,  run->best};
  for (size_t i = 0; i < G_N_ELEMENTS(images); i++)
    nn_image_free(images[i]);
  nn_resampler_free(run->to_view);
  nn_resampler_free(run->to_full);
  nn_evaluator_free(run->evaluator);
  nn_criterion_free(run->criterion);
}

/* ---- element by element ---- */

/* the changed picture, whose values stay within 0..1; of the change, what is left then */
static void
apply_change(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Run *run = data;
  for (int64_t i = begin; i < end; i++) {
    float was = run->full->data[i];
    float low = -was, high = 1 - was, change = CLAMP(run->change->data[i], low, high);
    run->change->data[i] = change;
    if (run->settings->whole_levels)
      change = CLAMP(rintf(change * LEVELS) / LEVELS, low, high);
    run->picture->data[i] = was + change;
  }
}

/* the change becomes what it is of the picture */
static void
take_difference(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Run *run = data;
  for (int64_t i = begin; i < end; i++)
    run->change->data[i] = run->picture->data[i] - run->full->data[i];
}

typedef struct {
  NnImage *change;
  const NnImage *slope;
  float step, bound;
} Step;

static void
take_step(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Step *job = data;
  for (int64_t i = begin; i < end; i++) {
    float slope = job->slope->data[i];
    float moved = job->change->data[i] + job->step * (float)((slope > 0) - (slope < 0));
    job->change->data[i] = CLAMP(moved, -job->bound, job->bound);
  }
}

static void
for_elements(const Run *run, NnParallelFunc func, gpointer data)
{
  nn_parallel_for(run->context, (int64_t)nn_image_samples(run->full), GRAIN, func, data);
}

/* ---- progress ---- */

/* how often the search begins with another bound, at most */
static int
count_bounds(const NnDeceptionSettings *settings)
{
  return settings->least ? 1 + BISECTIONS : 1;
}

int
nn_deception_steps(const NnDeceptionSettings *settings)
{
  int iterations = settings->method == NN_DECEPTION_FGSM ? 1 : settings->iterations;
  return iterations * count_bounds(settings);
}

/* all steps, where each bound begins, the first look and the last */
static int
count_evaluations(const NnDeceptionSettings *settings)
{
  return nn_deception_steps(settings) + count_bounds(settings) + 2;
}

/* @part: of the evaluation at hand */
static void
report(Run *run, double part, const char *text)
{
  NnReport news = {.fraction = MIN((run->done + part) / run->total, 1), .text = text};
  NnVerdict verdict = nn_progress_report(run->progress, &news);
  run->verdict = MAX(run->verdict, verdict);
}

/* false where the run is cancelled */
static bool
report_step(Run *run, GError **error)
{
  run->steps++;
  g_autofree char *text = g_strdup_printf(_("Step %d"), run->steps);
  report(run, 0, text);
  if (run->verdict == NN_CANCEL)
    nn_set_cancelled(error);
  return run->verdict != NN_CANCEL;
}

/* NnProceed: within an evaluation in tiles */
static bool
proceed(gpointer data, double fraction)
{
  Run *run = data;
  if (fraction >= 1) /* it is done */
    return true;
  report(run, fraction, NULL);
  return run->verdict == NN_CONTINUE || (run->verdict == NN_STOP && run->needed);
}

/* ---- evaluations ---- */

static double
sign_of(const Run *run)
{
  return run->settings->goal < 0 ? 1 : -1;
}

/* (transfer full): %NULL also where they are no numbers */
static NnRanking *
rank_scores(const Run *run, const NnLoss *scores, GError **error)
{
  g_autoptr(NnRanking) ranking = nn_ranking_new(scores, error);
  if (ranking == NULL || !nn_target_check_scores(run->network, ranking, error))
    return NULL;
  return g_steal_pointer(&ranking);
}

/* of the last evaluation */
static const NnLoss *
last_scores(const Run *run)
{
  return nn_loss_margin_scores(nn_criterion_loss(run->criterion, 0));
}

/* the network's view of the changed picture, its scores and the slope there, upwards */
static bool
take_slope(Run *run, GError **error)
{
  double value;
  for_elements(run, apply_change, run);
  nn_resampler_run(run->to_view, run->context, run->picture, run->view);
  nn_image_clip(run->context, run->view);
  if (!nn_criterion_evaluate(run->criterion, run->evaluator, run->view, 0, 0, run->gradient, &value,
                             error))
    return false;
  nn_resampler_run(run->to_full, run->context, run->gradient, run->slope);
  return true;
}

/* @lead: (out): above 0 where the network takes the picture for what it should; minus infinity where
 * the person has stopped the evaluation, which is no error */
static bool
evaluate(Run *run, double *lead, GError **error)
{
  g_autoptr(GError) failed = NULL;
  bool known = take_slope(run, &failed);
  bool stopped = run->verdict == NN_STOP && g_error_matches(failed, NN_ERROR, NN_ERROR_CANCELLED);
  run->done++;
  run->deceived = false;
  *lead = -INFINITY;
  if (failed != NULL && !stopped)
    g_propagate_error(error, g_steal_pointer(&failed));
  if (!known)
    return stopped;
  *lead = nn_criterion_value(run->criterion, 0) * sign_of(run);
  run->deceived = *lead >= LEAD;
  if (run->deceived && run->settings->confidence > 0)
    run->deceived = nn_best_probability(last_scores(run)) >= run->settings->confidence;
  return true;
}

static void
keep(Run *run, double lead)
{
  run->best_lead = lead;
  memcpy(run->best->data, run->change->data, nn_image_samples(run->best) * sizeof(float));
}

/* ---- the search ---- */

/* what of the bound can be used: values that change by whole levels stay within it */
static double
usable_bound(const NnDeceptionSettings *settings, double bound)
{
  return settings->whole_levels ? floor(bound * LEVELS + TINY) / LEVELS : bound;
}

/* from the change at hand, within @bound, until the network is deceived */
static bool
descend(Run *run, double bound, GError **error)
{
  bool one_step = run->settings->method == NN_DECEPTION_FGSM;
  int iterations = one_step ? 1 : run->settings->iterations;
  double step = one_step ? bound : bound * MAX(1.0 / STEPS_TO_BOUND, 2.5 / iterations);
  double lead;
  for_elements(run, take_step, &(Step){run->change, run->slope, 0, (float)bound});
  if (!evaluate(run, &lead, error))
    return false;
  for (int i = 0; i < iterations && !run->deceived && run->verdict == NN_CONTINUE; i++) {
    double part = i < iterations / 2 ? 1 : 2.0 * (iterations - i) / iterations; /* ever finer */
    for_elements(run, take_step,
                 &(Step){run->change, run->slope, (float)(step * part), (float)bound});
    if (!evaluate(run, &lead, error))
      return false;
    if (run->verdict == NN_CONTINUE && !report_step(run, error))
      return false;
    if (lead > run->best_lead && !run->deceived && !run->once)
      keep(run, lead);
  }
  run->once = run->once || run->deceived;
  if (run->deceived)
    keep(run, lead);
  return true;
}

/* the change at hand becomes @factor times the best one, or none at all: a single step always begins
 * at the picture itself */
static void
restart(Run *run, double factor)
{
  if (run->settings->method == NN_DECEPTION_FGSM)
    factor = 0;
  for (size_t i = 0; i < nn_image_samples(run->change); i++)
    run->change->data[i] = (float)factor * run->best->data[i];
}

/* bisection between a bound that does and one that does not */
static bool
find_least(Run *run, GError **error)
{
  double low = 0, high = run->bound;
  for (int i = 0; i < BISECTIONS && run->verdict == NN_CONTINUE; i++) {
    double middle = usable_bound(run->settings, (low + high) / 2);
    if (middle <= low) /* no whole level lies between them */
      break;
    restart(run, middle / high);
    if (!descend(run, middle, error))
      return false;
    if (run->deceived)
      high = middle;
    else
      low = middle;
  }
  run->bound = high;
  return true;
}

static bool
search(Run *run, NnDeception *deception, GError **error)
{
  run->bound = usable_bound(run->settings, run->settings->bound);
  run->best_lead = -INFINITY;
  if (!descend(run, run->bound, error))
    return false;
  deception->done = run->deceived;
  if (deception->done && run->settings->least && !find_least(run, error))
    return false;
  double lead;
  memcpy(run->change->data, run->best->data, nn_image_samples(run->best) * sizeof(float));
  run->needed = true;
  if (!evaluate(run, &lead, error))
    return false;
  for_elements(run, take_difference, run);
  for (size_t i = 0; i < nn_image_samples(run->change); i++)
    deception->largest = MAX(deception->largest, fabs((double)run->change->data[i]));
  deception->after = rank_scores(run, last_scores(run), error);
  deception->change = g_steal_pointer(&run->change);
  return deception->after != NULL;
}

/* ---- preparations ---- */

static bool
check_bound(const NnDeceptionSettings *settings, GError **error)
{
  if (!settings->whole_levels || usable_bound(settings, settings->bound) > 0)
    return true;
  g_set_error(
      error, NN_ERROR, NN_ERROR_ARGUMENT,
      _("Within a bound of %.2f levels no value can change by a whole level. Raise the bound "
        "to 1 at least, or turn off whole levels."),
      settings->bound * LEVELS);
  return false;
}

static bool
check_goal(const Run *run, const NnRanking *before, GError **error)
{
  int goal = run->settings->goal;
  if (before->count < 2) {
    g_set_error(
        error, NN_ERROR, NN_ERROR_ARGUMENT,
        _("The network %s knows one class only: there is nothing else that it could take the "
          "picture for. Choose another network."),
        run->network->name);
    return false;
  }
  if (goal >= before->count) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The network %s tells %d classes apart; there is no class number %d."),
                run->network->name, before->count, goal);
    return false;
  }
  if (before->ranks[0].number != goal)
    return true;
  g_autofree char *name = nn_rank_describe(&before->ranks[0], run->network);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The network takes the picture for that already: %s. Choose another class."), name);
  return false;
}

/* what the network takes the picture for, and the margin that follows from it */
static bool
look_first(Run *run, NnDeception *deception, GError **error)
{
  NnShape shape = nn_evaluator_target_shape(run->evaluator, 0);
  if (shape.rank < 2 || shape.dim[0] != 1 || nn_shape_count(&shape) == 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The network %s does not tell classes apart. Choose a classifier."),
                run->network->name);
    return false;
  }
  NnLoss *scores = nn_loss_strongest(shape.dim[1], error);
  if (scores == NULL)
    return false;
  nn_criterion_set_loss(run->criterion, 0, scores);
  run->needed = true;
  if (!nn_criterion_observe(run->criterion, run->evaluator, run->view, error))
    return false;
  run->needed = false;
  run->done++;
  deception->before = rank_scores(run, scores, error);
  if (deception->before == NULL || !check_goal(run, deception->before, error))
    return false;
  int from = run->settings->goal >= 0 ? run->settings->goal : deception->before->ranks[0].number;
  NnLoss *margin = nn_loss_margin(shape.dim[1], from, error);
  if (margin == NULL)
    return false;
  nn_criterion_set_loss(run->criterion, 0, margin);
  nn_criterion_set_weight(run->criterion, 0, sign_of(run));
  return true;
}

double
nn_deception_bytes(NnSize content, NnSize view)
{
  double samples = 5.0 * content.width * content.height + 2.0 * view.width * view.height;
  return 3 * samples * (double)sizeof(float) + nn_resampler_bytes(content, view, 3) +
         nn_resampler_bytes(view, content, 3);
}

/* nn_deception_bytes() counts them */
static bool
make_images(Run *run, GError **error)
{
  NnImage **like_full[] = {&run->picture, &run->slope, &run->change, &run->best};
  for (size_t i = 0; i < G_N_ELEMENTS(like_full); i++) {
    *like_full[i] = nn_image_copy(run->full, error);
    if (*like_full[i] == NULL)
      return false;
    memset((*like_full[i])->data, 0, nn_image_samples(run->full) * sizeof(float));
  }
  run->gradient = nn_image_copy(run->view, error);
  NnSize full = {run->full->width, run->full->height}, view = {run->view->width, run->view->height};
  if (run->gradient != NULL)
    run->to_view = nn_resampler_new(full, view, 3, false, error);
  if (run->to_view != NULL)
    run->to_full = nn_resampler_new(view, full, 3, false, error);
  return run->to_full != NULL;
}

static bool
prepare(Run *run, const NnImage *content, GError **error)
{
  const char *scores = nn_network_class_target(run->network, error);
  if (scores == NULL)
    return false;
  run->criterion = nn_criterion_new(run->network, run->context, &scores, 1,
                                    (NnProgramOptions){.gradient = true}, error);
  if (run->criterion == NULL)
    return false;
  nn_criterion_add(run->criterion, 0, nn_loss_mean(), 1);
  nn_criterion_watch(run->criterion, proceed, run);
  run->full = nn_image_fill(content, error);
  if (run->full != NULL)
    run->view = nn_view_new(run->network, run->context, nn_criterion_program(run->criterion),
                            content, run->settings->working_px, error);
  if (run->view != NULL)
    run->evaluator =
        nn_criterion_evaluator(run->criterion, run->view->width, run->view->height, error);
  return run->evaluator != NULL && make_images(run, error);
}

NnDeception *
nn_deceive(const NnNetwork *network, NnContext *context, const NnImage *content,
           const NnDeceptionSettings *settings, const NnProgress *progress, GError **error)
{
  Run run = {.network = network,
             .context = context,
             .settings = settings,
             .progress = progress,
             .total = count_evaluations(settings)};
  g_autoptr(NnDeception) deception = g_new0(NnDeception, 1);
  bool ok = check_bound(settings, error) && prepare(&run, content, error) &&
            look_first(&run, deception, error) && search(&run, deception, error);
  finish(&run);
  return ok ? g_steal_pointer(&deception) : NULL;
}
