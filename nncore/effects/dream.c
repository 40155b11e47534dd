/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gradient ascent through octaves. All pictures here but the content and the result are RGB within
 * 0..1 (or differences of such) and never rolled: only the network's view of them is. */
#include "nncore/effects/dream.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/base/random.h"
#include "nncore/effects/working.h"
#include "nncore/image/arithmetic.h"
#include "nncore/image/blur.h"
#include "nncore/image/colour.h"
#include "nncore/image/pyramid.h"
#include "nncore/image/resample.h"
#include "nncore/optim/ascent.h"

#define SMALLEST_PX 200   /* longest side of the smallest octave where their number is ours */
#define LARGEST_TRY 4096  /* px: where the search for a size that would do gives up */

typedef struct {
  const NnNetwork *network;
  NnContext *context;
  NnObjective *objective;
  const NnImage *content;
  const NnDreamSettings *settings;
  const NnProgress *progress;

  NnImage *working; /* the content at working size */
  int octaves;      /* that are not left out; the smallest is number octaves - 1 */
  double work_done, work_total; /* pixels the network has seen and will have seen */
  double iteration_work;        /* of the octave at hand */
  double fraction;              /* that was reported last */
  NnVerdict verdict;
  bool responded; /* there was a gradient at least once */
  NnRandom random;

  /* of the octave at hand */
  NnImage *base, *picture, *gradient;
  NnEvaluator *evaluator;
  NnBlur *blur;
  NnPyramid *pyramid;

  NnImage *detail; /* of the octave before */
} Dream;

/* what an octave's iterations need beside its picture */
static void
end_iterations(Dream *dream)
{
  g_clear_pointer(&dream->gradient, nn_image_free);
  g_clear_pointer(&dream->evaluator, nn_evaluator_free);
  g_clear_pointer(&dream->blur, nn_blur_free);
  g_clear_pointer(&dream->pyramid, nn_pyramid_free);
}

static void
leave_octave(Dream *dream)
{
  end_iterations(dream);
  g_clear_pointer(&dream->base, nn_image_free);
  g_clear_pointer(&dream->picture, nn_image_free);
}

static void
dream_clear(Dream *dream)
{
  leave_octave(dream);
  g_clear_pointer(&dream->working, nn_image_free);
  g_clear_pointer(&dream->detail, nn_image_free);
}

/* what the octave at hand has added to its base; NULL where memory is short */
static NnImage *
copy_change(const Dream *dream, GError **error)
{
  NnImage *change = nn_image_copy(dream->picture, error);
  if (change != NULL)
    nn_image_add(dream->context, change, -1, dream->base);
  return change;
}

/* the picture so far, as large as the content; NnReport.render */
static NnImage *
render(gconstpointer data, GError **error)
{
  const Dream *dream = data;
  if (dream->picture == NULL)
    return nn_image_copy(dream->content, error);
  g_autoptr(NnImage) change = copy_change(dream, error);
  g_autoptr(NnImage) result = NULL;
  if (change != NULL)
    result = nn_image_new(dream->content->width, dream->content->height, 4, error);
  if (result == NULL ||
      !nn_apply_change(dream->context, dream->content, change, (float)dream->settings->strength,
                       dream->settings->keep_colours ? NN_KEEP_HUE : NN_KEEP_NOTHING, result,
                       error))
    return NULL;
  return g_steal_pointer(&result);
}

/* returns whether to go on; an iteration may look at the picture twice, but nothing falls */
static bool
report(Dream *dream, const char *text)
{
  double fraction = MIN(dream->work_done / MAX(dream->work_total, 1), 1);
  dream->fraction = MAX(dream->fraction, fraction);
  NnReport news = {
      .fraction = dream->fraction,
      .text = text,
      .render = render,
      .render_data = dream,
  };
  dream->verdict = nn_progress_report(dream->progress, &news);
  return dream->verdict == NN_CONTINUE;
}

/* within an iteration that takes its time, tile by tile */
static bool
proceed(gpointer data, double fraction)
{
  Dream *dream = data;
  double done = dream->work_done;
  dream->work_done += fraction * dream->iteration_work;
  bool go_on = report(dream, NULL);
  dream->work_done = done;
  return go_on;
}

/* @width, @height: (inout): of the largest octave; of this one */
static void
shrink(const NnDreamSettings *settings, int octave, int *width, int *height)
{
  double scale = pow(settings->octave_scale, -octave);
  *width = MAX(1, (int)lround(*width * scale));
  *height = MAX(1, (int)lround(*height * scale));
}

static void
octave_size(const Dream *dream, int octave, int *width, int *height)
{
  *width = dream->working->width;
  *height = dream->working->height;
  shrink(dream->settings, octave, width, height);
}

static int
wanted_octaves(const NnDreamSettings *settings, double longest)
{
  if (settings->octaves > 0)
    return settings->octaves;
  if (longest <= SMALLEST_PX)
    return 1;
  return 1 + (int)lround(log(longest / SMALLEST_PX) / log(settings->octave_scale));
}

static double
octave_work(const Dream *dream, int octave)
{
  int width, height;
  octave_size(dream, octave, &width, &height);
  return (double)width * height * dream->settings->iterations;
}

double
nn_dream_evaluations(const NnDreamSettings *settings, int width, int height)
{
  double sum = 0;
  nn_working_size(settings->working_px, &width, &height);
  for (int octave = wanted_octaves(settings, MAX(width, height)) - 1; octave >= 0; octave--) {
    int w = width, h = height;
    shrink(settings, octave, &w, &h);
    sum += (double)w * h * settings->iterations;
  }
  return sum / ((double)width * height);
}

/* side in px of a square picture that the network takes, roughly the smallest; 0 for none */
static int
find_sufficient_size(Dream *dream)
{
  for (int side = 4; side <= LARGEST_TRY; side += MAX(1, side / 8)) {
    if (nn_objective_check_size(dream->objective, side, side, NULL))
      return side;
  }
  return 0;
}

/* a sentence in place of the engine's, where the size is all that is wrong */
static void
explain_size(Dream *dream, GError **error)
{
  int side = find_sufficient_size(dream);
  if (side <= MIN(dream->working->width, dream->working->height))
    return;
  g_clear_error(error);
  g_autofree char *layers = nn_objective_describe(dream->objective);
  g_set_error(error, NN_ERROR, NN_ERROR_SHAPE,
              _("A picture of %d x %d pixels is too small for %s of the network %s: both sides "
                "must have about %d pixels. Take a larger picture or selection, raise the working "
                "size, or choose a layer nearer to the input."),
              dream->working->width, dream->working->height, layers, dream->network->name, side);
}

/* leaves out the octaves that are too small */
static bool
count_octaves(Dream *dream, GError **error)
{
  int longest = MAX(dream->working->width, dream->working->height);
  for (dream->octaves = wanted_octaves(dream->settings, longest); dream->octaves > 0;
       dream->octaves--) {
    int width, height;
    g_autoptr(GError) refusal = NULL;
    octave_size(dream, dream->octaves - 1, &width, &height);
    if (nn_objective_check_size(dream->objective, width, height, &refusal))
      break;
    bool too_small = g_error_matches(refusal, NN_ERROR, NN_ERROR_SHAPE);
    if (too_small && dream->octaves > 1)
      continue;
    g_propagate_error(error, g_steal_pointer(&refusal));
    if (too_small)
      explain_size(dream, error);
    return false;
  }
  for (int octave = 0; octave < dream->octaves; octave++)
    dream->work_total += octave_work(dream, octave);
  return true;
}

static bool
make_smoothing(Dream *dream, GError **error)
{
  int width = dream->base->width, height = dream->base->height;
  switch (dream->settings->smoothing) {
  case NN_SMOOTHING_NONE:
    return true;
  case NN_SMOOTHING_BLUR:
    dream->blur = nn_blur_new(width, height, 3, dream->settings->smoothing_sigma_px, error);
    return dream->blur != NULL;
  case NN_SMOOTHING_LAPLACIAN:
    dream->pyramid = nn_pyramid_new(width, height, 3, dream->settings->smoothing_levels, error);
    return dream->pyramid != NULL;
  }
  return true;
}

/* base, the picture with the detail so far, and what the iterations need */
static bool
enter_octave(Dream *dream, int octave, GError **error)
{
  int width, height;
  octave_size(dream, octave, &width, &height);
  dream->base = nn_working_resized(dream->context, dream->working, width, height, error);
  if (dream->base == NULL)
    return false;
  dream->picture = nn_image_copy(dream->base, error);
  dream->gradient = dream->picture == NULL ? NULL : nn_image_new(width, height, 3, error);
  if (dream->gradient == NULL)
    return false;
  if (dream->detail != NULL) {
    if (!nn_resample(dream->context, dream->detail, dream->gradient, error))
      return false;
    nn_image_add(dream->context, dream->picture, 1, dream->gradient);
    nn_image_clip(dream->context, dream->picture);
    g_clear_pointer(&dream->detail, nn_image_free);
  }
  if (!make_smoothing(dream, error))
    return false;
  dream->evaluator = nn_objective_evaluator(dream->objective, width, height, error);
  return dream->evaluator != NULL;
}

/* the gradient of the objective at the picture, smoothed, into dream->gradient */
static bool
find_gradient(Dream *dream, GError **error)
{
  int jitter = dream->settings->jitter_px;
  int dx = nn_random_range(&dream->random, -jitter, jitter);
  int dy = nn_random_range(&dream->random, -jitter, jitter);
  double value;
  if (!nn_objective_evaluate(dream->objective, dream->evaluator, dream->picture, dx, dy,
                             dream->gradient, &value, error))
    return false;
  if (dream->blur != NULL)
    nn_blur_run(dream->blur, dream->context, dream->gradient);
  if (dream->pyramid != NULL)
    nn_pyramid_normalise(dream->pyramid, dream->context, dream->gradient);
  return true;
}

static bool
iterate(Dream *dream, GError **error)
{
  GError *failed = NULL;
  if (!find_gradient(dream, &failed)) {
    if (dream->verdict != NN_CONTINUE) { /* what is lost is this iteration */
      g_clear_error(&failed);
      return true;
    }
    g_propagate_error(error, failed);
    return false;
  }
  int64_t samples = (int64_t)nn_image_samples(dream->picture);
  double mean = nn_mean_absolute(dream->context, dream->gradient->data, samples);
  if (!isfinite(mean)) {
    nn_network_set_not_finite(dream->network, error);
    return false;
  }
  /* a normalised pyramid has a scale already: each of its bands moves by the step */
  double rate = dream->settings->step_levels / 255 / (dream->pyramid == NULL ? mean : 1);
  if (mean > 0)
    nn_ascent_step(dream->context, dream->picture->data, dream->gradient->data, samples, rate, 0,
                   1);
  dream->responded = dream->responded || mean > 0;
  return true;
}

/* returns false on error; being stopped is none */
static bool
dream_octave(Dream *dream, int octave, GError **error)
{
  dream->iteration_work = octave_work(dream, octave) / dream->settings->iterations;
  for (int i = 1; i <= dream->settings->iterations; i++) {
    if (!iterate(dream, error))
      return false;
    if (dream->verdict != NN_CONTINUE)
      return true;
    dream->work_done += dream->iteration_work;
    g_autofree char *text =
        g_strdup_printf(_("Octave %d of %d, iteration %d of %d"), dream->octaves - octave,
                        dream->octaves, i, dream->settings->iterations);
    if (!report(dream, text))
      return true;
  }
  return true;
}

static bool
dream_octaves(Dream *dream, GError **error)
{
  if (!report(dream, _("Preparing the picture")))
    return true;
  for (int octave = dream->octaves - 1; octave >= 0; octave--) {
    if (!enter_octave(dream, octave, error) || !dream_octave(dream, octave, error))
      return false;
    if (dream->verdict != NN_CONTINUE || octave == 0)
      break;
    dream->detail = copy_change(dream, error);
    if (dream->detail == NULL)
      return false;
    leave_octave(dream);
  }
  if (!dream->responded && dream->verdict == NN_CONTINUE) {
    g_autofree char *layers = nn_objective_describe(dream->objective);
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("Nothing in this picture excites %s of the network %s, so there is no direction "
                  "to dream in. Choose another layer or channel."),
                layers, dream->network->name);
    return false;
  }
  return true;
}

NnImage *
nn_dream(const NnNetwork *network, NnContext *context, NnObjective *objective,
         const NnImage *content, const NnDreamSettings *settings, const NnProgress *progress,
         GError **error)
{
  Dream dream = {
      .network = network,
      .context = context,
      .objective = objective,
      .content = content,
      .settings = settings,
      .progress = progress,
      .random = {.seed = settings->seed},
  };
  NnImage *result = NULL;
  nn_objective_watch(objective, proceed, &dream);
  dream.working = nn_working_picture(context, content, settings->working_px, error);
  if (dream.working != NULL && count_octaves(&dream, error) && dream_octaves(&dream, error)) {
    end_iterations(&dream);
    if (dream.verdict == NN_CANCEL)
      nn_set_cancelled(error);
    else
      result = render(&dream, error);
  }
  nn_objective_watch(objective, NULL, NULL);
  dream_clear(&dream);
  return result;
}
