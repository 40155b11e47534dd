/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A criterion whose first losses find out what was left open; then it is of one term. */
#include "nncore/effects/target.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/analysis/footprint.h"
#include "nncore/base/error.h"
#include "nncore/effects/view.h"

/* terms of the criterion while it finds out: all channels' means, and (of a neuron) its place */
enum { MEANS, PLACE };

struct NnTarget {
  const NnNetwork *network;
  NnTargetChoice choice; /* its texts are the next two */
  char *class_text, *layer;
  NnCriterion *criterion; /* NULL: closed */
  NnEvaluator *evaluator;
  NnRanking *ranking;
  NnLoss *loss; /* once decided: like the criterion's, which goes with it */
};

const NnChoice nn_target_choices[] = {
    {"class", N_("A class")},
    {"channel", N_("A channel")},
    {"neuron", N_("A neuron")},
    {NULL, NULL},
};

bool
nn_target_add_cost_at(const NnEffectRun *run, const NnTargetChoice *choice, int working_px,
                      int *width, int *height, NnPasses passes, NnEstimate *estimate,
                      GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  g_autofree char *layer = nn_target_find_layer(network, choice->kind, choice->layer, error);
  if (layer == NULL)
    return false;
  const char *layers[] = {layer, NULL};
  nn_view_size(network, working_px, width, height);
  passes.network = network;
  passes.layers = layers;
  passes.width = *width;
  passes.height = *height;
  return nn_cost_add_passes(estimate, run->context, &passes, error);
}

bool
nn_target_add_cost(const NnEffectRun *run, const NnTargetChoice *choice, int *width, int *height,
                   NnPasses passes, NnEstimate *estimate, GError **error)
{
  int working_px = (int)nn_effect_argument(run, "working-size")->i;
  return nn_target_add_cost_at(run, choice, working_px, width, height, passes, estimate, error);
}

/* the content without holes, and the view that is made of it, resampled along one axis first */
static double
view_bytes(NnSize full, NnSize view)
{
  double samples = 3.0 * full.width * full.height;
  if (view.width != full.width || view.height != full.height)
    samples += 3.0 * view.width * ((double)view.height + full.height);
  return samples * (double)sizeof(float);
}

bool
nn_target_add_ends(const NnEffectRun *run, const NnTargetChoice *choice, NnSize full, NnSize view,
                   bool gradient, double result_bytes, NnEstimate *estimate, GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  g_autofree char *layer = nn_target_find_layer(network, choice->kind, choice->layer, error);
  if (layer == NULL)
    return false;
  NnShape shape = NN_SHAPE(1, 3, nn_input_size(&network->input, view.height),
                           nn_input_size(&network->input, view.width));
  g_autoptr(NnInventory) inventory = nn_inventory_of_picture(network->model, &shape, error);
  if (inventory == NULL)
    return false;
  double left = (double)nn_context_memory_left(run->context), weights = 0;
  NnValueId value = nn_graph_find(inventory->graph, layer);
  if (value != NN_NO_VALUE &&
      !nn_footprint_weights(inventory, value, gradient, left, &weights, error))
    return false;
  double pictures = view_bytes(full, view);
  nn_cost_raise(estimate, weights + pictures);
  nn_cost_raise(estimate, result_bytes);
  /* so that the budget bounds these times, too */
  estimate->held_bytes = MAX(estimate->held_bytes, MAX(pictures, result_bytes));
  return true;
}

NnTargetChoice
nn_target_choice(const NnEffectRun *run)
{
  return (NnTargetChoice){
      .kind = (NnTargetKind)nn_effect_argument(run, "target")->i,
      .class_text = nn_effect_argument(run, "class")->text,
      .layer = nn_effect_argument(run, "layer")->text,
      .channel = nn_effect_argument(run, "channel")->i,
      .x = nn_effect_argument(run, "neuron-x")->d / 100,
      .y = nn_effect_argument(run, "neuron-y")->d / 100,
  };
}

void
nn_target_free(NnTarget *target)
{
  if (target == NULL)
    return;
  nn_target_close(target);
  nn_ranking_free(target->ranking);
  nn_loss_free(target->loss);
  g_free(target->class_text);
  g_free(target->layer);
  g_free(target);
}

char *
nn_target_find_layer(const NnNetwork *network, NnTargetKind kind, const char *layer, GError **error)
{
  if (kind == NN_TARGET_CLASS)
    return g_strdup(nn_network_class_target(network, error));
  g_autoptr(GArray) layers = nn_network_parse_layers(network, layer, "dream", error);
  return layers != NULL ? g_strdup(g_array_index(layers, NnLayer, 0).name) : NULL;
}

static bool
find_class(NnTarget *target, GError **error)
{
  target->choice.channel = -1;
  if (target->class_text[0] == '\0')
    return true;
  target->choice.channel = nn_network_find_class(target->network, target->class_text, error);
  return target->choice.channel >= 0;
}

static NnLoss *
make_neuron(const NnTarget *target, const NnShape *shape)
{
  double height = shape->rank > 2 ? (double)shape->dim[2] : 1;
  double width = shape->rank > 3 ? (double)shape->dim[3] : 1;
  int64_t y = (int64_t)MIN(floor(target->choice.y * height), height - 1);
  int64_t x = (int64_t)MIN(floor(target->choice.x * width), width - 1);
  return nn_loss_neuron(target->choice.channel, y, x);
}

/* what finds out what is left open, in place of the criterion's losses */
static bool
set_probes(NnTarget *target, const NnShape *shape, GError **error)
{
  NnLoss *means = nn_loss_strongest(shape->dim[1], error);
  if (means == NULL)
    return false;
  nn_criterion_clear(target->criterion);
  nn_criterion_add(target->criterion, 0, means, 1);
  if (target->choice.kind == NN_TARGET_NEURON)
    nn_criterion_add(target->criterion, 0, make_neuron(target, shape), 1);
  return true;
}

/* (transfer full): once nothing is left open */
static NnLoss *
make_loss(const NnTarget *target, const NnShape *shape)
{
  return target->choice.kind == NN_TARGET_NEURON ? make_neuron(target, shape)
                                                 : nn_loss_channel(target->choice.channel);
}

NnTarget *
nn_target_new(const NnNetwork *network, NnContext *context, const NnTargetChoice *choice,
              NnProgramOptions options, GError **error)
{
  g_autoptr(NnTarget) target = g_new0(NnTarget, 1);
  target->network = network;
  target->choice = *choice;
  target->class_text = g_strstrip(g_strdup(choice->class_text));
  target->layer = nn_target_find_layer(network, choice->kind, choice->layer, error);
  if (target->layer == NULL || (choice->kind == NN_TARGET_CLASS && !find_class(target, error)))
    return NULL;
  target->choice.class_text = target->class_text;
  target->choice.layer = target->layer;
  const char *layers[] = {target->layer};
  target->criterion = nn_criterion_new(network, context, layers, 1, options, error);
  if (target->criterion == NULL)
    return NULL;
  nn_criterion_add(target->criterion, 0, nn_loss_mean(), 1);
  return g_steal_pointer(&target);
}

NnProgram *
nn_target_program(const NnTarget *target)
{
  return target->criterion != NULL ? nn_criterion_program(target->criterion) : NULL;
}

const char *
nn_target_layer(const NnTarget *target)
{
  return target->layer;
}

bool
nn_target_check_scores(const NnNetwork *network, const NnRanking *ranking, GError **error)
{
  for (int i = 0; i < ranking->count; i++)
    if (!isfinite(ranking->ranks[i].score)) {
      nn_network_set_not_finite(network, error);
      return false;
    }
  return true;
}

/* of a class, all scores count */
static bool
rank(NnTarget *target, const NnLoss *means, GError **error)
{
  target->ranking = nn_ranking_new(means, error);
  return target->ranking != NULL && nn_target_check_scores(target->network, target->ranking, error);
}

/* from what the probes have seen: the class or channel, and whether there are numbers to explain: of a
 * neuron, all of its channel, since what makes others none is not far from it */
static bool
decide(NnTarget *target, GError **error)
{
  NnTargetChoice *choice = &target->choice;
  const NnLoss *means = nn_criterion_loss(target->criterion, MEANS);
  if (choice->kind == NN_TARGET_CLASS && !rank(target, means, error))
    return false;
  if (choice->kind == NN_TARGET_NEURON)
    choice->channel = nn_loss_neuron_channel(nn_criterion_loss(target->criterion, PLACE));
  else if (choice->channel < 0)
    choice->channel = nn_loss_strongest_channel(means);
  if (!isfinite(nn_loss_strongest_mean(means, choice->channel))) {
    nn_network_set_not_finite(target->network, error);
    return false;
  }
  if (choice->kind == NN_TARGET_NEURON)
    return true;
  g_free(target->class_text);
  choice->class_text = target->class_text = g_strdup_printf("%d", (int)choice->channel);
  return true;
}

bool
nn_target_open(NnTarget *target, const NnImage *view, GError **error)
{
  g_return_val_if_fail(target->evaluator == NULL && target->criterion != NULL, false);
  target->evaluator = nn_criterion_evaluator(target->criterion, view->width, view->height, error);
  if (target->evaluator == NULL)
    return false;
  NnShape shape = nn_evaluator_target_shape(target->evaluator, 0);
  if (!nn_check_channel(target->layer, &shape, target->choice.channel, error) ||
      !set_probes(target, &shape, error) ||
      !nn_criterion_observe(target->criterion, target->evaluator, view, error) ||
      !decide(target, error))
    return false;
  nn_criterion_clear(target->criterion);
  nn_criterion_add(target->criterion, 0, make_loss(target, &shape), 1);
  target->loss = make_loss(target, &shape);
  return true;
}

/* NnProceed: @data: an NnProgress */
static bool
report_look(gpointer data, double fraction)
{
  NnReport report = {.fraction = fraction};
  return nn_progress_report(data, &report) != NN_CANCEL;
}

bool
nn_target_open_watched(NnTarget *target, const NnImage *view, const NnProgress *progress,
                       GError **error)
{
  nn_target_watch(target, report_look, (gpointer)progress);
  bool opened = nn_target_open(target, view, error);
  nn_target_watch(target, NULL, NULL);
  return opened;
}

void
nn_target_watch(NnTarget *target, NnProceed proceed, gpointer data)
{
  g_return_if_fail(target->criterion != NULL);
  nn_criterion_watch(target->criterion, proceed, data);
}

void
nn_target_close(NnTarget *target)
{
  g_clear_pointer(&target->evaluator, nn_evaluator_free);
  g_clear_pointer(&target->criterion, nn_criterion_free);
}

NnLoss *
nn_target_loss(const NnTarget *target)
{
  return target->loss;
}

const NnRanking *
nn_target_ranking(const NnTarget *target)
{
  return target->ranking;
}

bool
nn_target_gradient(NnTarget *target, const NnImage *picture, NnImage *gradient, double *value,
                   GError **error)
{
  g_return_val_if_fail(target->evaluator != NULL, false);
  return nn_criterion_evaluate(target->criterion, target->evaluator, picture, 0, 0, gradient, value,
                               error);
}

char *
nn_target_describe(const NnTarget *target)
{
  int channel = (int)target->choice.channel;
  if (target->choice.kind == NN_TARGET_CLASS)
    return nn_rank_describe(nn_ranking_find(target->ranking, channel), target->network);
  return g_strdup_printf("%s:%d", nn_network_layer_name(target->network, target->layer), channel);
}
