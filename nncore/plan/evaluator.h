/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An evaluator: a program on a picture of any size, in bounded memory. Where a plan of the whole
 * picture fits into the budget, it is one plan and one workspace. Where it does not, the picture is
 * worked on in tiles with as much around them as the layers can see, so that the results are those
 * of the whole picture; operators that look at all of it (a mean, a head) are taken apart from the
 * tiles: what they need is gathered in a pass of its own.
 *
 * All memory is allocated by nn_evaluator_new(); an evaluation allocates nothing. */
#pragma once

#include "nncore/base/progress.h"
#include "nncore/plan/program.h"
#include "nncore/tensor/piece.h"

typedef struct NnEvaluator NnEvaluator;

/**
 * NnEvaluation: what an evaluation asks of its caller. Boxes of pixels are given by their first row
 * and column and the size of the tensor, 1 x 3 x height x width, channels-last.
 * @input: fills @pixels with the network's input there
 * @observe: (nullable): sees each piece of each target once. Where it is given, all pieces are
 *   shown before the first seed is asked for: in a pass of its own where there are tiles
 * @observed: (nullable): after the last @observe, before the first @seed
 * @seed: writes the gradient of the objective to a piece of target @target, whole, into
 *   @seed, a tensor like piece->activation. Not asked for by nn_evaluator_forward()
 * @gradient: *adds* what it gets to the gradient of the picture: tiles overlap. The caller starts
 *   from zero. Not called by nn_evaluator_forward()
 * @proceed: (nullable): after each tile or segment, with the fraction of the evaluation that is done;
 *   false ends it with %NN_ERROR_CANCELLED. Not called where the picture is run as a whole
 */
typedef struct {
  void (*input)(gpointer data, int64_t y, int64_t x, const NnTensor *pixels);
  void (*observe)(gpointer data, int target, const NnPiece *piece);
  void (*observed)(gpointer data);
  void (*seed)(gpointer data, int target, const NnPiece *piece, const NnTensor *seed);
  void (*gradient)(gpointer data, int64_t y, int64_t x, const NnTensor *gradient);
  NnProceed proceed;
} NnEvaluation;

/**
 * nn_evaluator_new:
 * @program: with one input, the picture
 * @context: the program's, or one with as many threads; must outlive the evaluator
 * @shape: 1 x 3 x height x width
 * @budget_bytes: that shall suffice for everything the evaluator allocates with up to four threads
 *   (each more takes a few MiB of its own); 0: no limit. How the picture is cut follows from it,
 *   whatever the number of threads
 *
 * Returns: (transfer full): %NN_ERROR_SHAPE where the network does not allow the size;
 *   %NN_ERROR_MEMORY where memory runs out or no way to work within the budget is found: the
 *   sentence says how much would do.
 */
NnEvaluator *nn_evaluator_new(NnProgram *program, NnContext *context, const NnShape *shape,
                              size_t budget_bytes, GError **error);
void nn_evaluator_free(NnEvaluator *evaluator);

/** nn_evaluator_bytes: what it allocates for its work with up to four threads, whatever their number
 * is, and holds of the context's memory; the program's weights not counted. */
size_t nn_evaluator_bytes(const NnEvaluator *evaluator);

/** nn_evaluator_grid: @rows, @columns: (out): of tiles; 1 and 1 where the picture is not cut. */
void nn_evaluator_grid(const NnEvaluator *evaluator, int *rows, int *columns);

/** nn_evaluator_maps: @in_memory, @in_file: (out): how many maps are kept whole, from the tiles of one
 * pass for those of later ones; 0 where the picture is not cut, or all is made again. */
void nn_evaluator_maps(const NnEvaluator *evaluator, int *in_memory, int *in_file);

/** nn_evaluator_target_shape: of the whole target, in ONNX's order. */
NnShape nn_evaluator_target_shape(const NnEvaluator *evaluator, int target);

/** nn_evaluator_target_type: @layout: (out): of the target's pieces. */
NnDtype nn_evaluator_target_type(const NnEvaluator *evaluator, int target, NnLayout *layout);

/** nn_evaluator_piece_elements: the most that a piece of the target has. */
int64_t nn_evaluator_piece_elements(const NnEvaluator *evaluator, int target);

/** nn_evaluator_forward: shows @observe all pieces of all targets. Returns: false with
 * %NN_ERROR_CANCELLED, or %NN_ERROR_READ where a temporary file fails. */
bool nn_evaluator_forward(NnEvaluator *evaluator, const NnEvaluation *evaluation, gpointer data,
                          GError **error);

/** nn_evaluator_run: forward, seeds, backward. The program must have been made with a gradient.
 * Errors as nn_evaluator_forward(). */
bool nn_evaluator_run(NnEvaluator *evaluator, const NnEvaluation *evaluation, gpointer data,
                      GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnEvaluator, nn_evaluator_free)
