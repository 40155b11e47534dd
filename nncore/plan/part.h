/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A part of a program: the nodes between values that are ready and values that are wanted, as a
 * program of its own that shares the whole's prepared weights. And the geometry of tiles: which box
 * of each of its inputs gives which box of its outputs. */
#pragma once

#include "nncore/plan/plan.h"
#include "nncore/plan/stages.h"
#include "nncore/tensor/box.h"

/**
 * NnPart:
 * @program: its targets are @outputs; its graph has the value ids of the stages' graph
 * @inputs: what of the ready values it reads, in the order of the program's inputs
 * @nodes: by node of the program: the stages' node
 */
typedef struct {
  const NnStages *stages;
  NnProgram *program;
  const NnValueId *inputs, *outputs;
  int n_inputs, n_outputs;
  size_t *nodes;
} NnPart;

/**
 * nn_part_new:
 * @stages: must outlive the part
 * @ready: by value
 * @outputs: values wanted, at least one
 * @whole: it is run on whole maps only, so that sizes are what they are
 */
NnPart *nn_part_new(const NnStages *stages, const bool *ready, const NnValueId *outputs,
                    int n_outputs, bool whole, bool gradient, GError **error);
void nn_part_free(NnPart *part);

/** nn_part_operations: multiply-adds on the whole picture. */
double nn_part_operations(const NnPart *part);

/** nn_part_shape: of one of its inputs or outputs on the whole picture. */
NnShape nn_part_shape(const NnPart *part, NnValueId id);

/**
 * NnTileView: what a tile's program sees.
 * @begin_px: the first pixel of its window, along H and W: a multiple of the alignment
 * @plan: at the sizes of the window
 */
typedef struct {
  int64_t begin_px[2];
  NnPlan *plan;
} NnTileView;

/**
 * nn_part_view:
 * @boxes: by value: of the outputs, what is wanted of them, in positions of the whole map; the
 *   others' are overwritten
 * @view: (out): the smallest window of pixels that gives it, exactly as the whole picture would
 * @plans: (element-type NnPlan): one of these is used where the sizes are the same; a new one is
 *   added
 *
 * %NN_ERROR_UNSUPPORTED where tiles cannot give it.
 */
bool nn_part_view(const NnPart *part, NnBox *boxes, GPtrArray *plans, NnTileView *view,
                  GError **error);

/** nn_part_local: where position 0 of @id is in the whole map, along H and W. */
void nn_part_local(const NnPart *part, const NnTileView *view, NnValueId id, int64_t begin[2]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnPart, nn_part_free)
