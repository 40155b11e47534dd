/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums over many elements, in double, taken per chunk on all threads and added up in the order of
 * the chunks: the same to the bit for every number of threads. */
#pragma once

#include "nncore/base/context.h"

/**
 * NnSumFunc:
 * Returns: the sum over the items @begin to @end - 1; @worker as in #NnParallelFunc. May write
 *   what belongs to these items, so that a pass and its sum are one.
 */
typedef double (*NnSumFunc)(int64_t begin, int64_t end, int worker, gpointer data);

/**
 * nn_parallel_sum:
 * @count: number of items
 * @grain: fewest items worth a chunk (at least 1); chunks are larger where there would be more
 *   than 256. They depend on @count and @grain alone.
 */
double nn_parallel_sum(NnContext *context, int64_t count, int64_t grain, NnSumFunc func,
                       gpointer data);
