/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Progress, Stop and Cancel. A run reports often; the host answers with a verdict. Reports arrive
 * on the thread that called the engine. */
#pragma once

#include <stdbool.h>

#include <glib.h>

typedef struct NnImage NnImage; /* image/image.h */

/**
 * NnVerdict:
 * @NN_CONTINUE: go on.
 * @NN_STOP: finish soon and return the picture so far as a full success.
 * @NN_CANCEL: end with %NN_ERROR_CANCELLED; nothing is kept.
 */
typedef enum { NN_CONTINUE, NN_STOP, NN_CANCEL } NnVerdict;

/**
 * NnReport:
 * @fraction: of the whole run done, 0 to 1, never falling
 * @text: (nullable): a translated line for people; valid during the call
 * @render: (nullable): makes the picture so far, as run's first result would be; call it only
 *   when the picture is wanted, since it costs time. The caller owns the image. %NULL on error
 *   or where a run has no picture to show.
 * @render_data: to be passed to @render
 */
typedef struct {
  double fraction;
  const char *text;
  NnImage *(*render)(gconstpointer render_data, GError **error);
  gconstpointer render_data;
} NnReport;

typedef NnVerdict (*NnProgressFunc)(const NnReport *report, gpointer user_data);

/** NnProgress: where to report to; a %NULL @func, or a %NULL NnProgress, is never answered. */
typedef struct {
  NnProgressFunc func;
  gpointer user_data;
} NnProgress;

/** nn_progress_report: @report to @progress (nullable); %NN_CONTINUE where nobody listens. */
NnVerdict nn_progress_report(const NnProgress *progress, const NnReport *report);

/**
 * NnProgressPart: a part of a run that reports as if it were all.
 * @progress: (nullable): of the whole
 * @from, @to: fractions of the whole at which the part begins and ends
 * @verdict: (out): the last answer
 */
typedef struct {
  const NnProgress *progress;
  double from, to;
  NnVerdict verdict;
} NnProgressPart;

/** nn_progress_of_part: for the part; valid while @part is. */
NnProgress nn_progress_of_part(NnProgressPart *part);

/** nn_progress_begin: reports that nothing is done yet, with @text for people. Returns: false with
 * %NN_ERROR_CANCELLED where the answer is Cancel. */
bool nn_progress_begin(const NnProgress *progress, const char *text, GError **error);

/** NnProceed: of work that reports to its caller alone; @fraction: of it that is done. Returns: false
 * to end it. */
typedef bool (*NnProceed)(gpointer data, double fraction);

/** nn_set_cancelled: sets the one %NN_ERROR_CANCELLED sentence. */
void nn_set_cancelled(GError **error);
