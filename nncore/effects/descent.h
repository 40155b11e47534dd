/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descent on a picture from coarse to fine: at each size an optimiser makes a function of the
 * picture small; picture and the optimiser's state are carried to the next size. Style transfer and
 * its relatives differ in the function only. */
#pragma once

#include "nncore/base/progress.h"
#include "nncore/effects/criterion.h"

typedef enum { NN_OPTIMISER_LBFGS, NN_OPTIMISER_ADAM } NnOptimiser;

/**
 * NnDescentSettings:
 * @iterations: at each size, at most
 * @rate: of Adam: how far a value moves in an iteration, at first; it falls to a tenth
 * @least_improvement: end a size when ten iterations improve the value by less than this part of
 *   it; 0: never
 * @average: the result is an average of the last iterates (exponential, over a tenth of all)
 *   instead of the last one
 * @history: pairs that L-BFGS remembers
 * @unbounded: let values leave 0..1
 * @wrapped: pictures go on periodically when they are brought to the next size
 */
typedef struct {
  NnOptimiser optimiser;
  int iterations;
  double rate;
  double least_improvement;
  bool average;
  int history;
  bool unbounded, wrapped;
} NnDescentSettings;

/**
 * nn_descent_sizes:
 * @smallest_px: the longest side of the first size is at least this
 * @scales: how many at most; 0: as many as that allows
 * @sizes: (out caller-allocates): %NN_MAX_SCALES of them, from small to @width x @height, each a
 *   factor of root 2 larger than the one before
 *
 * Returns: how many there are, at least 1.
 */
#define NN_MAX_SCALES 16
int nn_descent_sizes(int width, int height, int smallest_px, int scales,
                     NnSize sizes[NN_MAX_SCALES]);

/** nn_descent_evaluations: at all sizes together, about, if none ends early; those of smaller sizes count
 * as the part of the last one's pixels that they have. */
double nn_descent_evaluations(const NnDescentSettings *settings, const NnSize *sizes, int n_sizes);

/** nn_descent_pictures: RGB of the size at hand, which nn_descend() needs memory for; one more where
 * there are several sizes. */
int nn_descent_pictures(const NnDescentSettings *settings);

/**
 * NnDescentTask: what descends.
 * @enter: before the first evaluation at a size: prepares what depends on it. @picture: what the
 *   descent begins with at this size
 * @leave: (nullable): after the last evaluation at a size: frees what it took
 * @evaluate: the value at @picture and its gradient, RGB of the same size, written whole
 * @render: (nullable): for NnReport.render: the result if the picture at hand, of any of the sizes,
 *   were the last one
 * @criterion: (nullable): is watched, so that Stop and Cancel are heard within an evaluation
 */
typedef struct {
  bool (*enter)(gpointer data, int scale, const NnImage *picture, GError **error);
  void (*leave)(gpointer data);
  bool (*evaluate)(gpointer data, const NnImage *picture, NnImage *gradient, double *value,
                   GError **error);
  NnImage *(*render)(gpointer data, const NnImage *picture, GError **error);
  NnCriterion *criterion;
  gpointer data;
} NnDescentTask;

/**
 * nn_descend:
 * @sizes: from small to large
 * @start: RGB within 0..1, of any size
 * @progress: (nullable): hears of every iteration, with the value and the time left
 * @value: (out) (optional): the last one
 *
 * Returns: (transfer full): RGB, of the last size, or, stopped before, of the one at hand; %NULL
 *   with the task's errors, %NN_ERROR_MEMORY, %NN_ERROR_CANCELLED, or %NN_ERROR_ARGUMENT where the
 *   value is no number.
 */
NnImage *nn_descend(NnContext *context, const NnDescentSettings *settings,
                    const NnDescentTask *task, const NnSize *sizes, int n_sizes,
                    const NnImage *start, const NnProgress *progress, double *value,
                    GError **error);
