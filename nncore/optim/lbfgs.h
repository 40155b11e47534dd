/* SPDX-License-Identifier: GPL-3.0-or-later */
/* L-BFGS (Liu and Nocedal 1989; Nocedal and Wright, Numerical Optimization, 2006, chapters 3 and
 * 7): a step is a direction from the last few changes s of x and y of the gradient (the two-loop
 * recursion), and a line search along it for the strong Wolfe conditions
 *   f(t) <= f(0) + 1e-4 t f'(0),  |f'(t)| <= 0.9 |f'(0)|.
 * With bounds, values that lie on one and would leave it do not move, others are clipped (the
 * search is then for the first condition alone). All memory is taken when it is made: 2 history + 3
 * vectors. */
#pragma once

#include "nncore/optim/problem.h"

typedef struct NnLbfgs NnLbfgs;

/**
 * nn_lbfgs_new:
 * @history: pairs (s, y) that are remembered, at least 1
 * @first_step: mean absolute change of x that the first step tries, in its own unit
 */
NnLbfgs *nn_lbfgs_new(int64_t count, int history, double first_step, GError **error);
void nn_lbfgs_free(NnLbfgs *lbfgs);

/**
 * nn_lbfgs_step:
 * One iteration: an evaluation as a rule, more where the line search needs them; the first time,
 * one more. Must be called with the same problem each time, its x and gradient untouched in
 * between.
 * @value: (out): at the new x
 * @moved: (out): false where no step along the gradient makes the value smaller: it is done
 */
bool nn_lbfgs_step(NnLbfgs *lbfgs, NnContext *context, const NnProblem *problem, double *value,
                   bool *moved, GError **error);

/** nn_lbfgs_go_back: after an evaluation failed: x as it was before the step. */
void nn_lbfgs_go_back(NnLbfgs *lbfgs, const NnProblem *problem);

/** nn_lbfgs_evaluations: since it was made. */
int64_t nn_lbfgs_evaluations(const NnLbfgs *lbfgs);

/**
 * nn_lbfgs_resize:
 * @count: of the vectors from now on; what it remembers is resized, each ring of vectors in turn, so
 *   that not much more memory than the larger size's is taken at a time
 * @scale: as in nn_adam_resize()
 *
 * Returns: false with an error; it can then only be freed.
 */
bool nn_lbfgs_resize(NnLbfgs *lbfgs, NnContext *context, int64_t count, NnResizeFunc resize,
                     gpointer data, double scale, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnLbfgs, nn_lbfgs_free)
