/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descent from coarse to fine. Everything that a size needs is allocated when it is entered. */
#include "nncore/effects/descent.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/image/resample.h"
#include "nncore/optim/adam.h"
#include "nncore/optim/lbfgs.h"

#define GRAIN 16384
#define LOOK_BACK 10         /* iterations over which improvement is measured */
#define FIRST_STEP 0.02      /* mean change of a value that L-BFGS tries first */
#define LAST_RATE 0.1        /* of Adam, of the first one */
#define SECONDS_TO_JUDGE 1.5 /* before a time left is told */

typedef struct {
  NnContext *context;
  const NnDescentSettings *settings;
  const NnDescentTask *task;
  const NnSize *sizes;
  int n_sizes, scale, iteration;
  const NnProgress *progress;
  gint64 start_us;
  double work_done, work_total; /* pixels evaluated, and to be */
  double value, fraction;
  double recent[LOOK_BACK]; /* values, by iteration modulo their number */
  NnVerdict verdict;

  /* of the size at hand */
  NnImage *picture, *gradient;
  NnImage *average; /* (nullable): weighted sum of iterates; divided by average_weight */
  double average_weight;
  NnLbfgs *lbfgs;
  NnAdam *adam;
} Descent;

int
nn_descent_sizes(int width, int height, int smallest_px, int scales, NnSize sizes[NN_MAX_SCALES])
{
  int n = 1;
  int longest = MAX(width, height), most = scales == 0 ? NN_MAX_SCALES : scales;
  while (n < MIN(most, NN_MAX_SCALES) && longest * pow(2, -0.5 * n) >= smallest_px)
    n++;
  for (int i = 0; i < n; i++) {
    double factor = pow(2, -0.5 * (n - 1 - i));
    sizes[i].width = MAX(1, (int)lround(width * factor));
    sizes[i].height = MAX(1, (int)lround(height * factor));
  }
  return n;
}

/* ---- progress ---- */

static NnImage *
render(gconstpointer data, GError **error)
{
  const Descent *descent = data;
  return descent->task->render(descent->task->data, descent->picture, error);
}

/* (transfer full): "about 12 s left", or nothing while it cannot be told */
static char *
describe_time_left(const Descent *descent, double fraction)
{
  double seconds = (double)(g_get_monotonic_time() - descent->start_us) / 1e6;
  if (seconds < SECONDS_TO_JUDGE || fraction < 0.01)
    return NULL;
  double left = seconds / fraction * (1 - fraction);
  if (left < 90)
    return g_strdup_printf(_("about %d s left"), (int)ceil(left));
  return g_strdup_printf(_("about %d min left"), (int)ceil(left / 60));
}

/* (transfer full) */
static char *
describe(const Descent *descent, double fraction)
{
  g_autofree char *left = describe_time_left(descent, fraction);
  if (descent->iteration == 0)
    return g_strdup_printf(_("Preparing size %d of %d"), descent->scale + 1, descent->n_sizes);
  if (left == NULL)
    return g_strdup_printf(_("Size %d of %d, iteration %d of %d, loss %.4g"), descent->scale + 1,
                           descent->n_sizes, descent->iteration, descent->settings->iterations,
                           descent->value);
  return g_strdup_printf(_("Size %d of %d, iteration %d of %d, loss %.4g, %s"), descent->scale + 1,
                         descent->n_sizes, descent->iteration, descent->settings->iterations,
                         descent->value, left);
}

static double
pixels_of(const NnSize *size)
{
  return (double)size->width * size->height;
}

static double
pixels(const Descent *descent)
{
  return pixels_of(&descent->sizes[descent->scale]);
}

double
nn_descent_evaluations(const NnDescentSettings *settings, const NnSize *sizes, int n_sizes)
{
  double sum = 0;
  for (int i = 0; i < n_sizes; i++)
    sum += pixels_of(&sizes[i]) * settings->iterations;
  return sum / pixels_of(&sizes[n_sizes - 1]);
}

int
nn_descent_pictures(const NnDescentSettings *settings)
{
  int own = settings->average ? 3 : 2; /* picture, gradient, average */
  return own + (settings->optimiser == NN_OPTIMISER_ADAM ? 2 : 2 * MAX(settings->history, 1) + 3);
}

/* returns whether to go on; @part: of an evaluation that has been done beside work_done */
static bool
report(Descent *descent, double part)
{
  double done = descent->work_done + part * pixels(descent);
  double fraction = MIN(done / MAX(descent->work_total, 1), 1);
  descent->fraction = MAX(descent->fraction, fraction);
  g_autofree char *text = describe(descent, descent->fraction);
  NnReport news = {.fraction = descent->fraction, .text = text};
  if (descent->task->render != NULL && descent->picture != NULL) {
    news.render = render;
    news.render_data = descent;
  }
  descent->verdict = nn_progress_report(descent->progress, &news);
  return descent->verdict == NN_CONTINUE;
}

/* an evaluation may end in the middle of an iteration, which has only one share of the work */
static bool
proceed(gpointer data, double fraction)
{
  return fraction >= 1 || report(data, 0.5 * fraction);
}

/* ---- what the optimisers see ---- */

static bool
evaluate(gpointer data, double *value, GError **error)
{
  Descent *descent = data;
  return descent->task->evaluate(descent->task->data, descent->picture, descent->gradient, value,
                                 error);
}

static NnProblem
problem_of(Descent *descent)
{
  return (NnProblem){
      .x = descent->picture->data,
      .gradient = descent->gradient->data,
      .count = (int64_t)nn_image_samples(descent->picture),
      .bounded = !descent->settings->unbounded,
      .low = 0,
      .high = 1,
      .evaluate = evaluate,
      .data = descent,
  };
}

static bool
resize(const Descent *descent, const NnImage *from, NnImage *to, GError **error)
{
  return descent->settings->wrapped ? nn_resample_periodic(descent->context, from, to, error)
                                    : nn_resample(descent->context, from, to, error);
}

typedef struct {
  Descent *descent;
  NnSize from, to;
} Resizing;

static bool
resize_vector(gpointer data, const float *from, float *to, GError **error)
{
  const Resizing *resizing = data;
  NnImage old = {resizing->from.width, resizing->from.height, 3, (float *)from};
  NnImage new = {resizing->to.width, resizing->to.height, 3, to};
  return resize(resizing->descent, &old, &new, error);
}

/* an optimiser for the size at hand: a new one, or the last one, with what it knew */
static bool
make_optimiser(Descent *descent, const NnSize *before, GError **error)
{
  const NnImage *picture = descent->picture;
  int64_t count = (int64_t)nn_image_samples(picture);
  Resizing resizing = {descent, *before, {picture->width, picture->height}};
  double scale = 3.0 * before->width * before->height / (double)count;
  if (descent->adam != NULL)
    return nn_adam_resize(descent->adam, count, resize_vector, &resizing, scale, error);
  if (descent->lbfgs != NULL)
    return nn_lbfgs_resize(descent->lbfgs, descent->context, count, resize_vector, &resizing, scale,
                           error);
  if (descent->settings->optimiser == NN_OPTIMISER_ADAM)
    descent->adam = nn_adam_new(count, error);
  else
    descent->lbfgs = nn_lbfgs_new(count, MAX(descent->settings->history, 1), FIRST_STEP, error);
  return descent->adam != NULL || descent->lbfgs != NULL;
}

/* ---- a size ---- */

static void
clip(int64_t begin, int64_t end, int worker, gpointer data)
{
  float *x = data;
  for (int64_t i = begin; i < end; i++)
    x[i] = CLAMP(x[i], 0, 1);
}

static bool
take_over(Descent *descent, const NnImage *old, GError **error)
{
  const NnSize *size = &descent->sizes[descent->scale];
  descent->picture = nn_image_new(size->width, size->height, 3, error);
  if (descent->picture == NULL || !resize(descent, old, descent->picture, error))
    return false;
  if (!descent->settings->unbounded)
    nn_parallel_for(descent->context, (int64_t)nn_image_samples(descent->picture), GRAIN, clip,
                    descent->picture->data);
  return true;
}

/* what the size before has is given up as soon as it can be: there is memory for one */
static bool
enter_size(Descent *descent, const NnImage *start, GError **error)
{
  const NnSize *size = &descent->sizes[descent->scale];
  g_autoptr(NnImage) last = g_steal_pointer(&descent->picture);
  g_clear_pointer(&descent->gradient, nn_image_free);
  g_clear_pointer(&descent->average, nn_image_free);
  if (last != NULL && descent->task->leave != NULL)
    descent->task->leave(descent->task->data);
  const NnImage *old = last != NULL ? last : start;
  NnSize before = {old->width, old->height};
  if (!take_over(descent, old, error))
    return false;
  g_clear_pointer(&last, nn_image_free);
  if (!make_optimiser(descent, &before, error))
    return false;
  descent->gradient = nn_image_new(size->width, size->height, 3, error);
  if (descent->gradient == NULL)
    return false;
  descent->average_weight = 0;
  if (descent->settings->average) {
    descent->average = nn_image_copy(descent->picture, error);
    if (descent->average == NULL)
      return false;
  }
  return descent->task->enter(descent->task->data, descent->scale, descent->picture, error);
}

typedef struct {
  float *average;
  const float *x;
  float kept, factor;
} Averaging;

static void
average_chunk(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Averaging *a = data;
  for (int64_t i = begin; i < end; i++)
    a->average[i] = (a->kept == 0 ? 0 : a->kept * a->average[i]) + a->factor * a->x[i];
}

/* average = the sum of decay^age x over all iterates so far, over the sum of decay^age */
static void
add_to_average(Descent *descent)
{
  if (descent->average == NULL)
    return;
  double decay = 1 - 1 / MAX(1, descent->settings->iterations / 10.0);
  double weight = decay * descent->average_weight + 1;
  Averaging averaging = {descent->average->data, descent->picture->data,
                         (float)(decay * descent->average_weight / weight), (float)(1 / weight)};
  nn_parallel_for(descent->context, (int64_t)nn_image_samples(descent->picture), GRAIN,
                  average_chunk, &averaging);
  descent->average_weight = weight;
}

/* @moved: (out): false where there is nothing left to do */
static bool
iterate(Descent *descent, bool *moved, GError **error)
{
  NnProblem problem = problem_of(descent);
  bool ok;
  if (descent->adam != NULL) {
    double done = (double)(descent->iteration - 1) / descent->settings->iterations;
    double rate = descent->settings->rate * pow(LAST_RATE, done);
    *moved = true;
    ok = nn_adam_step(descent->adam, descent->context, &problem, rate, &descent->value, error);
  } else {
    ok = nn_lbfgs_step(descent->lbfgs, descent->context, &problem, &descent->value, moved, error);
  }
  if (!ok || isfinite(descent->value))
    return ok;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The network gives values that are no numbers. Its file may be damaged, or its "
                "input range set wrongly; choose another network."));
  return false;
}

static bool
has_settled(Descent *descent)
{
  int place = descent->iteration % LOOK_BACK;
  double before = descent->recent[place], least = descent->settings->least_improvement;
  descent->recent[place] = descent->value;
  return least > 0 && descent->iteration > LOOK_BACK &&
         before - descent->value < least * fabs(before);
}

/* an evaluation that was stopped has left the picture somewhere in a line search; false: an error
 * that stays one */
static bool
end_early(Descent *descent, GError *stopped, GError **error)
{
  if (descent->verdict == NN_STOP && g_error_matches(stopped, NN_ERROR, NN_ERROR_CANCELLED)) {
    g_error_free(stopped);
    if (descent->lbfgs != NULL) {
      NnProblem problem = problem_of(descent);
      nn_lbfgs_go_back(descent->lbfgs, &problem);
    }
    return true;
  }
  g_propagate_error(error, stopped);
  return false;
}

/* returns false on error; being stopped is none */
static bool
descend_size(Descent *descent, GError **error)
{
  double work_after = descent->work_done + pixels(descent) * descent->settings->iterations;
  bool moved = true;
  for (int i = 1; i <= descent->settings->iterations && moved; i++) {
    GError *stopped = NULL;
    descent->iteration = i;
    if (!iterate(descent, &moved, &stopped))
      return end_early(descent, stopped, error);
    add_to_average(descent);
    descent->work_done += pixels(descent);
    if (has_settled(descent))
      break;
    if (!report(descent, 0))
      return true;
  }
  descent->work_done = work_after;
  return true;
}

static bool
descend_sizes(Descent *descent, const NnImage *start, GError **error)
{
  descent->work_total =
      nn_descent_evaluations(descent->settings, descent->sizes, descent->n_sizes) *
      pixels_of(&descent->sizes[descent->n_sizes - 1]);
  for (descent->scale = 0; descent->scale < descent->n_sizes; descent->scale++) {
    descent->iteration = 0;
    if (!report(descent, 0))
      break;
    GError *stopped = NULL;
    if (!enter_size(descent, start, &stopped))
      return end_early(descent, stopped, error);
    if (!descend_size(descent, error))
      return false;
    if (descent->verdict != NN_CONTINUE)
      break;
  }
  if (descent->verdict != NN_CANCEL)
    return true;
  nn_set_cancelled(error);
  return false;
}

static void
descent_clear(Descent *descent)
{
  g_clear_pointer(&descent->picture, nn_image_free);
  g_clear_pointer(&descent->gradient, nn_image_free);
  g_clear_pointer(&descent->average, nn_image_free);
  g_clear_pointer(&descent->lbfgs, nn_lbfgs_free);
  g_clear_pointer(&descent->adam, nn_adam_free);
}

NnImage *
nn_descend(NnContext *context, const NnDescentSettings *settings, const NnDescentTask *task,
           const NnSize *sizes, int n_sizes, const NnImage *start, const NnProgress *progress,
           double *value, GError **error)
{
  Descent descent = {
      .context = context,
      .settings = settings,
      .task = task,
      .sizes = sizes,
      .n_sizes = n_sizes,
      .progress = progress,
      .start_us = g_get_monotonic_time(),
  };
  if (task->criterion != NULL)
    nn_criterion_watch(task->criterion, proceed, &descent);
  NnImage *result = NULL;
  if (descend_sizes(&descent, start, error)) {
    NnImage **last = descent.average_weight > 0 ? &descent.average : &descent.picture;
    result = *last != NULL ? g_steal_pointer(last)
                           : nn_resample_new(context, start, start->width, start->height, error);
  }
  if (value != NULL)
    *value = descent.value;
  if (task->leave != NULL)
    task->leave(task->data);
  if (task->criterion != NULL)
    nn_criterion_watch(task->criterion, NULL, NULL);
  descent_clear(&descent);
  return result;
}
