/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stages of tiles laid out (tiled.c), and run (tiled-run.c). */
#pragma once

#include "nncore/plan/part.h"
#include "nncore/plan/store.h"
#include "nncore/plan/tiled.h"
#include "nncore/plan/workspace.h"

/** NnTile: @owned: by output of the part: the positions that are this tile's and no other's. */
typedef struct {
  NnTileView view;
  NnBox *owned;
  NnWorkspace *workspace; /* the plan's, in the memory that all share */
} NnTile;

/** NnTilePass: a stage's tiles, for one direction. @part is %NULL where nothing is to be done. */
typedef struct {
  NnPart *part;
  GPtrArray *plans, *workspaces; /* in parallel */
  NnTile *tiles;
  int n_tiles;
} NnTilePass;

/**
 * NnSegment: operators that are run as a whole, between the tiles of two stages.
 * @forward, @backward: the same part without and with a gradient. Where the operators of a stage are
 *   one segment, @backward is %NULL and @forward's workspace keeps what it needs from forward to
 *   backward; of several, each is run again before it goes backward (checkpointing), and all share the
 *   tiles' memory
 */
typedef struct {
  NnPart *forward, *backward;
  NnPlan *forward_plan, *backward_plan;
  NnWorkspace *forward_workspace, *backward_workspace;
} NnSegment;

/**
 * NnTileStage:
 * @needed: its forward pass makes something that others wait for, not only targets to look at
 * @segments: tiled->n_segments of them: what is run as a whole after it; parts are %NULL where there
 *   is nothing
 */
typedef struct {
  NnTilePass forward, backward;
  bool needed;
  NnSegment *segments;
} NnTileStage;

/**
 * NnTiled: all by value of the stages' graph, %NULL where there is none:
 * @kept: which maps are kept whole; @maps, @map_gradients: these
 * @wholes, @whole_gradients: values that are no maps
 * and
 * @sums: by node: of NN_NODE_SUM, what has gone by so far (ops/space-sums.h)
 * @slopes: by node: of its gradient: C of a, C of b
 * @sum_scratch: for kernels/channel-sums.h
 * @memory: of the tiles' workspaces, one after the other
 * @piece, @piece_gradient: what targets are shown and asked for; @scratch: a third of that size,
 *   where a map's gradient is read from a store
 */
struct NnTiled {
  NnContext *context;
  NnStages *stages;
  bool gradient;
  NnTileStage *stage; /* stages->n_stages of them */
  int n_segments;     /* of each */
  int *segment_of;    /* by node: of NN_NODE_WHOLE */
  bool *kept;
  NnStore **maps, **map_gradients;
  NnTensor **wholes, **whole_gradients;
  double **sums;
  float **slopes;
  double *sum_scratch;
  int rows, columns;
  int64_t high_px, wide_px; /* of a tile */
  char *memory;
  float *piece, *piece_gradient, *scratch;
  int64_t piece_elements;
  size_t bytes;
};

/** nn_tile_rows: rows of a piece of a map's box: as many as PIECE_ELEMENTS hold, at least one. */
int64_t nn_tile_piece_rows(const NnShape *whole, const NnBox *box);
