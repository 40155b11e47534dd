/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program on many pictures that differ from one only in a small window each. What the whole
 * picture gives is computed once and kept; of each other picture only what its window can reach is
 * computed anew, layer by layer, many pictures at a time: the results are those of whole pictures.
 *
 * A layer that looks a bounded way (NnOp.reach) is run on crops: as much of its input as the places
 * that change look at, the kept activation with the changed window pasted in. Crops begin at
 * multiples of the layer's stride and are shorter than the whole by multiples of it, so that the
 * layer's grid and padding are those of the whole; places at a crop's border that see padding where
 * the whole has none are not used. Convolutions are run without their padding, on crops that have
 * it. From the first layer on that looks everywhere (a mean, a head),
 * layers are run on all of their input. */
#pragma once

#include "nncore/plan/program.h"

typedef struct NnPartial NnPartial;

/** NnCorner: first row and column of a window. */
typedef struct {
  int64_t y, x;
} NnCorner;

/**
 * nn_partial_new:
 * @program: with one input; need not have a gradient
 * @shape: of the picture, 1 x 3 x H x W
 * @height, @width: of the windows, at most the picture's
 * @corners: (array length=n_corners): of the windows, which lie within the picture, row by row;
 *   copied
 * @most: pictures that are worked on at a time, at most
 * @budget_bytes: that nn_partial_bytes() keeps within; 0: no limit
 *
 * Allocates all it needs. %NN_ERROR_SHAPE where the network does not allow the size;
 * %NN_ERROR_MEMORY where memory runs out or the budget does not do, which is known before anything
 * large is allocated.
 */
NnPartial *nn_partial_new(NnProgram *program, NnContext *context, const NnShape *shape,
                          int64_t height, int64_t width, const NnCorner *corners, int n_corners,
                          int most, size_t budget_bytes, GError **error);
void nn_partial_free(NnPartial *partial);

/** nn_partial_tail_bytes: about what layers that look at all of a picture are given, with as many pictures
 * at a time as it allows, if @most is what nn_partial_new() is told. */
size_t nn_partial_tail_bytes(int most);

/** nn_partial_bytes: what it has allocated for its work. */
size_t nn_partial_bytes(const NnPartial *partial);

/** nn_partial_input: (transfer none): the whole picture, to be written before
 * nn_partial_forward(). */
const NnTensor *nn_partial_input(NnPartial *partial);

/** nn_partial_forward: keeps what the whole picture gives. */
void nn_partial_forward(NnPartial *partial);

/** nn_partial_n_batches: windows are worked on in so many batches, in their order. */
int nn_partial_n_batches(const NnPartial *partial);

/**
 * nn_partial_run:
 * @batch: 0 to nn_partial_n_batches() - 1
 * @replacement: a tensor like nn_partial_input(): what the windows show of it takes the place of
 *   the picture
 * @first, @count: (out): which corners they were
 */
void nn_partial_run(NnPartial *partial, int batch, const NnTensor *replacement, int *first,
                    int *count);

/** nn_partial_target: (transfer none): target @target of window @index of the last batch; a tensor
 * of one picture, valid until the next run. */
NnTensor nn_partial_target(const NnPartial *partial, int target, int index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnPartial, nn_partial_free)
