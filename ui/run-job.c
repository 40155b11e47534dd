/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread behind a run and the letter box between it and the main thread. */
#include "ui/run-job.h"

#include "nncore/image/image.h"
#include "ui/image-surface.h"

/* A preview may take at most about a tenth of the run's time. */
#define PREVIEW_INTERVAL_US (1 * G_USEC_PER_SEC)
#define PREVIEW_SHARE 10

struct SomRunJob {
  GThread *thread;
  SomRunFunc func;
  gpointer data;
  gint64 next_preview_us; /* the worker's own */

  GMutex lock; /* guards all below */
  GCond changed;
  SomRunNews news;
  int preview_width, preview_height;
  NnVerdict verdict;
  void (*question)(gpointer data); /* (nullable): what the work waits for */
  gpointer question_data;
  bool done, succeeded;
  GError *error;
};

void
som_run_news_clear(SomRunNews *news)
{
  g_clear_pointer(&news->text, g_free);
  g_clear_pointer(&news->preview, cairo_surface_destroy);
}

/* On the worker thread: draws the picture so far, small. NULL where there is none yet. */
static cairo_surface_t *
render_preview(SomRunJob *job, const NnReport *report, int width, int height)
{
  gint64 begin_us = g_get_monotonic_time();
  g_autoptr(NnImage) image = NULL;
  cairo_surface_t *surface = NULL;

  if (!report->render || width <= 0 || begin_us < job->next_preview_us)
    return NULL;
  image = report->render(report->render_data, NULL);
  if (image)
    surface = som_image_surface_new(image, width, height);
  gint64 end_us = g_get_monotonic_time();
  job->next_preview_us = end_us + MAX(PREVIEW_INTERVAL_US, PREVIEW_SHARE * (end_us - begin_us));
  return surface;
}

static NnVerdict
take_report(const NnReport *report, gpointer user_data)
{
  SomRunJob *job = user_data;
  cairo_surface_t *preview;
  NnVerdict verdict;
  int width, height;

  g_mutex_lock(&job->lock);
  width = job->preview_width;
  height = job->preview_height;
  g_mutex_unlock(&job->lock);
  preview = render_preview(job, report, width, height);

  g_mutex_lock(&job->lock);
  job->news.fraction = report->fraction;
  if (g_strcmp0(job->news.text, report->text) != 0) {
    g_free(job->news.text);
    job->news.text = g_strdup(report->text);
  }
  if (preview) {
    g_clear_pointer(&job->news.preview, cairo_surface_destroy);
    job->news.preview = preview;
  }
  verdict = job->verdict;
  g_mutex_unlock(&job->lock);
  return verdict;
}

static gpointer
work(gpointer data)
{
  SomRunJob *job = data;
  NnProgress progress = {take_report, job};
  GError *error = NULL;
  bool succeeded = job->func(job, &progress, job->data, &error);

  g_mutex_lock(&job->lock);
  job->succeeded = succeeded;
  job->error = error;
  job->done = true;
  g_cond_broadcast(&job->changed);
  g_mutex_unlock(&job->lock);
  return NULL;
}

SomRunJob *
som_run_job_start(SomRunFunc func, gpointer data)
{
  SomRunJob *job = g_new0(SomRunJob, 1);

  job->func = func;
  job->data = data;
  job->verdict = NN_CONTINUE;
  g_mutex_init(&job->lock);
  g_cond_init(&job->changed);
  job->thread = g_thread_new("somnium-run", work, job);
  return job;
}

void
som_run_job_want_preview(SomRunJob *job, int width, int height)
{
  g_mutex_lock(&job->lock);
  job->preview_width = width;
  job->preview_height = height;
  g_mutex_unlock(&job->lock);
}

void
som_run_job_answer(SomRunJob *job, NnVerdict verdict)
{
  g_mutex_lock(&job->lock);
  if (job->verdict == NN_CONTINUE || verdict == NN_CANCEL)
    job->verdict = verdict;
  g_mutex_unlock(&job->lock);
}

void
som_run_job_ask(SomRunJob *job, void (*func)(gpointer data), gpointer data)
{
  g_mutex_lock(&job->lock);
  job->question = func;
  job->question_data = data;
  g_cond_broadcast(&job->changed);
  while (job->question)
    g_cond_wait(&job->changed, &job->lock);
  g_mutex_unlock(&job->lock);
}

/* The work waits for the answer, so the question stays as it is without the lock. */
static void
answer_question(SomRunJob *job)
{
  g_mutex_lock(&job->lock);
  void (*question)(gpointer data) = job->question;
  gpointer data = job->question_data;
  g_mutex_unlock(&job->lock);
  if (!question)
    return;
  question(data);
  g_mutex_lock(&job->lock);
  job->question = NULL;
  g_cond_broadcast(&job->changed);
  g_mutex_unlock(&job->lock);
}

bool
som_run_job_poll(SomRunJob *job, SomRunNews *news)
{
  bool done;

  answer_question(job);
  g_mutex_lock(&job->lock);
  news->fraction = job->news.fraction;
  if (g_strcmp0(news->text, job->news.text) != 0) {
    g_free(news->text);
    news->text = g_strdup(job->news.text);
  }
  if (job->news.preview) {
    g_clear_pointer(&news->preview, cairo_surface_destroy);
    news->preview = g_steal_pointer(&job->news.preview);
  }
  done = job->done;
  g_mutex_unlock(&job->lock);
  return done;
}

bool
som_run_job_wait(SomRunJob *job, gint64 timeout_us)
{
  gint64 end_us = g_get_monotonic_time() + timeout_us;
  bool done;

  g_mutex_lock(&job->lock);
  while (!job->done && !job->question && g_cond_wait_until(&job->changed, &job->lock, end_us))
    ;
  done = job->done;
  g_mutex_unlock(&job->lock);
  return done;
}

bool
som_run_job_finish(SomRunJob *job, NnVerdict *verdict, GError **error)
{
  bool succeeded;

  g_thread_join(job->thread);
  succeeded = job->succeeded;
  *verdict = job->verdict;
  if (job->error)
    g_propagate_error(error, job->error);
  som_run_news_clear(&job->news);
  g_mutex_clear(&job->lock);
  g_cond_clear(&job->changed);
  g_free(job);
  return succeeded;
}
