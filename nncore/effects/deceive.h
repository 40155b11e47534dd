/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adversarial changes: as small as can hardly be seen, and yet the network takes the picture for
 * something else. No value of the picture changes by more than a bound (the L-infinity norm), and
 * none leaves 0..1.
 *
 * Projected gradient descent (Madry et al., Towards Deep Learning Models Resistant to Adversarial
 * Attacks, 2018): steps along the sign of the gradient of the margin (loss/loss.h), each followed by
 * clipping to the bound; the fast gradient sign method (Goodfellow et al., Explaining and Harnessing
 * Adversarial Examples, 2015) is a single step as long as the bound. The change is one of the full
 * picture: what the network sees of it is what it sees of any picture of this size. */
#pragma once

#include "nncore/base/progress.h"
#include "nncore/effects/ranking.h"
#include "nncore/image/image.h"

typedef enum { NN_DECEPTION_PGD, NN_DECEPTION_FGSM } NnDeceptionMethod;

/**
 * NnDeceptionSettings:
 * @bound: of the change of a value, 0 to 1; of whole levels, as many as it has room for
 * @goal: class that the picture is to be taken for; -1: any but the one that it is taken for
 * @iterations: of projected gradient descent
 * @confidence: probability that the new class must reach, below 1
 * @least: whether to look for the smallest bound that does, up to @bound
 * @whole_levels: values change by multiples of 1/255 only, so that a picture of 8 bits a channel holds
 *   the result
 * @working_px: as nn_view_new() takes it
 */
typedef struct {
  NnDeceptionMethod method;
  double bound;
  int goal;
  int iterations;
  double confidence;
  bool least, whole_levels;
  int working_px;
} NnDeceptionSettings;

/**
 * NnDeception:
 * @change: RGB, of the content's size
 * @largest: the largest of its absolute values
 * @done: whether the network is deceived; else the change is the one that came nearest
 * @before, @after: what the network takes the pictures for
 */
typedef struct {
  NnImage *change;
  double largest;
  bool done;
  NnRanking *before, *after;
} NnDeception;

/** nn_deception_steps: at most; each is an evaluation. */
int nn_deception_steps(const NnDeceptionSettings *settings);

/** nn_deception_bytes: of pictures that nn_deceive() needs, with a content and a view of these sizes. */
double nn_deception_bytes(NnSize content, NnSize view);

/**
 * nn_deceive:
 * @content: RGBA
 *
 * Stop ends the search with what there is.
 * Returns: (transfer full): %NN_ERROR_ARGUMENT where the network is no classifier, knows one class only or
 *   gives no numbers, all of @content is transparent, it is taken for @goal already, or the bound has no
 *   room for a whole level; %NN_ERROR_MEMORY, %NN_ERROR_CANCELLED.
 */
NnDeception *nn_deceive(const NnNetwork *network, NnContext *context, const NnImage *content,
                        const NnDeceptionSettings *settings, const NnProgress *progress,
                        GError **error);
void nn_deception_free(NnDeception *deception);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnDeception, nn_deception_free)
