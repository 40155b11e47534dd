/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is to be explained: one number that a network makes of a picture. The score of a class before
 * softmax, the mean of a channel of a layer, or a single neuron of it; and its gradient to the
 * picture. The rows of a table with which people choose it. */
#pragma once

#include "nncore/effects/cost.h"
#include "nncore/effects/criterion.h"
#include "nncore/effects/effect.h"
#include "nncore/effects/ranking.h"

/** NnTargetKind: in the order of nn_target_choices. */
typedef enum { NN_TARGET_CLASS, NN_TARGET_CHANNEL, NN_TARGET_NEURON } NnTargetKind;

/**
 * NnTargetChoice:
 * @class_text: of a class, as nn_network_find_class() takes it; empty: the network's first choice
 * @layer: of the others, as nn_network_parse_layers() takes it; the first one counts
 * @channel: of the others; -1: the one that responds most, a neuron's at its place
 * @x, @y: of a neuron: place in the picture, 0 to 1 from the left and from the top
 */
typedef struct {
  NnTargetKind kind;
  const char *class_text, *layer;
  int64_t channel;
  double x, y;
} NnTargetChoice;

extern const NnChoice nn_target_choices[];

#define NN_TARGET_SECTION N_("What to explain")

/** NN_NETWORK_PARAM: the row "network" of an effect that explains. */
#define NN_NETWORK_PARAM(section_) \
  { \
      .key = "network", \
      .label = N_("_Network"), \
      .section = section_, \
      .help = N_("The network that looks at the picture. What it was trained on is what it " \
                 "knows."), \
      .kind = NN_PARAM_NETWORK, \
  }

/** NN_VIEW_PARAM: the row "working-size", as nn_view_new() takes it. */
#define NN_VIEW_PARAM(section_) \
  { \
      .key = "working-size", \
      .label = N_("_Working size"), \
      .section = section_, \
      .help = N_("Longest side of the picture that the network sees. 0 takes the size that it " \
                 "was made for, at which it knows things best; larger ones show finer " \
                 "detail, and take longer."), \
      .unit = N_("px"), \
      .kind = NN_PARAM_INT, \
      .min = 0, \
      .max = 32768, \
  }

#define NN_FIRST_CHOICE N_("what the network sees")

/** NN_CLASS_PARAM: the row "class". */
#define NN_CLASS_PARAM \
  { \
      .key = "class", \
      .label = N_("C_lass"), \
      .section = NN_TARGET_SECTION, \
      .help = N_("Name or number of the class whose score is explained. Empty takes what the " \
                 "network holds the picture to be."), \
      .kind = NN_PARAM_CLASS, \
      .when_empty = NN_FIRST_CHOICE, \
      .enabled_by = "target=class", \
  }

/** NN_TARGET_PARAMS: rows for nn_target_choice(): network, target, class, layer, channel, place. */
#define NN_TARGET_PARAMS \
  NN_NETWORK_PARAM(NN_TARGET_SECTION), \
      { \
          .key = "target", \
          .label = N_("_Target"), \
          .section = NN_TARGET_SECTION, \
          .help = N_("What is explained: why the network gives a class its score, or what " \
                     "excites a channel or a single neuron of a layer."), \
          .kind = NN_PARAM_CHOICE, \
          .choices = nn_target_choices, \
      }, \
      NN_CLASS_PARAM, \
      { \
          .key = "layer", \
          .label = N_("La_yer"), \
          .section = NN_TARGET_SECTION, \
          .help = N_("The layer of the channel or neuron. Empty takes what suits the " \
                     "network."), \
          .kind = NN_PARAM_LAYERS, \
          .use = "dream", \
          .enabled_by = "!target=class", \
      }, \
      { \
          .key = "channel", \
          .label = N_("C_hannel"), \
          .section = NN_TARGET_SECTION, \
          .help = N_("Number of the channel, from 0. -1 takes the one that responds most to " \
                     "the picture."), \
          .kind = NN_PARAM_INT, \
          .min = -1, \
          .max = 65535, \
          .initial = -1, \
          .enabled_by = "!target=class", \
      }, \
      { \
          .key = "neuron-x", \
          .label = N_("Neuron, from the left"), \
          .section = NN_TARGET_SECTION, \
          .help = N_("Where the neuron is: larger is farther to the right."), \
          .unit = N_("%"), \
          .kind = NN_PARAM_FLOAT, \
          .max = 100, \
          .initial = 50, \
          .digits = 1, \
          .enabled_by = "target=neuron", \
      }, \
  { \
    .key = "neuron-y", .label = N_("Neuron, from the top"), .section = NN_TARGET_SECTION, \
    .help = N_("Where the neuron is: larger is farther down."), .unit = N_("%"), \
    .kind = NN_PARAM_FLOAT, .max = 100, .initial = 50, .digits = 1, .enabled_by = "target=neuron", \
  }

/** nn_target_find_layer: (transfer full): the file's tensor of that kind of target: the scores, or
 * the first layer of @layer, as NnTargetChoice has it. */
char *nn_target_find_layer(const NnNetwork *network, NnTargetKind kind, const char *layer,
                           GError **error);

/**
 * nn_target_add_cost:
 * @choice, @run: whose argument "working-size" and network count
 * @width, @height: (inout): of the content; of the view
 * @passes: how often what runs; the rest of it is filled in
 *
 * For NnEffect.estimate, as nn_cost_add_passes().
 */
bool nn_target_add_cost(const NnEffectRun *run, const NnTargetChoice *choice, int *width,
                        int *height, NnPasses passes, NnEstimate *estimate, GError **error);

/** nn_target_add_cost_at: the same at @working_px, as nn_view_size() takes it, where the argument means
 * something else. */
bool nn_target_add_cost_at(const NnEffectRun *run, const NnTargetChoice *choice, int working_px,
                           int *width, int *height, NnPasses passes, NnEstimate *estimate,
                           GError **error);

/**
 * nn_target_add_ends:
 * @full, @view: sizes of the content and of the view
 * @gradient: of the target's program
 * @result_bytes: what is made after nn_target_close()
 *
 * Comes last: raises an estimate to what there is before the network works, when the view is made of
 * the content, and after it, where either is more than what there is meanwhile. Errors as
 * nn_target_add_cost().
 */
bool nn_target_add_ends(const NnEffectRun *run, const NnTargetChoice *choice, NnSize full,
                        NnSize view, bool gradient, double result_bytes, NnEstimate *estimate,
                        GError **error);

/** nn_target_choice: what @run's arguments of these rows say. */
NnTargetChoice nn_target_choice(const NnEffectRun *run);

typedef struct NnTarget NnTarget;

/**
 * nn_target_new:
 * @network, @context: must outlive the target
 * @options: of its program
 *
 * Makes the program, which takes its time. %NN_ERROR_ARGUMENT where there is no such class or
 * layer.
 */
NnTarget *nn_target_new(const NnNetwork *network, NnContext *context, const NnTargetChoice *choice,
                        NnProgramOptions options, GError **error);
void nn_target_free(NnTarget *target);

/** nn_target_program: (transfer none) (nullable): with one target, the layer; %NULL once closed. */
NnProgram *nn_target_program(const NnTarget *target);

/** nn_target_layer: (transfer none): the file's tensor. */
const char *nn_target_layer(const NnTarget *target);

/**
 * nn_target_open:
 * @view: RGB
 *
 * Makes ready for pictures of the size of @view, and decides on it what was left open: which class,
 * which channel. Once. Errors as nn_criterion_evaluator(); %NN_ERROR_ARGUMENT where there is no such
 * class or channel or the network gives no numbers.
 */
bool nn_target_open(NnTarget *target, const NnImage *view, GError **error);

/** nn_target_open_watched: the same, which tells @progress (nullable), as if it were all there is to do,
 * how far it is. Cancel ends it with %NN_ERROR_CANCELLED; Stop does not, since nothing can be shown
 * before it is done. */
bool nn_target_open_watched(NnTarget *target, const NnImage *view, const NnProgress *progress,
                            GError **error);

/** nn_target_watch: as nn_criterion_watch(), of gradients from now on. */
void nn_target_watch(NnTarget *target, NnProceed proceed, gpointer data);

/** nn_target_close: gives back the program and all memory of nn_target_open(); no more gradients then.
 * What has been decided, its loss and the ranking stay. */
void nn_target_close(NnTarget *target);

/** nn_target_loss: (transfer none): the number, as a loss on the layer; after nn_target_open(). */
NnLoss *nn_target_loss(const NnTarget *target);

/** nn_target_ranking: (transfer none) (nullable): of a class: what the network takes the picture of
 * nn_target_open() for. */
const NnRanking *nn_target_ranking(const NnTarget *target);

/** nn_target_check_scores: whether all scores of @ranking are finite; else %NN_ERROR_ARGUMENT. */
bool nn_target_check_scores(const NnNetwork *network, const NnRanking *ranking, GError **error);

/** nn_target_gradient: as nn_criterion_evaluate(); the program must have a gradient. */
bool nn_target_gradient(NnTarget *target, const NnImage *picture, NnImage *gradient, double *value,
                        GError **error);

/** nn_target_describe: (transfer full): for people: "golden retriever (97.3 %)", "relu4_1:12". */
char *nn_target_describe(const NnTarget *target);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnTarget, nn_target_free)
