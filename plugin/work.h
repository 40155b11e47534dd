/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs an effect over the chosen layers, one after the other. All of an image is computed before
 * anything is written to it, so a run that fails, is cancelled or is killed leaves it alone. */
#pragma once

#include <stdbool.h>

#include "plugin/arguments.h"
#include "plugin/targets.h"
#include "ui/run-job.h"

/**
 * SomView: who sees the work.
 * @before: (nullable): called once with the first layer's pixels (or %NULL), before the first job
 * @watch: sees a job through to its end, showing its progress
 */
typedef struct {
  void (*before)(const NnImage *content, gpointer data);
  void (*watch)(SomRunJob *job, gpointer data);
  gpointer data;
} SomView;

/** som_context_new: (transfer full): with the threads and the memory (@memory_mb as som_param_memory
 * has it) that the preferences say. On any thread. */
NnContext *som_context_new(int memory_mb);

typedef struct SomWork SomWork;

/**
 * som_work_new:
 * @arguments: must outlive the work
 * @jobs: how many layers there are in all
 * @memory_mb: what the run may take, as som_param_memory has it
 */
SomWork *som_work_new(SomArguments *arguments, int jobs, int memory_mb);
void som_work_free(SomWork *work);

/**
 * som_work_run: an image's layers.
 * @left_out: a sentence for each layer that was removed meanwhile is added
 *
 * Returns: (transfer full) (element-type GArray): the results (of nn_results_new()) for the
 *   batch's first targets, or the only ones of a batch that has none; fewer than targets where
 *   the person stopped the run in between; none for layers that were removed, unless all were.
 *   %NULL with @error set, which is %NN_ERROR_CANCELLED after a cancel.
 */
GPtrArray *som_work_run(SomWork *work, const SomBatch *batch, const SomView *view,
                        GString *left_out, GError **error);

/** som_work_stopped: whether the person has stopped it: no more batches, then. */
bool som_work_stopped(const SomWork *work);

/** som_work_refused: whether the arguments were at fault, which no other image would mend. */
bool som_work_refused(const SomWork *work);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SomWork, som_work_free)
