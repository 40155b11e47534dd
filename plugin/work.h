/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs an effect over the chosen layers, one after the other. Everything is computed before
 * anything is written, so a run that fails, is cancelled or is killed leaves the image alone. */
#pragma once

#include <stdbool.h>

#include "plugin/arguments.h"
#include "plugin/targets.h"
#include "ui/run-job.h"

/** SomWatch: sees a job through to its end, showing its progress. */
typedef void (*SomWatch)(SomRunJob *job, gpointer data);

/**
 * som_work:
 * @before: (nullable): called once with the first layer's pixels, before the first job
 * @watch: called for each layer's job
 *
 * Returns: (transfer full) (element-type GArray): the results (of nn_results_new()) for the
 *   first targets; fewer than targets where the person stopped the run in between. %NULL with
 *   @error set, which is %NN_ERROR_CANCELLED after a cancel.
 */
GPtrArray *som_work(SomArguments *arguments, GArray *targets,
                    void (*before)(const NnImage *content, gpointer data), SomWatch watch,
                    gpointer data, GError **error);
