/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How much memory runs of a network will take, about, told from its inventory: without reading its
 * weights, and without a plan (plan/plan.h), which counts exactly. */
#pragma once

#include "nncore/analysis/inventory.h"

/**
 * NnFootprint: bytes, of one picture as a whole; weights are not among them.
 * @forward: what is there at a time while it runs forward, at most
 * @gradient: the same of forward and back
 * @all: everything that it makes on its way, if none of it is given back
 */
typedef struct {
  double forward, gradient, all;
} NnFootprint;

/**
 * nn_footprint:
 * @last: of @inventory's graph: what is made in the end
 * @separate: sums and maxima are no parts of the convolutions before them (NnProgramOptions.separate, or
 *   the pooling is another)
 * @footprint: (out): 0 where @last has no shape
 *
 * %NN_ERROR_MEMORY.
 */
bool nn_footprint(const NnInventory *inventory, NnValueId last, bool separate,
                  NnFootprint *footprint, GError **error);

/**
 * nn_footprint_weights:
 * @last: as in nn_footprint()
 * @left: bytes that are left of the memory budget: where little is, they are made ready in each run
 * @bytes: (out): of weights made ready for running forward, or (@gradient) both ways
 *
 * %NN_ERROR_MEMORY.
 */
bool nn_footprint_weights(const NnInventory *inventory, NnValueId last, bool gradient, double left,
                          double *bytes, GError **error);
