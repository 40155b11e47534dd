/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a job hands back at its end: what its work returned, and the answer that counts, however late
 * it came. */
#include "ui/run-job.h"

#include "nncore/base/error.h"

/* Reports once, and leaves the answer in @data. */
static bool
report_once(SomRunJob *job, const NnProgress *progress, gpointer data, GError **error)
{
  NnReport report = {.fraction = 0.5, .text = "halfway"};
  NnVerdict *seen = data;
  *seen = nn_progress_report(progress, &report);
  return true;
}

static bool
fail(SomRunJob *job, const NnProgress *progress, gpointer data, GError **error)
{
  g_set_error_literal(error, NN_ERROR, NN_ERROR_SHAPE, "It cannot be done.");
  return false;
}

static SomRunJob *
start_and_wait(SomRunFunc func, gpointer data)
{
  SomRunJob *job = som_run_job_start(func, data);
  while (!som_run_job_wait(job, G_USEC_PER_SEC))
    ;
  return job;
}

static void
test_unanswered(void)
{
  NnVerdict seen, verdict;
  g_autoptr(GError) error = NULL;
  SomRunJob *job = start_and_wait(report_once, &seen);
  g_assert_true(som_run_job_finish(job, &verdict, &error));
  g_assert_no_error(error);
  g_assert_cmpint(seen, ==, NN_CONTINUE);
  g_assert_cmpint(verdict, ==, NN_CONTINUE);
}

/* after the last report the work cannot see it, but whoever finishes the job does */
static void
test_late(void)
{
  static const NnVerdict answers[] = {NN_STOP, NN_CANCEL};
  for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
    NnVerdict seen, verdict;
    SomRunJob *job = start_and_wait(report_once, &seen);
    som_run_job_answer(job, answers[i]);
    g_assert_true(som_run_job_finish(job, &verdict, NULL));
    g_assert_cmpint(seen, ==, NN_CONTINUE);
    g_assert_cmpint(verdict, ==, answers[i]);
  }
}

static void
test_overruled(void)
{
  static const NnVerdict answers[][2] = {{NN_STOP, NN_CANCEL}, {NN_CANCEL, NN_STOP}};
  for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
    NnVerdict seen, verdict;
    SomRunJob *job = start_and_wait(report_once, &seen);
    som_run_job_answer(job, answers[i][0]);
    som_run_job_answer(job, answers[i][1]);
    som_run_job_finish(job, &verdict, NULL);
    g_assert_cmpint(verdict, ==, NN_CANCEL);
  }
}

static void
test_failed(void)
{
  NnVerdict verdict;
  g_autoptr(GError) error = NULL;
  SomRunJob *job = start_and_wait(fail, NULL);
  g_assert_false(som_run_job_finish(job, &verdict, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
  g_assert_cmpint(verdict, ==, NN_CONTINUE);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/run-job/unanswered", test_unanswered);
  g_test_add_func("/run-job/late", test_late);
  g_test_add_func("/run-job/overruled", test_overruled);
  g_test_add_func("/run-job/failed", test_failed);
  return g_test_run();
}
