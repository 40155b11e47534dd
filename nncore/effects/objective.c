/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers, weights and losses; the guide's features. */
#include "nncore/effects/objective.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/effects/criterion.h"
#include "nncore/image/fill.h"
#include "nncore/image/resample.h"
#include "nncore/plan/workspace.h"

#define GUIDE_PX 256 /* longest side at which the guide is seen: its vectors are all compared */

struct NnObjective {
  const NnNetwork *network;
  NnContext *context;
  NnObjectiveKind kind;
  int64_t channel; /* or class; -1: the strongest */
  GArray *layers;  /* NnLayer; each is a term of the criterion */
  NnCriterion *criterion;
  bool decided; /* which channel of each layer it is */
};

void
nn_objective_free(NnObjective *objective)
{
  if (objective == NULL)
    return;
  nn_criterion_free(objective->criterion);
  g_clear_pointer(&objective->layers, g_array_unref);
  g_free(objective);
}

static void
clear_layer(gpointer data)
{
  g_free(((NnLayer *)data)->name);
}

/* the one layer with the scores, and which of them */
static bool
choose_class(NnObjective *objective, const char *class_text, GError **error)
{
  const char *scores = nn_network_class_target(objective->network, error);
  if (scores == NULL)
    return false;
  objective->layers = g_array_new(FALSE, FALSE, sizeof(NnLayer));
  g_array_set_clear_func(objective->layers, clear_layer);
  NnLayer layer = {g_strdup(scores), 1};
  g_array_append_val(objective->layers, layer);
  g_autofree char *text = g_strstrip(g_strdup(class_text));
  objective->channel = -1;
  if (text[0] != '\0')
    objective->channel = nn_network_find_class(objective->network, text, error);
  return text[0] == '\0' || objective->channel >= 0;
}

static NnLoss *
make_loss(const NnObjective *objective)
{
  switch (objective->kind) {
  case NN_OBJECTIVE_L2:
  case NN_OBJECTIVE_GUIDE: /* until there is one */
    return nn_loss_l2();
  case NN_OBJECTIVE_MEAN:
    return nn_loss_mean();
  case NN_OBJECTIVE_CLASS:
  case NN_OBJECTIVE_CHANNEL:
    return nn_loss_channel(MAX(objective->channel, 0));
  }
  return NULL;
}

static bool
make_criterion(NnObjective *objective, NnHead head, GError **error)
{
  NnProgramOptions options = {.gradient = true, .head = head};
  guint n = objective->layers->len;
  g_autofree const char **layers = g_new0(const char *, n);
  for (guint i = 0; i < n; i++)
    layers[i] = g_array_index(objective->layers, NnLayer, i).name;
  objective->criterion =
      nn_criterion_new(objective->network, objective->context, layers, (int)n, options, error);
  if (objective->criterion == NULL)
    return false;
  for (guint i = 0; i < n; i++)
    nn_criterion_add(objective->criterion, (int)i, make_loss(objective),
                     g_array_index(objective->layers, NnLayer, i).weight);
  nn_criterion_normalise(objective->criterion, n > 1);
  return true;
}

NnObjective *
nn_objective_new(const NnNetwork *network, NnContext *context, NnObjectiveKind kind,
                 const char *layers, const char *use, int64_t channel, const char *class_text,
                 NnHead head, GError **error)
{
  g_autoptr(NnObjective) objective = g_new0(NnObjective, 1);
  *objective = (NnObjective){network, context, kind, channel, NULL, NULL, false};
  if (kind == NN_OBJECTIVE_CLASS) {
    if (!choose_class(objective, class_text, error))
      return NULL;
  } else {
    objective->layers = nn_network_parse_layers(network, layers, use, error);
    if (objective->layers == NULL)
      return NULL;
  }
  bool chooses = kind == NN_OBJECTIVE_CLASS || kind == NN_OBJECTIVE_CHANNEL;
  objective->decided = !chooses || objective->channel >= 0;
  return make_criterion(objective, head, error) ? g_steal_pointer(&objective) : NULL;
}

static bool
check_target(const NnObjective *objective, const NnPlan *plan, int target, GError **error)
{
  const char *name = g_array_index(objective->layers, NnLayer, target).name;
  NnShape shape = nn_plan_target_shape(plan, target);
  if (nn_shape_count(&shape) == 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_SHAPE, _("Nothing is left of the picture at layer %s."),
                name);
    return false;
  }
  if (objective->kind != NN_OBJECTIVE_CHANNEL && objective->kind != NN_OBJECTIVE_CLASS)
    return true;
  return nn_check_channel(name, &shape, objective->channel, error);
}

const char *
nn_objective_head_note(const NnObjective *objective)
{
  return nn_program_head_note(nn_criterion_program(objective->criterion));
}

/* (transfer full) */
static NnPlan *
make_plan(const NnObjective *objective, int width, int height, GError **error)
{
  g_autoptr(NnPlan) plan = nn_criterion_plan(objective->criterion, width, height, error);
  for (guint i = 0; plan != NULL && i < objective->layers->len; i++)
    if (!check_target(objective, plan, (int)i, error))
      return NULL;
  return g_steal_pointer(&plan);
}

bool
nn_objective_check_size(NnObjective *objective, int width, int height, GError **error)
{
  g_autoptr(NnPlan) plan = make_plan(objective, width, height, error);
  return plan != NULL;
}

NnEvaluator *
nn_objective_evaluator(NnObjective *objective, int width, int height, GError **error)
{
  if (!nn_objective_check_size(objective, width, height, error))
    return NULL;
  return nn_criterion_evaluator(objective->criterion, width, height, error);
}

void
nn_objective_watch(NnObjective *objective, NnProceed proceed, gpointer data)
{
  nn_criterion_watch(objective->criterion, proceed, data);
}

/* (transfer full): the guide as the network is to see it: no holes, not too large, and of a size
 * that the network takes (stretched a little to it: a guide's proportions hardly matter) */
static NnImage *
fit_guide(NnObjective *objective, const NnImage *guide, GError **error)
{
  g_autoptr(NnImage) filled = NULL;
  if (guide->channels == 4) {
    filled = nn_image_fill(guide, error);
    if (filled == NULL)
      return NULL;
    guide = filled;
  }
  const NnInputSpec *spec = &objective->network->input;
  double scale = MIN(1.0, (double)GUIDE_PX / MAX(guide->width, guide->height));
  int width = nn_input_size(spec, MAX(1, (int)lround(guide->width * scale)));
  int height = nn_input_size(spec, MAX(1, (int)lround(guide->height * scale)));
  return nn_resample_new(objective->context, guide, width, height, error);
}

bool
nn_objective_set_guide(NnObjective *objective, const NnImage *guide, GError **error)
{
  g_return_val_if_fail(objective->kind == NN_OBJECTIVE_GUIDE, false);
  g_autoptr(NnImage) fitted = fit_guide(objective, guide, error);
  g_autoptr(NnPlan) plan = NULL;
  if (fitted != NULL)
    plan = make_plan(objective, fitted->width, fitted->height, error);
  g_autoptr(NnWorkspace) workspace = NULL;
  if (plan != NULL)
    workspace = nn_workspace_new(plan, objective->context, error);
  if (workspace == NULL) {
    g_prefix_error(error, "%s ", _("The guide picture cannot be used."));
    return false;
  }
  nn_preprocess(fitted, &objective->network->input, nn_workspace_input(workspace, 0));
  nn_workspace_forward(workspace);
  for (guint i = 0; i < objective->layers->len; i++) {
    NnLoss *loss = nn_loss_guide(objective->context, nn_workspace_target(workspace, (int)i), error);
    if (loss == NULL)
      return false;
    nn_criterion_set_loss(objective->criterion, (int)i, loss);
  }
  return true;
}

/* puts a loss in each term that finds out its strongest channel */
static bool
probe_channels(NnObjective *objective, const NnEvaluator *evaluator, GError **error)
{
  for (guint i = 0; i < objective->layers->len; i++) {
    NnShape shape = nn_evaluator_target_shape(evaluator, (int)i);
    NnLoss *probe = nn_loss_strongest(shape.dim[1], error);
    if (probe == NULL)
      return false;
    nn_criterion_set_loss(objective->criterion, (int)i, probe);
  }
  return true;
}

/* which channel of each layer, or which class, it is */
static bool
decide(NnObjective *objective, NnEvaluator *evaluator, const NnImage *picture, GError **error)
{
  if (!probe_channels(objective, evaluator, error) ||
      !nn_criterion_observe(objective->criterion, evaluator, picture, error))
    return false;
  for (guint i = 0; i < objective->layers->len; i++) {
    const NnLoss *probe = nn_criterion_loss(objective->criterion, (int)i);
    int64_t channel = nn_loss_strongest_channel(probe);
    if (objective->kind == NN_OBJECTIVE_CLASS)
      objective->channel = channel;
    nn_criterion_set_loss(objective->criterion, (int)i, nn_loss_channel(channel));
  }
  objective->decided = true;
  return true;
}

bool
nn_objective_evaluate(NnObjective *objective, NnEvaluator *evaluator, const NnImage *picture,
                      int dx, int dy, NnImage *gradient, double *value, GError **error)
{
  return (objective->decided || decide(objective, evaluator, picture, error)) &&
         nn_criterion_evaluate(objective->criterion, evaluator, picture, dx, dy, gradient, value,
                               error);
}

char *
nn_objective_describe(const NnObjective *objective)
{
  if (objective->kind == NN_OBJECTIVE_CLASS) {
    if (objective->channel < 0)
      /* Translators: of a network, which has not yet said which one it is; within a sentence */
      return g_strdup(_("the likeliest class"));
    if (objective->network->labels != NULL &&
        objective->channel < g_strv_length(objective->network->labels))
      return g_strdup(objective->network->labels[objective->channel]);
    return g_strdup_printf(_("class %d"), (int)objective->channel);
  }
  GString *names = g_string_new(NULL);
  for (guint i = 0; i < objective->layers->len; i++) {
    const char *tensor = g_array_index(objective->layers, NnLayer, i).name;
    g_string_append_printf(names, "%s%s", i == 0 ? "" : ", ",
                           nn_network_layer_name(objective->network, tensor));
  }
  if (objective->kind == NN_OBJECTIVE_CHANNEL && objective->channel >= 0)
    g_string_append_printf(names, ":%d", (int)objective->channel);
  return g_string_free(names, FALSE);
}
