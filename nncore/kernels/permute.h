/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rearranging axes in memory. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/tensor/shape.h"

/**
 * nn_permute:
 * @dims: of @from in memory, slowest first; @rank of them, at most %NN_MAX_RANK
 * @order: axis i of @to is axis @order[i] of @from
 * @element: bytes of one, 4 or 8
 */
void nn_permute(NnContext *context, int rank, const int64_t *dims, const int *order, size_t element,
                const void *from, void *to);
