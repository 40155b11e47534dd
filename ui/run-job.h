/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Work on a thread of its own, watched from the main one. The worker's reports are left in a
 * place that both share under a lock; nothing there ever waits for a window to be drawn. Needs no
 * main loop, so that runs without a display use it too. */
#pragma once

#include <stdbool.h>

#include <cairo.h>
#include <glib.h>

#include "nncore/base/progress.h"

typedef struct SomRunJob SomRunJob;

/** SomRunFunc: the work; reports to @progress and obeys its verdicts, like NnEffect.run. @job is for
 * som_run_job_ask(). */
typedef bool (*SomRunFunc)(SomRunJob *job, const NnProgress *progress, gpointer data,
                           GError **error);

/**
 * SomRunNews: what the job last reported; start from all zero and pass the same one again.
 * @fraction: 0 to 1
 * @text: (nullable) (transfer full): replaced by each poll
 * @preview: (nullable) (transfer full): the newest picture; stays until a newer one is there
 */
typedef struct {
  double fraction;
  char *text;
  cairo_surface_t *preview;
} SomRunNews;

void som_run_news_clear(SomRunNews *news);

/**
 * som_run_job_start:
 * @func: called on the new thread with @data, once
 */
SomRunJob *som_run_job_start(SomRunFunc func, gpointer data);

/**
 * som_run_job_want_preview:
 * @width, @height: largest size in px; the job then renders a picture about once a second, less
 *   often where that takes long
 */
void som_run_job_want_preview(SomRunJob *job, int width, int height);

/** som_run_job_answer: stop or cancel. The first answer other than %NN_CONTINUE counts, but
 * %NN_CANCEL also overrules %NN_STOP. */
void som_run_job_answer(SomRunJob *job, NnVerdict verdict);

/**
 * som_run_job_ask:
 * For the work, of what only the watching thread may do (calls of libgimp): that thread's next
 * som_run_job_poll() calls @func with @data, for which the work waits.
 */
void som_run_job_ask(SomRunJob *job, void (*func)(gpointer data), gpointer data);

/** som_run_job_poll: brings @news up to date and does what the work asks for; whether the job is
 * done. Never waits. */
bool som_run_job_poll(SomRunJob *job, SomRunNews *news);

/** som_run_job_wait: until the job is done, asks for something, or the time is over; whether it is
 * done. */
bool som_run_job_wait(SomRunJob *job, gint64 timeout_us);

/**
 * som_run_job_finish: waits for the end and frees @job.
 * @verdict: (out): the answer that counts, which may have come too late for the work to see it
 *
 * Returns: what the work returned
 */
bool som_run_job_finish(SomRunJob *job, NnVerdict *verdict, GError **error);
