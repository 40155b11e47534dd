/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an evaluator is where the picture does not fit in one piece: stages of tiles (stages.h), and,
 * of what cannot be cut, segments that are computed again on the way back. */
#pragma once

#include "nncore/plan/evaluator.h"

typedef struct NnTiled NnTiled;

/** nn_tiled_new: as nn_evaluator_new(), for the largest tiles that @budget_bytes allow, of what is
 * kept and what is made again in the cheapest way that they allow; or, where the network cannot be run
 * in tiles, for as few segments as they allow. */
NnTiled *nn_tiled_new(NnProgram *program, NnContext *context, const NnShape *shape,
                      size_t budget_bytes, GError **error);
void nn_tiled_free(NnTiled *tiled);

/** These are nn_evaluator_*() of the same name. */
size_t nn_tiled_bytes(const NnTiled *tiled);
void nn_tiled_grid(const NnTiled *tiled, int *rows, int *columns);
void nn_tiled_maps(const NnTiled *tiled, int *in_memory, int *in_file);
int64_t nn_tiled_piece_elements(const NnTiled *tiled, int target);
bool nn_tiled_forward(NnTiled *tiled, const NnEvaluation *evaluation, gpointer data,
                      GError **error);
bool nn_tiled_run(NnTiled *tiled, const NnEvaluation *evaluation, gpointer data, GError **error);
