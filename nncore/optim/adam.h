/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adam (Kingma and Ba 2015), downhill:
 *   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
 *   x -= rate m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + e)
 * with b1 = 0.9, b2 = 0.99 (pictures change fast; 0.999 remembers gradients that are long gone) and
 * an e far below any gradient that counts. */
#pragma once

#include "nncore/optim/problem.h"

typedef struct NnAdam NnAdam;

/** nn_adam_new: for @count values; (transfer full): or %NULL with %NN_ERROR_MEMORY. */
NnAdam *nn_adam_new(int64_t count, GError **error);
void nn_adam_free(NnAdam *adam);

/** nn_adam_step: evaluates once and steps; @rate is about how far a value moves, in its own unit.
 * @value: (out): before the step */
bool nn_adam_step(NnAdam *adam, NnContext *context, const NnProblem *problem, double rate,
                  double *value, GError **error);

/**
 * nn_adam_resize:
 * @count: of the vectors from now on; its state is resized
 * @scale: what gradients at the new size are, about, of those at the old: of a mean over pixels,
 *   the old number of them over the new one
 *
 * Returns: false with an error; it can then only be freed.
 */
bool nn_adam_resize(NnAdam *adam, int64_t count, NnResizeFunc resize, gpointer data, double scale,
                    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnAdam, nn_adam_free)
