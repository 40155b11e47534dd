/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means of gradients over pictures, and what is made of their three channels. */
#include "nncore/effects/attribution.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/random.h"
#include "nncore/base/sum.h"
#include "nncore/effects/grad-cam.h"
#include "nncore/image/blur.h"
#include "nncore/image/resample.h"

#define GRAIN 16384
#define ENOUGH 0.01     /* gap of integrated gradients */
#define MOST_DOUBLINGS 4
#define BLUR_PART 0.1 /* deviation of the blurred baseline over the shorter side */

typedef struct {
  const NnNetwork *network;
  NnContext *context;
  NnTarget *target;
  const NnImage *view;
  const NnAttributionSettings *settings;
  const NnProgress *progress;
  NnImage *picture, *gradient, *sum; /* RGB like view */
  NnImage *baseline;
  double weights;             /* of the gradients in the sum */
  int64_t least, done, total; /* evaluations: without which there is no map; more may turn out to be
                                 needed */
  double fraction;
  NnVerdict verdict;
} Run;

NnProgramOptions
nn_method_options(NnMethod method)
{
  NnProgramOptions options = {.gradient = method != NN_METHOD_GRAD_CAM};
  if (method == NN_METHOD_GUIDED || method == NN_METHOD_GUIDED_GRAD_CAM)
    options.rectifiers = NN_RECTIFIER_GUIDED;
  else if (method == NN_METHOD_DECONVNET)
    options.rectifiers = NN_RECTIFIER_DECONVNET;
  return options;
}

NnPasses
nn_method_passes(const NnAttributionSettings *settings)
{
  double gradients = settings->method == NN_METHOD_SMOOTHGRAD   ? settings->samples
                     : settings->method == NN_METHOD_INTEGRATED ? settings->steps + 1
                     : settings->method == NN_METHOD_GRAD_CAM   ? 0
                                                                : 1;
  bool cam =
      settings->method == NN_METHOD_GRAD_CAM || settings->method == NN_METHOD_GUIDED_GRAD_CAM;
  return (NnPasses){.forward = gradients + cam, .back = gradients, .gradient = true, .whole = cam};
}

/* ---- element by element ---- */

typedef struct {
  const NnImage *view, *other;
  NnImage *to;
  float factor;
  uint64_t seed, first;
} Elements;

static void
each_element(const Run *run, NnParallelFunc func, Elements elements)
{
  nn_parallel_for(run->context, (int64_t)nn_image_samples(elements.to), GRAIN, func, &elements);
}

/* to = view + factor * noise */
static void
add_noise(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Elements *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to->data[i] = job->view->data[i] + job->factor * (float)nn_random_normal_at(
                                                              job->seed, job->first + (uint64_t)i);
}

/* to = other + factor * (view - other) */
static void
go_towards(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Elements *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to->data[i] =
        job->other->data[i] + job->factor * (job->view->data[i] - job->other->data[i]);
}

/* to += factor * other */
static void
add_scaled(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Elements *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to->data[i] += job->factor * job->other->data[i];
}

/* to *= factor * (view - other) */
static void
times_difference(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Elements *job = data;
  for (int64_t i = begin; i < end; i++)
    job->to->data[i] *= job->factor * (job->view->data[i] - job->other->data[i]);
}

/* ---- baselines ---- */

const NnChoice nn_baseline_choices[] = {
    {"black", N_("Black")},          {"grey", N_("Grey")}, {"mean", N_("Mean color")},
    {"blur", N_("Blurred picture")}, {NULL, NULL},
};

static void
fill_mean(NnImage *image)
{
  size_t pixels = nn_image_samples(image) / 3;
  for (size_t c = 0; c < 3; c++) {
    double sum = 0;
    for (size_t i = 0; i < pixels; i++)
      sum += image->data[3 * i + c];
    for (size_t i = 0; i < pixels; i++)
      image->data[3 * i + c] = (float)(sum / (double)pixels);
  }
}

NnImage *
nn_baseline_new(NnContext *context, const NnImage *view, NnBaseline baseline, GError **error)
{
  g_autoptr(NnImage) image = nn_image_copy(view, error);
  if (image == NULL)
    return NULL;
  if (baseline == NN_BASELINE_MEAN) {
    fill_mean(image);
  } else if (baseline == NN_BASELINE_BLUR) {
    double sigma_px = BLUR_PART * MIN(view->width, view->height);
    g_autoptr(NnBlur) blur = nn_blur_new(view->width, view->height, 3, sigma_px, error);
    if (blur == NULL)
      return NULL;
    nn_blur_run(blur, context, image);
  } else {
    for (size_t i = 0; i < nn_image_samples(image); i++)
      image->data[i] = baseline == NN_BASELINE_GREY ? 0.5f : 0;
  }
  return g_steal_pointer(&image);
}

/* ---- evaluations ---- */

/* @part: of the evaluation at hand */
static void
report(Run *run, double part, const char *text)
{
  double done = MIN(((double)run->done + part) / (double)run->total, 1);
  run->fraction = MAX(run->fraction, done);
  NnReport news = {.fraction = run->fraction, .text = text};
  NnVerdict verdict = nn_progress_report(run->progress, &news);
  run->verdict = MAX(run->verdict, verdict);
}

/* NnProceed: within an evaluation in tiles */
static bool
proceed(gpointer data, double fraction)
{
  Run *run = data;
  if (fraction >= 1) /* it is done, and reported next */
    return true;
  report(run, fraction, NULL);
  return run->verdict == NN_CONTINUE || (run->verdict == NN_STOP && run->done < run->least);
}

/* the gradient at run->picture is added to the sum, unless it is stopped in the middle; false on error
 * and where the run is cancelled */
static bool
add_gradient(Run *run, double weight, double *value, GError **error)
{
  g_autoptr(GError) failed = NULL;
  double here;
  if (!nn_target_gradient(run->target, run->picture, run->gradient, &here, &failed)) {
    if (run->verdict == NN_STOP && g_error_matches(failed, NN_ERROR, NN_ERROR_CANCELLED))
      return true;
    g_propagate_error(error, g_steal_pointer(&failed));
    return false;
  }
  each_element(run, add_scaled,
               (Elements){.other = run->gradient, .to = run->sum, .factor = (float)weight});
  if (value != NULL)
    *value = here;
  run->weights += weight;
  run->done++;
  g_autofree char *text =
      g_strdup_printf(_("Gradient %d of %d"), (int)run->done, (int)MAX(run->total, run->done));
  report(run, 0, text);
  if (run->verdict == NN_CANCEL)
    nn_set_cancelled(error);
  return run->verdict != NN_CANCEL;
}

static bool
take_gradient(Run *run, GError **error)
{
  memcpy(run->picture->data, run->view->data, nn_image_samples(run->view) * sizeof(float));
  run->total = 1;
  return add_gradient(run, 1, NULL, error);
}

static double
range_of(const NnImage *image)
{
  float low = image->data[0], high = image->data[0];
  for (size_t i = 0; i < nn_image_samples(image); i++) {
    low = MIN(low, image->data[i]);
    high = MAX(high, image->data[i]);
  }
  return (double)high - low;
}

static bool
take_smooth_gradient(Run *run, GError **error)
{
  uint64_t elements = nn_image_samples(run->view);
  float deviation = (float)(run->settings->noise * range_of(run->view));
  run->total = run->settings->samples;
  for (int s = 0; s < run->settings->samples && run->verdict == NN_CONTINUE; s++) {
    each_element(run, add_noise,
                 (Elements){.view = run->view,
                            .to = run->picture,
                            .factor = deviation,
                            .seed = run->settings->seed,
                            .first = (uint64_t)s * elements});
    if (!add_gradient(run, 1, NULL, error))
      return false;
  }
  return true;
}

/* ---- integrated gradients ---- */

typedef struct {
  const Run *run;
  double scale;
} Total;

static double
sum_parts(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Run *run = ((const Total *)data)->run;
  double sum = 0;
  for (int64_t i = begin; i < end; i++)
    sum +=
        (double)run->sum->data[i] * ((double)run->view->data[i] - (double)run->baseline->data[i]);
  return sum * ((const Total *)data)->scale;
}

/* by how much of the difference the parts' sum misses it */
static double
find_gap(const Run *run, double difference)
{
  Total total = {run, 1 / run->weights};
  double sum =
      nn_parallel_sum(run->context, (int64_t)nn_image_samples(run->view), GRAIN, sum_parts, &total);
  return difference != 0 ? fabs(sum - difference) / fabs(difference) : 0;
}

/* the gradient at @part of the way */
static bool
add_on_the_way(Run *run, double part, double weight, double *value, GError **error)
{
  each_element(
      run, go_towards,
      (Elements){
          .view = run->view, .other = run->baseline, .to = run->picture, .factor = (float)part});
  return add_gradient(run, weight, value, error);
}

/* the trapezoidal rule: both ends by half, and the places between; each doubling adds those in the
 * middle of the parts so far */
static bool
integrate(Run *run, NnAttribution *told, GError **error)
{
  double at_baseline, at_view;
  int64_t steps = run->settings->steps;
  run->least = 2; /* both ends */
  run->total = steps + 1;
  if (!add_on_the_way(run, 0, 0.5, &at_baseline, error) ||
      !add_on_the_way(run, 1, 0.5, &at_view, error))
    return false;
  for (int64_t first = 1, stride = 1, doublings = 0;; first = 1, stride = 2, doublings++) {
    for (int64_t k = first; k < steps && run->verdict == NN_CONTINUE; k += stride)
      if (!add_on_the_way(run, (double)k / (double)steps, 1, NULL, error))
        return false;
    told->steps = (int)run->done - 1;
    told->gap = find_gap(run, at_view - at_baseline);
    if (told->gap <= ENOUGH || doublings == MOST_DOUBLINGS)
      return true;
    steps *= 2;
    run->total = steps + 1;
    if (run->verdict != NN_CONTINUE)
      return true;
  }
}

/* ---- maps ---- */

static void
largest_channel(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Elements *job = data;
  for (int64_t i = begin; i < end; i++) {
    const float *x = job->other->data + 3 * i;
    float largest = MAX(MAX(fabsf(x[0]), fabsf(x[1])), fabsf(x[2]));
    job->to->data[i] = job->factor * largest;
  }
}

static void
sum_of_channels(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Elements *job = data;
  for (int64_t i = begin; i < end; i++) {
    const float *x = job->other->data + 3 * i;
    job->to->data[i] = fabsf(x[0] + x[1] + x[2]);
  }
}

/* of the mean of the gradients */
static NnImage *
make_map(Run *run, GError **error)
{
  NnImage *map = nn_image_new(run->view->width, run->view->height, 1, error);
  if (map == NULL)
    return NULL;
  Elements job = {.other = run->sum, .to = map, .factor = (float)(1 / run->weights)};
  if (run->baseline == NULL) {
    each_element(run, largest_channel, job);
    return map;
  }
  each_element(
      run, times_difference,
      (Elements){.view = run->view, .other = run->baseline, .to = run->sum, .factor = job.factor});
  each_element(run, sum_of_channels, job);
  return map;
}

static bool
multiply_by_cam(Run *run, NnImage *map, NnAttribution *told, GError **error)
{
  g_autoptr(NnImage) cam = nn_grad_cam(run->network, run->context, run->target, run->view,
                                       run->settings->cam_layer, &told->cam_layer, error);
  g_autoptr(NnImage) larger = NULL;
  if (cam != NULL)
    larger = nn_resample_new(run->context, cam, map->width, map->height, error);
  for (size_t i = 0; larger != NULL && i < nn_image_samples(map); i++)
    map->data[i] *= MAX(larger->data[i], 0);
  return larger != NULL;
}

static bool
sample_gradients(Run *run, NnAttribution *told, GError **error)
{
  bool ok;
  run->least = 1;
  nn_target_watch(run->target, proceed, run);
  switch (run->settings->method) {
  case NN_METHOD_SMOOTHGRAD:
    ok = take_smooth_gradient(run, error);
    break;
  case NN_METHOD_INTEGRATED:
    ok = integrate(run, told, error);
    break;
  default:
    ok = take_gradient(run, error);
  }
  nn_target_watch(run->target, NULL, NULL);
  told->stopped = run->verdict == NN_STOP && run->done < run->total;
  return ok;
}

static bool
start(Run *run, GError **error)
{
  NnMethod method = run->settings->method;
  bool compares = method == NN_METHOD_INTEGRATED || method == NN_METHOD_INPUT_X_GRADIENT;
  run->picture = nn_image_copy(run->view, error);
  if (run->picture != NULL)
    run->gradient = nn_image_copy(run->view, error);
  if (run->gradient != NULL)
    run->sum = nn_image_copy(run->view, error);
  if (run->sum == NULL)
    return false;
  memset(run->sum->data, 0, nn_image_samples(run->sum) * sizeof(float));
  if (compares)
    run->baseline = nn_baseline_new(run->context, run->view, run->settings->baseline, error);
  return !compares || run->baseline != NULL;
}

static void
finish(Run *run)
{
  nn_image_free(run->picture);
  nn_image_free(run->gradient);
  nn_image_free(run->sum);
  nn_image_free(run->baseline);
}

NnImage *
nn_attribute(const NnNetwork *network, NnContext *context, NnTarget *target, const NnImage *view,
             const NnAttributionSettings *settings, const NnProgress *progress, NnAttribution *told,
             GError **error)
{
  Run run = {.network = network,
             .context = context,
             .target = target,
             .view = view,
             .settings = settings,
             .progress = progress};
  *told = (NnAttribution){0};
  if (settings->method == NN_METHOD_GRAD_CAM)
    return nn_grad_cam(network, context, target, view, settings->cam_layer, &told->cam_layer,
                       error);
  g_autoptr(NnImage) map = NULL;
  if (start(&run, error) && sample_gradients(&run, told, error))
    map = make_map(&run, error);
  finish(&run);
  if (map != NULL && settings->method == NN_METHOD_GUIDED_GRAD_CAM &&
      !multiply_by_cam(&run, map, told, error))
    return NULL;
  return g_steal_pointer(&map);
}
