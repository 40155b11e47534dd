/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a program can be run on a picture part by part. Most operators look at a window of their
 * input: what they make (maps) can be made tile by tile. Those that look at all of it stand between
 * stages: sums over space are added up while the tiles of one stage go by, and what cannot be cut
 * is run as a whole, on whole maps. The tiles of the next stage then find its results ready.
 *
 *   stage 0: tiles of the picture -> sums, maps wanted whole -> operators run as a whole ->
 *   stage 1: tiles again, which may use those results -> ...
 */
#pragma once

#include "nncore/plan/program-private.h"

/**
 * NnValueKind:
 * @NN_VALUE_FIXED: a constant, or known from the size of the picture
 * @NN_VALUE_MAP: positions that lie over the picture's pixels in a regular grid
 * @NN_VALUE_WHOLE: anything else that depends on the picture
 */
typedef enum { NN_VALUE_FIXED, NN_VALUE_MAP, NN_VALUE_WHOLE } NnValueKind;

/**
 * NnValuePlace: of a value.
 * @stage: of a map, the first whose tiles can make it; of a whole value, the first whose tiles can
 *   use it
 * @stride: of a map: pixels of the picture from one position to the next, along H and W
 */
typedef struct {
  NnValueKind kind;
  int stage;
  double stride[2];
} NnValuePlace;

/**
 * NnNodeKind:
 * @NN_NODE_FIXED: nothing to run
 * @NN_NODE_TILED: maps from maps
 * @NN_NODE_SUM: its results follow from sums over a map's positions (NnOp.space_sums)
 * @NN_NODE_WHOLE: run once, between stages
 */
typedef enum { NN_NODE_FIXED, NN_NODE_TILED, NN_NODE_SUM, NN_NODE_WHOLE } NnNodeKind;

/**
 * NnStages:
 * @graph: the program's, with instance normalisation taken apart, pads that depend on the size
 *   settled, and the types of the whole picture
 * @values, @kinds, @sums: by value; by node; of NN_NODE_SUM, by node
 * @tiles: whether there are any
 * @local: by value: of fixed ones: follows from the size of a map, so that a tile's is another
 * @alignment_px: tiles begin at multiples of it: a whole number of positions of every map, and a
 *   multiple of four
 * @n_stages: at least 1
 */
typedef struct {
  NnProgram *program;
  NnGraph *graph;
  NnValuePlace *values;
  NnNodeKind *kinds;
  const NnSpaceSums **sums;
  bool tiles, *local;
  int64_t alignment_px;
  int n_stages;
} NnStages;

/**
 * nn_stages_new:
 * @shape: of the picture, 1 x 3 x H x W
 * @tiles: whether there shall be tiles; else everything is run as a whole, after a stage 0 without
 *   any
 *
 * Returns: (transfer full): errors as nn_plan_new(), and %NN_ERROR_UNSUPPORTED for more stages than
 *   anybody could wait for.
 */
NnStages *nn_stages_new(NnProgram *program, const NnShape *shape, bool tiles, GError **error);
void nn_stages_free(NnStages *stages);

/** nn_stages_input: the picture. */
NnValueId nn_stages_input(const NnStages *stages);

/** nn_stages_operations: multiply-adds of a node on the whole picture. */
int64_t nn_stages_operations(const NnStages *stages, size_t node);

/**
 * nn_stages_reach:
 * @graph: the stages', or one with the same value ids and the types of a part of the picture
 *
 * Where a tiled node looks through input @k; false where that is a fixed value or one that is the
 * same at every position.
 */
bool nn_stages_reach(const NnStages *stages, const NnGraph *graph, const NnNode *node, int k,
                     NnReach *reach);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnStages, nn_stages_free)
