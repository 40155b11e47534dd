/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks that make a picture of a picture in one pass (Johnson, Alahi and Fei-Fei 2016,
 * "Perceptual Losses for Real-Time Style Transfer"). */
#pragma once

#include "nncore/base/progress.h"
#include "nncore/effects/network.h"
#include "nncore/image/image.h"

/**
 * nn_feed_forward:
 * @network: its first output is a picture as large as its input, in the values of its input
 *   (NnInputSpec)
 * @picture: RGB
 * @output: (inout): RGB, as large: gets what the network makes, not clipped, box by box
 * @proceed: (nullable): as NnEvaluation.proceed
 *
 * A picture whose sides the network does not take (NnInputSpec.multiple, and what is found by
 * trying) is made larger by reflection (image/pad.h); of the result, the part over the picture
 * counts. What the network means over the picture (instance normalisation) is of all of it,
 * whether or not memory makes it be worked on in tiles.
 *
 * Returns: false with %NN_ERROR_ARGUMENT where the network makes no pictures or values that are no
 *   numbers, %NN_ERROR_SHAPE where no picture of this size, %NN_ERROR_CANCELLED where @proceed said so (@output then is what was done),
 *   and errors of plan/program.h and plan/evaluator.h.
 */
bool nn_feed_forward(const NnNetwork *network, NnContext *context, const NnImage *picture,
                     NnImage *output, NnProceed proceed, gpointer data, GError **error);

/** nn_feed_forward_check: whether @network says that it makes pictures of pictures;
 * %NN_ERROR_ARGUMENT says what to do. */
bool nn_feed_forward_check(const NnNetwork *network, GError **error);
