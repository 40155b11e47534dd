/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A criterion of one term, whose loss is first one that finds out what was left open. */
#include "nncore/effects/target.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/effects/view.h"

struct NnTarget {
  const NnNetwork *network;
  NnTargetChoice choice; /* its texts are the next two */
  char *class_text, *layer;
  NnCriterion *criterion;
  NnEvaluator *evaluator;
  NnRanking *ranking;
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
  nn_evaluator_free(target->evaluator);
  nn_criterion_free(target->criterion);
  nn_ranking_free(target->ranking);
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

/* what finds out what is left open; NULL where memory is short */
static NnLoss *
make_probe(const NnTarget *target, const NnShape *shape, GError **error)
{
  if (target->choice.kind != NN_TARGET_NEURON)
    return nn_loss_strongest(shape->dim[1], error);
  double height = shape->rank > 2 ? (double)shape->dim[2] : 1;
  double width = shape->rank > 3 ? (double)shape->dim[3] : 1;
  int64_t y = (int64_t)MIN(floor(target->choice.y * height), height - 1);
  int64_t x = (int64_t)MIN(floor(target->choice.x * width), width - 1);
  return nn_loss_neuron(target->choice.channel, y, x);
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
  return nn_criterion_program(target->criterion);
}

const char *
nn_target_layer(const NnTarget *target)
{
  return target->layer;
}

static bool
check_scores(const NnTarget *target, GError **error)
{
  const NnRanking *ranking = target->ranking;
  for (int i = 0; i < ranking->count; i++)
    if (!isfinite(ranking->ranks[i].score)) {
      g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                  _("The network %s gives values that are no numbers. Its file may be damaged, or "
                    "its input range set wrongly; choose another network."),
                  target->network->name);
      return false;
    }
  return true;
}

/* from what the probe has seen: the class or channel, and its loss */
static bool
decide(NnTarget *target, GError **error)
{
  const NnLoss *probe = nn_criterion_loss(target->criterion, 0);
  if (target->choice.kind == NN_TARGET_NEURON) {
    target->choice.channel = nn_loss_neuron_channel(probe);
    return true;
  }
  if (target->choice.kind == NN_TARGET_CLASS) {
    target->ranking = nn_ranking_new(probe, error);
    if (target->ranking == NULL || !check_scores(target, error))
      return false;
  }
  if (target->choice.channel < 0)
    target->choice.channel = nn_loss_strongest_channel(probe);
  g_free(target->class_text);
  target->choice.class_text = target->class_text =
      g_strdup_printf("%d", (int)target->choice.channel);
  return true;
}

bool
nn_target_open(NnTarget *target, const NnImage *view, GError **error)
{
  g_return_val_if_fail(target->evaluator == NULL, false);
  target->evaluator = nn_criterion_evaluator(target->criterion, view->width, view->height, error);
  if (target->evaluator == NULL)
    return false;
  NnShape shape = nn_evaluator_target_shape(target->evaluator, 0);
  bool fits = nn_check_channel(target->layer, &shape, target->choice.channel, error);
  NnLoss *probe = fits ? make_probe(target, &shape, error) : NULL;
  if (probe == NULL)
    return false;
  nn_criterion_set_loss(target->criterion, 0, probe);
  if (!nn_criterion_observe(target->criterion, target->evaluator, view, error) ||
      !decide(target, error))
    return false;
  NnLoss *loss = target->choice.kind == NN_TARGET_NEURON ? make_probe(target, &shape, error)
                                                         : nn_loss_channel(target->choice.channel);
  nn_criterion_set_loss(target->criterion, 0, loss);
  return true;
}

void
nn_target_close(NnTarget *target)
{
  g_clear_pointer(&target->evaluator, nn_evaluator_free);
}

NnTargetChoice
nn_target_decided(const NnTarget *target)
{
  return target->choice;
}

NnLoss *
nn_target_loss(const NnTarget *target)
{
  return nn_criterion_loss(target->criterion, 0);
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
