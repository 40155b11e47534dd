/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Progress, Stop and Cancel. */
#include "nncore/base/progress.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"

NnVerdict
nn_progress_report(const NnProgress *progress, const NnReport *report)
{
  if (progress == NULL || progress->func == NULL)
    return NN_CONTINUE;
  return progress->func(report, progress->user_data);
}

static NnVerdict
report_part(const NnReport *report, gpointer data)
{
  NnProgressPart *part = data;
  NnReport news = *report;
  news.fraction = part->from + (part->to - part->from) * report->fraction;
  part->verdict = nn_progress_report(part->progress, &news);
  return part->verdict;
}

NnProgress
nn_progress_of_part(NnProgressPart *part)
{
  return (NnProgress){report_part, part};
}

void
nn_set_cancelled(GError **error)
{
  g_set_error_literal(error, NN_ERROR, NN_ERROR_CANCELLED, _("Cancelled; nothing was changed."));
}

bool
nn_progress_begin(const NnProgress *progress, const char *text, GError **error)
{
  NnReport start = {.text = text};
  if (nn_progress_report(progress, &start) != NN_CANCEL)
    return true;
  nn_set_cancelled(error);
  return false;
}
