/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GrabCut (Rother, Kolmogorov and Blake, “GrabCut”: Interactive Foreground Extraction using Iterated
 * Graph Cuts, 2004): a subject and what is behind it, told apart by their colours and by the edges
 * between them. It is the least, over labels and mixtures in turn, of
 *   E = sum over pixels of D_label(z) + gamma * sum over neighbours of different labels of
 *       exp(-beta |z - z'|^2) / distance,   1 / beta = 2 * mean of |z - z'|^2,
 * with D of analysis/gaussian-mixture.h and the 8 neighbours of a pixel. Labels come from a minimal
 * cut (analysis/min-cut.h), mixtures from the labels.
 *
 * A cut at a small size is carried to larger ones by cutting again in a band around its edge (Lombaert,
 * Sun, Grady and Xu, A Multilevel Banded Graph Cuts Method for Fast Image Segmentation, 2005). */
#pragma once

#include "nncore/analysis/gaussian-mixture.h"
#include "nncore/base/progress.h"

/**
 * NnLabel: what a pixel is. A byte each.
 * @NN_LABEL_NONE: of no colour (transparent): no edge and no mixture knows it
 */
typedef enum { NN_LABEL_BACKGROUND, NN_LABEL_SUBJECT, NN_LABEL_NONE } NnLabel;

/**
 * NnSeed: what is known of a pixel. A byte each.
 * @NN_SEED_OPEN: nothing, not even for the first mixtures
 * @NN_SEED_MAYBE_BACKGROUND, @NN_SEED_MAYBE_SUBJECT: a guess, for the first mixtures
 * @NN_SEED_BACKGROUND, @NN_SEED_SUBJECT: it stays so
 * @NN_SEED_HOLE: %NN_LABEL_NONE
 */
typedef enum {
  NN_SEED_OPEN,
  NN_SEED_MAYBE_BACKGROUND,
  NN_SEED_MAYBE_SUBJECT,
  NN_SEED_BACKGROUND,
  NN_SEED_SUBJECT,
  NN_SEED_HOLE,
} NnSeed;

/**
 * NnGrabCutSettings:
 * @smoothness: gamma, 0 to 1000; 50 in the paper. More makes edges shorter.
 * @iterations: cuts, at most; it ends where a cut changes hardly a pixel in a thousand
 * @gaussians: in each mixture, at most; 5 in the paper
 */
typedef struct {
  double smoothness;
  int iterations, gaussians;
} NnGrabCutSettings;

typedef struct NnGrabCut NnGrabCut;

/** nn_grab_cut_bytes: memory of a cut of so many pixels that are not surely one thing or the other. */
int64_t nn_grab_cut_bytes(int64_t pixels);

/**
 * nn_grab_cut_new:
 * @picture: RGB
 * @seeds: one a pixel
 * @labels: (out): one a pixel
 * @progress: (nullable): of this alone, from 0 to 1
 *
 * Stop keeps the last cut; there is one at least.
 * Returns: (transfer full): what has been learnt of the colours; %NN_ERROR_ARGUMENT where nothing is, or
 *   remains, subject or background, %NN_ERROR_CANCELLED, %NN_ERROR_MEMORY, also where the cut would
 *   take more than the context's memory budget.
 */
NnGrabCut *nn_grab_cut_new(NnContext *context, const NnImage *picture, const uint8_t *seeds,
                           const NnGrabCutSettings *settings, const NnProgress *progress,
                           uint8_t *labels, GError **error);
void nn_grab_cut_free(NnGrabCut *grab_cut);

/** nn_grab_cut_iterations: how many cuts there were. */
int nn_grab_cut_iterations(const NnGrabCut *grab_cut);

/**
 * nn_grab_cut_refine:
 * @picture, @seeds: of another size than before
 * @coarse: labels of a picture of @width x @height px
 * @labels: (out): one a pixel
 * @progress: (nullable): of this alone, from 0 to 1; only Cancel counts
 *
 * Takes over the labels, and cuts again near their edge. @picture should be twice as large as @coarse
 * at most. Memory is bounded: very long edges are cut in strips.
 */
bool nn_grab_cut_refine(const NnGrabCut *grab_cut, NnContext *context, const NnImage *picture,
                        const uint8_t *seeds, const uint8_t *coarse, int width, int height,
                        const NnProgress *progress, uint8_t *labels, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnGrabCut, nn_grab_cut_free)
