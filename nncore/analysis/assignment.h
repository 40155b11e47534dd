/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear assignment: each of n things to a place of its own among m, so that the sum of the costs is
 * the least that there is. Exact, by shortest augmenting paths (Jonker and Volgenant 1987, for more
 * places than things Crouse 2016). */
#pragma once

#include "nncore/base/progress.h"

/**
 * nn_assign:
 * @costs: @things x @places, finite: with others each thing gets a place, but any
 * @places: at least @things
 * @place_of: (out): @things: the place of each
 * @proceed: (nullable): called for each thing with the fraction that is done; false ends it
 * @ended: (out): whether it did; @place_of is incomplete then
 *
 * Takes O(@things^2 @places) at worst. Returns: false with %NN_ERROR_MEMORY.
 */
bool nn_assign(const float *costs, int things, int places, int *place_of, NnProceed proceed,
               gpointer data, bool *ended, GError **error);
