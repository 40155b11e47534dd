/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A job for each layer. Only this loop's own thread talks to GIMP; jobs get plain pictures. */
#include "plugin/work.h"

#include <glib/gi18n-lib.h>

#include "plugin/pixels.h"
#include "plugin/search-path.h"

/* One layer's job. */
typedef struct {
  SomArguments *arguments;
  const SomNetworks *networks;
  NnContext *context;
  NnImage *content;
  GArray *results;
  char *layer_name; /* (nullable): where there are several layers */
  int index, count;
  const NnProgress *outer;
  bool stopped;
} Job;

/* Reports of one layer become reports of the whole run. */
static NnVerdict
forward_report(const NnReport *report, gpointer user_data)
{
  Job *job = user_data;
  NnReport whole = *report;
  NnVerdict verdict;
  g_autofree char *text = NULL;

  whole.fraction = (job->index + report->fraction) / job->count;
  if (job->layer_name && report->text) {
    /* Translators: name of a layer, then what is being done */
    text = g_strdup_printf(_("%s: %s"), job->layer_name, report->text);
    whole.text = text;
  }
  verdict = nn_progress_report(job->outer, &whole);
  if (verdict == NN_STOP)
    job->stopped = true;
  return verdict;
}

/* On the worker thread. */
static bool
run_job(const NnProgress *progress, gpointer data, GError **error)
{
  Job *job = data;
  NnProgress inner = {forward_report, job};
  NnReport opening = {.text = _("Opening the network…")};

  job->outer = progress;
  if (nn_progress_report(&inner, &opening) == NN_CANCEL) {
    nn_set_cancelled(error);
    return false;
  }
  if (!som_arguments_complete(job->arguments, job->networks, error))
    return false;
  NnEffectRun run = {
      .effect = job->arguments->effect,
      .context = job->context,
      .arguments = job->arguments->values,
      .content = job->content,
      .progress = &inner,
      .results = job->results,
  };
  return run.effect->run(&run, error);
}

static bool
read_content(Job *job, const SomTarget *target, GError **error)
{
  GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(target->layer));

  job->content = som_pixels_read(buffer, &target->region, error);
  g_object_unref(buffer);
  if (job->content && job->count > 1)
    job->layer_name = gimp_item_get_name(GIMP_ITEM(target->layer));
  return job->content != NULL;
}

static void
job_clear(Job *job)
{
  g_clear_pointer(&job->content, nn_image_free);
  g_clear_pointer(&job->layer_name, g_free);
}

GPtrArray *
som_work(SomArguments *arguments, GArray *targets,
         void (*before)(const NnImage *content, gpointer data), SomWatch watch, gpointer data,
         GError **error)
{
  g_autoptr(SomNetworks) networks = som_networks_new_for_gimp();
  g_autoptr(NnContext) context = nn_context_new(gimp_get_num_processors());
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
  bool stopped = false;

  for (guint i = 0; i < targets->len && !stopped; i++) {
    Job job = {.arguments = arguments,
               .networks = networks,
               .context = context,
               .index = i,
               .count = targets->len};
    bool done = read_content(&job, &g_array_index(targets, SomTarget, i), error);

    if (done) {
      job.results = nn_results_new();
      g_ptr_array_add(all, job.results);
      if (before && i == 0)
        before(job.content, data);
      SomRunJob *run_job_ = som_run_job_start(run_job, &job);
      watch(run_job_, data);
      done = som_run_job_finish(run_job_, error);
    }
    stopped = job.stopped;
    job_clear(&job);
    if (!done)
      return NULL;
  }
  return g_steal_pointer(&all);
}
