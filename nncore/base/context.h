/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine's only long-lived state: the thread pool and the settings. One NnContext serves any
 * number of models and workspaces; there are no globals. */
#pragma once

#include <stdint.h>

#include <glib.h>

#include "nncore/base/isa.h"

typedef struct NnContext NnContext;

/**
 * nn_context_new:
 * @threads: 0 for one a processor; results are the same to the bit for every number of them
 *
 * Returns: (transfer full): free with nn_context_free(), after everything that uses it.
 */
NnContext *nn_context_new(int threads);
void nn_context_free(NnContext *context);
int nn_context_threads(const NnContext *context);

/**
 * nn_context_set_memory_budget:
 * @bytes: what runs may take in all; 0 for automatic, as at the start: half of what is available when
 *   it is first asked for
 */
void nn_context_set_memory_budget(NnContext *context, int64_t bytes);

/** nn_context_memory_budget: in bytes, more than 0; stays the same until it is set again. */
int64_t nn_context_memory_budget(NnContext *context);

/**
 * nn_context_hold_memory:
 * @bytes: of the budget that something takes for as long as it lives; below 0: gives back
 *
 * Programs, evaluators, criteria and losses hold what they allocate, nn_effect_run() the pictures of a
 * run. The amount follows from sizes and the budget, never from the number of threads: what each
 * thread needs counts %NN_NOMINAL_THREADS times.
 */
#define NN_NOMINAL_THREADS 4
void nn_context_hold_memory(NnContext *context, int64_t bytes);
int64_t nn_context_memory_held(const NnContext *context);

/**
 * nn_context_memory_left:
 * Returns: what of the budget nobody holds, more than 0. An automatic budget is a wish: an eighth of
 *   what was available is left all the same, while nine tenths of it are enough for everything.
 */
int64_t nn_context_memory_left(NnContext *context);

/** nn_context_isa: the instruction set that kernels use: nn_isa_best(), or a lesser one. */
NnIsa nn_context_isa(const NnContext *context);

/** nn_context_limit_isa: for tests and comparisons: none wider than @isa. */
void nn_context_limit_isa(NnContext *context, NnIsa isa);

/**
 * NnParallelFunc:
 * @begin, @end: the items of this chunk
 * @worker: 0 to threads - 1; no two chunks run with the same one at a time, so it picks scratch
 */
typedef void (*NnParallelFunc)(int64_t begin, int64_t end, int worker, gpointer data);

/**
 * nn_parallel_for:
 * @count: number of items
 * @grain: items a chunk (at least 1). Chunks depend on @count and @grain alone, not on the number
 *   of threads, so sums taken per chunk are reproducible.
 *
 * Runs @func over all chunks and waits. Not re-entrant: @func must not call it with the same
 * context. One caller at a time.
 */
void nn_parallel_for(NnContext *context, int64_t count, int64_t grain, NnParallelFunc func,
                     gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnContext, nn_context_free)
