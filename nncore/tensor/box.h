/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boxes: parts of a map along H and W, all channels, and copying them between maps. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/tensor/tensor.h"

/** NnBox: along H (0) and W (1), from @begin up to, not including, @end. */
typedef struct {
  int64_t begin[2], end[2];
} NnBox;

static inline int64_t
nn_box_size(const NnBox *box, int axis)
{
  return box->end[axis] - box->begin[axis];
}

static inline bool
nn_box_is_empty(const NnBox *box)
{
  return nn_box_size(box, 0) <= 0 || nn_box_size(box, 1) <= 0;
}

/** nn_box_unite: @to becomes the smallest box that holds both; empty ones do not count. */
void nn_box_unite(NnBox *to, const NnBox *other);

/**
 * nn_box_copy:
 * @context: (nullable): whose threads do it; the caller alone does where there is none
 * @from, @to: 1 x C x H x W of the same C and layout
 * @box: of @from
 * @y, @x: where its first position goes in @to
 * @add: adds to what is there
 */
void nn_box_copy(NnContext *context, const NnTensor *from, const NnBox *box, const NnTensor *to,
                 int64_t y, int64_t x, bool add);
