/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an effect makes grow: layers of a network with weights, and a loss on each, as people choose
 * them: by names and labels. A criterion (criterion.h) underneath; of several layers, each one's
 * gradient is brought to the length of its weight. */
#pragma once

#include "nncore/effects/network.h"
#include "nncore/image/image.h"
#include "nncore/plan/evaluator.h"

/**
 * NnObjectiveKind: see loss/loss.h
 * @NN_OBJECTIVE_CLASS: the score of a class before softmax; layers are not asked for
 * @NN_OBJECTIVE_GUIDE: best match with a guide picture: nn_objective_set_guide()
 */
typedef enum {
  NN_OBJECTIVE_L2,
  NN_OBJECTIVE_MEAN,
  NN_OBJECTIVE_CHANNEL,
  NN_OBJECTIVE_CLASS,
  NN_OBJECTIVE_GUIDE,
} NnObjectiveKind;

typedef struct NnObjective NnObjective;

/**
 * nn_objective_new:
 * @network, @context: must outlive the objective
 * @layers, @use: as nn_network_parse_layers() takes them
 * @channel: of NN_OBJECTIVE_CHANNEL; -1: in each layer the one that responds most to the first
 *   picture that is evaluated
 * @class_text: of NN_OBJECTIVE_CLASS, as nn_network_find_class() takes it; empty: the class that
 *   the network takes the first picture for
 * @head: how a head that was made for one size takes others (plan/program.h)
 *
 * Makes the program of these layers (plan/program.h), which takes its time.
 */
NnObjective *nn_objective_new(const NnNetwork *network, NnContext *context, NnObjectiveKind kind,
                              const char *layers, const char *use, int64_t channel,
                              const char *class_text, NnHead head, GError **error);
void nn_objective_free(NnObjective *objective);

/** nn_objective_set_guide: @guide: RGBA or RGB, any size; needed once before evaluation by
 * NN_OBJECTIVE_GUIDE. */
bool nn_objective_set_guide(NnObjective *objective, const NnImage *guide, GError **error);

/**
 * nn_objective_check_size:
 * @width, @height: of the picture in px; the network sees nn_input_size() of them
 *
 * Whether pictures of this size can be evaluated (memory aside): %NN_ERROR_SHAPE where the network
 * does not allow it (the sentence begins with nn_objective_head_note(), if there is one),
 * %NN_ERROR_ARGUMENT where the layer has no such channel.
 */
bool nn_objective_check_size(NnObjective *objective, int width, int height, GError **error);

/** nn_objective_evaluator: (transfer full): for pictures of this size; errors also as
 * nn_evaluator_new(). */
NnEvaluator *nn_objective_evaluator(NnObjective *objective, int width, int height, GError **error);

/** nn_objective_watch: as nn_criterion_watch(). */
void nn_objective_watch(NnObjective *objective, NnProceed proceed, gpointer data);

/** nn_objective_evaluate: as nn_criterion_evaluate(). The first picture evaluated decides what is
 * to be the strongest channel or class (nn_objective_new()). */
bool nn_objective_evaluate(NnObjective *objective, NnEvaluator *evaluator, const NnImage *picture,
                           int dx, int dy, NnImage *gradient, double *value, GError **error);

/** nn_objective_head_note: (transfer none) (nullable): nn_program_head_note() of its layers. */
const char *nn_objective_head_note(const NnObjective *objective);

/** nn_objective_describe: (transfer full): for people: "relu4_1, relu5_1", or the class. */
char *nn_objective_describe(const NnObjective *objective);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnObjective, nn_objective_free)
