/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operators' infer functions check again and again. All set an error where they return
 * false. */
#pragma once

#include "nncore/ops/op.h"

/** nn_check_floats: inputs @first to @last, where present, are float; input @first is present. */
bool nn_check_floats(const NnInfer *infer, int first, int last, GError **error);

/** nn_check_present: input @index is there. */
bool nn_check_present(const NnInfer *infer, int index, GError **error);

/** nn_check_rank: @shape has at least @least and at most @most dimensions. */
bool nn_check_rank(const NnShape *shape, int least, int most, GError **error);

/** nn_has_input: whether the optional input @index was given. */
bool nn_has_input(const NnInfer *infer, int index);

/** nn_constant: the constant input @index, or %NULL where it was left out or is not known. */
const NnTensor *nn_constant(const NnInfer *infer, int index);

/** nn_set_output: output 0 is of @dtype and @shape, which is checked for its size. */
bool nn_set_output(NnInfer *infer, NnDtype dtype, const NnShape *shape, GError **error);

/** nn_infer_same: an infer function: one float output, shaped as the float input 0. */
bool nn_infer_same(NnInfer *infer, GError **error);

/**
 * nn_constant_ints:
 * @input: (of type int64, rank 0 or 1)
 * @values: (out): room for twice %NN_MAX_RANK
 * @count: (out): -1 where the input was left out
 *
 * The elements of a short list that must be known: axes, sizes, pads.
 */
bool nn_constant_ints(const NnInfer *infer, int input, int64_t values[NN_MAX_RANK * 2], int *count,
                      GError **error);

/** nn_run_ints: the same elements in forward and backward; returns %NULL where it was left out. */
const int64_t *nn_run_ints(const NnOpRun *run, int input, int *count);

/** nn_axes_mask: bits of @axes in a shape of @rank; all bits for a @count of -1. Refuses axes
 * outside, or given twice. */
bool nn_axes_mask(const int64_t *axes, int count, int rank, unsigned *mask, GError **error);
