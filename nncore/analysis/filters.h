/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The filters of a convolution: what stands in the file, or follows from it (weights kept in half
 * precision), before anything is folded into them. */
#pragma once

#include "nncore/base/context.h"
#include "nncore/onnx/model.h"

/**
 * NnFilterBank:
 * @layer: what the convolution makes
 * @weights: (transfer full): plain, Y channels x X channels a group x height x width
 * @groups: filter f looks at the X channels of group f * groups / (Y channels)
 */
typedef struct {
  NnValueId layer;
  NnTensor *weights;
  int64_t groups;
} NnFilterBank;

/**
 * nn_filters_read:
 * @layer: made by a convolution over pictures, or from one (an activation, a pooled map: the way is
 *   followed along what each operator takes first); %NN_NO_VALUE: the first convolution of the file
 * @filters: (out): nn_filters_clear() it
 *
 * Returns: false with %NN_ERROR_ARGUMENT where there is no convolution, or none over pictures,
 *   or its weights are made by the network itself; else errors of reading.
 */
bool nn_filters_read(const NnModel *model, NnContext *context, NnValueId layer,
                     NnFilterBank *filters, GError **error);
void nn_filters_clear(NnFilterBank *filters);
