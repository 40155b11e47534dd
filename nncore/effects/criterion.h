/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A criterion: a weighted sum of losses (loss/loss.h) on layers of a network, as a function of a
 * picture: its value, and its gradient to the picture's own R'G'B' values. Pictures of any size:
 * evaluators (plan/evaluator.h) do with what is left of the context's memory budget. */
#pragma once

#include "nncore/effects/network.h"
#include "nncore/image/image.h"
#include "nncore/loss/loss.h"
#include "nncore/plan/evaluator.h"
#include "nncore/plan/plan.h"

/**
 * NnEdges: what is beside a picture:
 * @NN_EDGES_PADDED: what each layer of the network pads with
 * @NN_EDGES_PERIODIC: the picture again: it has no borders (effects/torus.h)
 * @NN_EDGES_MIRRORED: its mirror image: what a picture with borders has to tell of one without.
 *   Padding would be part of what its borders look like
 */
typedef enum { NN_EDGES_PADDED, NN_EDGES_PERIODIC, NN_EDGES_MIRRORED } NnEdges;

typedef struct NnCriterion NnCriterion;

/**
 * nn_criterion_new:
 * @network, @context: must outlive the criterion
 * @layers: tensors of the file, none twice; losses name them by their place in this list
 *
 * Makes the program of these layers (plan/program.h), which takes its time; errors are its.
 */
NnCriterion *nn_criterion_new(const NnNetwork *network, NnContext *context,
                              const char *const *layers, int n_layers, NnProgramOptions options,
                              GError **error);
void nn_criterion_free(NnCriterion *criterion);

/** nn_criterion_program: (transfer none) */
NnProgram *nn_criterion_program(const NnCriterion *criterion);

/** nn_criterion_plan: (transfer full): of a picture of this size, with padded edges: for the shapes of
 * the layers; %NN_ERROR_SHAPE where the network does not take it. */
NnPlan *nn_criterion_plan(const NnCriterion *criterion, int width, int height, GError **error);

/**
 * nn_criterion_add:
 * @loss: (transfer full): on layer @layer; any number may be on the same one
 *
 * Returns: the term's number.
 */
int nn_criterion_add(NnCriterion *criterion, int layer, NnLoss *loss, double weight);

/** nn_criterion_n_terms: numbers of terms go from 0 to it, less 1. */
int nn_criterion_n_terms(const NnCriterion *criterion);

/** nn_criterion_loss: (transfer none): a term's. */
NnLoss *nn_criterion_loss(const NnCriterion *criterion, int term);

/** nn_criterion_set_loss: (transfer full): another one in its place. */
void nn_criterion_set_loss(NnCriterion *criterion, int term, NnLoss *loss);

/** nn_criterion_set_weight: of a term; 0 leaves its gradient out. */
void nn_criterion_set_weight(NnCriterion *criterion, int term, double weight);

/** nn_criterion_clear: drops all terms. */
void nn_criterion_clear(NnCriterion *criterion);

/**
 * nn_criterion_normalise:
 * Each term's gradient (to its layer) is brought to the length of its weight, so that a weight
 * means the same at every depth: activations near the input are larger and many times as many. Not
 * for losses with statistics.
 */
void nn_criterion_normalise(NnCriterion *criterion, bool normalise);

/**
 * nn_criterion_set_edges:
 * @edges: of evaluators made, and pictures observed or evaluated, from now on. Of all but
 *   %NN_EDGES_PADDED, losses see the activations that lie over the picture. Mirrored ones are
 *   observed only: they have no gradient
 *
 * Returns: false with the errors of nn_torus_new(), which changes nothing.
 */
bool nn_criterion_set_edges(NnCriterion *criterion, NnEdges edges, GError **error);

/** nn_criterion_places: what a loss on layer @layer sees of a picture of @width x @height px, where
 * @shape is what the network makes of it with padding: its height and width are replaced. */
void nn_criterion_places(const NnCriterion *criterion, int layer, int width, int height,
                         NnShape *shape);

/**
 * nn_criterion_watch:
 * @proceed: (nullable): as NnEvaluation.proceed
 */
void nn_criterion_watch(NnCriterion *criterion, NnProceed proceed, gpointer data);

/**
 * nn_criterion_evaluator:
 * @width, @height: of the pictures, in px; the network sees nn_input_size() of them
 *
 * Returns: (transfer full): for evaluations of pictures of this size, to be made after the last
 *   term has been added. Errors as nn_evaluator_new(); one about the size begins with the program's
 *   nn_program_head_note(), if there is one.
 */
NnEvaluator *nn_criterion_evaluator(NnCriterion *criterion, int width, int height, GError **error);

/**
 * nn_criterion_observe:
 * @picture: RGB or RGBA (alpha is left out), of the evaluator's size
 *
 * Has all losses with statistics observe the picture, and closes none: what they make of it is
 * theirs (the Gram matrix of a style). Errors as nn_evaluator_forward().
 */
bool nn_criterion_observe(NnCriterion *criterion, NnEvaluator *evaluator, const NnImage *picture,
                          GError **error);

/**
 * nn_criterion_evaluate:
 * @dx, @dy: the network sees the picture rolled (nn_preprocess_rolled())
 * @gradient: (out): RGB, of the picture's size
 * @value: (out): the weighted sum of the losses
 */
bool nn_criterion_evaluate(NnCriterion *criterion, NnEvaluator *evaluator, const NnImage *picture,
                           int dx, int dy, NnImage *gradient, double *value, GError **error);

/** nn_check_channel: whether @shape, that of layer @layer (for people), has channels, and one of number
 * @channel (below 0: any); else %NN_ERROR_ARGUMENT. */
bool nn_check_channel(const char *layer, const NnShape *shape, int64_t channel, GError **error);

/** nn_criterion_value: of the term, not weighted, in the last evaluation. */
double nn_criterion_value(const NnCriterion *criterion, int term);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnCriterion, nn_criterion_free)
