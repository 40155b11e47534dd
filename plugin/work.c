/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A job for each layer. Only this loop's own thread talks to GIMP; jobs get plain pictures. */
#include "plugin/work.h"

#include <glib/gi18n-lib.h>

#include "plugin/pixels.h"
#include "plugin/preferences.h"
#include "plugin/search-path.h"
#include "plugin/speed.h"

struct SomWork {
  SomArguments *arguments;
  SomNetworks *networks;
  NnContext *context;
  char *cache_folder;
  int jobs, done;
  bool shown, stopped, refused;
};

/* One layer's job. */
typedef struct {
  SomWork *work;
  NnImage *content, *selection; /* (nullable) */
  GArray *results;
  const char *layer_name; /* (nullable): where there are several layers */
  const NnProgress *outer;
} Job;

NnContext *
som_context_new(int memory_mb)
{
  g_autoptr(SomPreferences) preferences = som_preferences_load();
  NnContext *context =
      nn_context_new(preferences->threads > 0 ? preferences->threads : gimp_get_num_processors());

  nn_context_set_memory_budget(context,
                               (int64_t)(memory_mb ? memory_mb : preferences->memory_mb) * SOM_MB);
  return context;
}

SomWork *
som_work_new(SomArguments *arguments, int jobs, int memory_mb)
{
  SomWork *work = g_new0(SomWork, 1);

  work->arguments = arguments;
  work->jobs = jobs;
  work->networks = som_networks_new_for_gimp();
  work->cache_folder = g_build_filename(g_get_user_cache_dir(), "somnium", NULL);
  work->context = som_context_new(memory_mb);
  return work;
}

void
som_work_free(SomWork *work)
{
  som_networks_free(work->networks);
  nn_context_free(work->context);
  g_free(work->cache_folder);
  g_free(work);
}

bool
som_work_stopped(const SomWork *work)
{
  return work->stopped;
}

bool
som_work_refused(const SomWork *work)
{
  return work->refused;
}

/* Reports of one layer become reports of the whole run. */
static NnVerdict
forward_report(const NnReport *report, gpointer user_data)
{
  Job *job = user_data;
  SomWork *work = job->work;
  NnReport whole = *report;
  NnVerdict verdict;
  g_autofree char *text = NULL;

  whole.fraction = (work->done + report->fraction) / work->jobs;
  if (job->layer_name && report->text) {
    /* Translators: name of a layer, then what is being done */
    text = g_strdup_printf(_("%s: %s"), job->layer_name, report->text);
    whole.text = text;
  }
  verdict = nn_progress_report(job->outer, &whole);
  if (verdict == NN_STOP)
    work->stopped = true;
  return verdict;
}

/* The host's own results: pictures of folders that were left out. */
static void
add_skipped(Job *job)
{
  GPtrArray *lists = job->work->arguments->lists;

  for (guint i = 0; i < lists->len; i++) {
    char *text = som_image_list_take_skipped(lists->pdata[i]);
    if (text)
      nn_results_add(job->results, NN_PLACE_TEXT, NULL, text);
  }
}

/* For the next dialog's estimate. */
static void
learn_speed(const NnEffectRun *run, double seconds)
{
  const NnImage *content = run->content;
  NnEstimate estimate;

  if (nn_effect_estimate(run, content ? content->width : 0, content ? content->height : 0,
                         &estimate, NULL) &&
      !estimate.at_most)
    som_speed_learn(run->effect, estimate.multiply_adds, seconds);
}

/* On the worker thread. */
static bool
run_job(SomRunJob *run_job_, const NnProgress *progress, gpointer data, GError **error)
{
  Job *job = data;
  SomWork *work = job->work;
  SomArguments *arguments = work->arguments;
  NnProgress inner = {forward_report, job};
  NnReport opening = {.text = _("Opening the network…")};

  job->outer = progress;
  if (nn_progress_report(&inner, &opening) == NN_CANCEL) {
    nn_set_cancelled(error);
    return false;
  }
  work->refused = !som_arguments_complete(arguments, work->networks, true, error);
  if (work->refused)
    return false;
  for (guint i = 0; i < arguments->lists->len; i++)
    som_image_list_attach(arguments->lists->pdata[i], run_job_, work->context);
  NnEffectRun run = {
      .effect = arguments->effect,
      .context = work->context,
      .arguments = arguments->values,
      .content = job->content,
      .selection = job->selection,
      .cache_folder = work->cache_folder,
      .progress = &inner,
      .results = job->results,
  };
  gint64 begin_us = g_get_monotonic_time();
  if (!nn_effect_run(&run, error))
    return false;
  if (!work->stopped)
    learn_speed(&run, (double)(g_get_monotonic_time() - begin_us) / G_USEC_PER_SEC);
  add_skipped(job);
  return true;
}

/* The selection over the target's region. */
static bool
read_selection(Job *job, const SomTarget *target, GError **error)
{
  GeglRectangle seen = target->region;

  if (!target->selected.buffer)
    return true;
  seen.x += target->selected.x;
  seen.y += target->selected.y;
  job->selection = som_pixels_read_mask(target->selected.buffer, &seen, false, error);
  return job->selection != NULL;
}

static bool
read_target(Job *job, const SomTarget *target, GError **error)
{
  g_autoptr(GeglBuffer) buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(target->layer));

  job->content = som_pixels_read(buffer, &target->region, error);
  if (job->work->jobs > 1)
    job->layer_name = target->name;
  return job->content && read_selection(job, target, error);
}

static void
job_clear(Job *job)
{
  g_clear_pointer(&job->content, nn_image_free);
  g_clear_pointer(&job->selection, nn_image_free);
}

/* An answer counts that came after the effect's last report, too. */
static bool
finish_job(SomWork *work, SomRunJob *job, GError **error)
{
  GError *failure = NULL;
  NnVerdict verdict;
  bool done = som_run_job_finish(job, &verdict, &failure);

  if (verdict == NN_STOP)
    work->stopped = true;
  if (verdict == NN_CANCEL) {
    g_clear_error(&failure);
    nn_set_cancelled(&failure);
  }
  if (failure)
    g_propagate_error(error, failure);
  return done && verdict != NN_CANCEL;
}

/* @target: (nullable) */
static bool
run_target(SomWork *work, const SomTarget *target, const SomView *view, GArray *results,
           GError **error)
{
  Job job = {.work = work, .results = results};
  bool done = (!target || read_target(&job, target, error)) &&
              som_arguments_aim(work->arguments, target, error);

  if (done) {
    if (view->before && !work->shown)
      view->before(job.content, view->data);
    work->shown = true;
    SomRunJob *run_job_ = som_run_job_start(run_job, &job);
    view->watch(run_job_, view->data);
    done = finish_job(work, run_job_, error);
  }
  job_clear(&job);
  work->done++;
  return done;
}

GPtrArray *
som_work_run(SomWork *work, const SomBatch *batch, const SomView *view, GString *left_out,
             GError **error)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
  guint n = MAX(batch->targets->len, 1), removed = 0;

  for (guint i = 0; i < n && !work->stopped; i++) {
    const SomTarget *target =
        i < batch->targets->len ? &g_array_index(batch->targets, SomTarget, i) : NULL;
    GArray *results = nn_results_new();
    g_autoptr(GError) gone = NULL;

    g_ptr_array_add(all, results);
    if (!target || som_target_check(target, &gone)) {
      if (!run_target(work, target, view, results, error))
        return NULL;
      continue;
    }
    work->done++;
    if (++removed == n) {
      g_propagate_error(error, g_steal_pointer(&gone));
      return NULL;
    }
    som_left_out_add(left_out, gone->message);
  }
  return g_steal_pointer(&all);
}
