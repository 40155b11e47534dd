/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A criterion that is never evaluated, and the evaluator of the last size. */
#include "nncore/effects/probe.h"

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/effects/view.h"
#include "nncore/image/arithmetic.h"
#include "nncore/image/resample.h"
#include "nncore/plan/plan.h"

struct NnProbe {
  const NnNetwork *network;
  NnContext *context;
  char *layer;
  NnCriterion *criterion;
  NnEvaluator *evaluator; /* (nullable) */
  int width, height;      /* of its pictures, px */
};

NnProbe *
nn_probe_new(const NnNetwork *network, NnContext *context, const char *layer, GError **error)
{
  g_autoptr(GArray) layers = nn_network_parse_layers(network, layer, "dream", error);
  if (layers == NULL)
    return NULL;
  g_autoptr(NnProbe) probe = g_new0(NnProbe, 1);
  probe->network = network;
  probe->context = context;
  probe->layer = g_strdup(g_array_index(layers, NnLayer, 0).name);
  const char *names[] = {probe->layer};
  probe->criterion =
      nn_criterion_new(network, context, names, 1, (NnProgramOptions){.gradient = false}, error);
  if (probe->criterion == NULL)
    return NULL;
  nn_criterion_add(probe->criterion, 0, nn_loss_mean(), 1);
  return g_steal_pointer(&probe);
}

void
nn_probe_free(NnProbe *probe)
{
  if (probe == NULL)
    return;
  nn_evaluator_free(probe->evaluator);
  nn_criterion_free(probe->criterion);
  g_free(probe->layer);
  g_free(probe);
}

const char *
nn_probe_layer(const NnProbe *probe)
{
  return probe->layer;
}

const char *
nn_probe_name(const NnProbe *probe)
{
  return nn_network_layer_name(probe->network, probe->layer);
}

int
nn_probe_own_px(const NnProbe *probe)
{
  return nn_network_own_px(probe->network);
}

NnInventory *
nn_probe_inventory(const NnProbe *probe, int width, int height, GError **error)
{
  return nn_inventory_of_picture(probe->network->model, &NN_SHAPE(1, 3, height, width), error);
}

void
nn_probe_watch(NnProbe *probe, NnProceed proceed, gpointer data)
{
  nn_criterion_watch(probe->criterion, proceed, data);
}

/* @refused: (out): whether the network takes no pictures like @view */
static bool
ask_size(const NnProbe *probe, const NnImage *view, bool *refused, GError **error)
{
  *refused = false;
  if (probe->evaluator != NULL && probe->width == view->width && probe->height == view->height)
    return true;
  g_autoptr(GError) failure = NULL;
  g_autoptr(NnPlan) plan = nn_criterion_plan(probe->criterion, view->width, view->height, &failure);
  *refused = g_error_matches(failure, NN_ERROR, NN_ERROR_SHAPE);
  if (plan == NULL && !*refused)
    g_propagate_error(error, g_steal_pointer(&failure));
  return plan != NULL || *refused;
}

static NnImage *
view_at(const NnProbe *probe, const NnImage *content, int working_px, GError **error)
{
  return nn_view_new(probe->network, probe->context, nn_criterion_program(probe->criterion),
                     content, working_px, error);
}

NnImage *
nn_probe_view(NnProbe *probe, const NnImage *content, int working_px, GError **error)
{
  const NnInputSpec *spec = &probe->network->input;
  bool refused = false;
  g_autoptr(NnImage) view = view_at(probe, content, working_px, error);
  if (view == NULL || (working_px > 0 && !ask_size(probe, view, &refused, error)))
    return NULL;
  if (refused) {
    nn_image_free(view);
    view = view_at(probe, content, 0, error);
  }
  if (view == NULL)
    return NULL;
  int width = nn_input_size(spec, view->width), height = nn_input_size(spec, view->height);
  if (width == view->width && height == view->height)
    return g_steal_pointer(&view);
  NnImage *fitting = nn_resample_new(probe->context, view, width, height, error);
  if (fitting != NULL)
    nn_image_clip(probe->context, fitting);
  return fitting;
}

static bool
check_layer(const NnProbe *probe, const NnShape *shape, NnDtype type, GError **error)
{
  if (type == NN_DTYPE_FLOAT && nn_shape_count(shape) > 0 &&
      (shape->rank == 2 || shape->rank == 4) && shape->dim[0] == 1)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The layer %s has no channels. Choose a convolution or an activation."),
              nn_probe_name(probe));
  return false;
}

static void
take_size(const NnShape *shape, int64_t *channels, int *height, int *width)
{
  *channels = shape->dim[1];
  *height = shape->rank == 4 ? (int)shape->dim[2] : 1;
  *width = shape->rank == 4 ? (int)shape->dim[3] : 1;
}

bool
nn_probe_foresee(const NnProbe *probe, int width, int height, int64_t *channels, int *map_height,
                 int *map_width, GError **error)
{
  g_autoptr(NnPlan) plan = nn_criterion_plan(probe->criterion, width, height, error);
  if (plan == NULL)
    return false;
  NnShape shape = nn_plan_target_shape(plan, 0);
  if (!check_layer(probe, &shape, NN_DTYPE_FLOAT, error)) /* the type is seen when it is open */
    return false;
  take_size(&shape, channels, map_height, map_width);
  return true;
}

/* of the evaluator */
static bool
check_open(const NnProbe *probe, GError **error)
{
  NnLayout layout;
  NnShape shape = nn_evaluator_target_shape(probe->evaluator, 0);
  return check_layer(probe, &shape, nn_evaluator_target_type(probe->evaluator, 0, &layout), error);
}

bool
nn_probe_open(NnProbe *probe, int width, int height, GError **error)
{
  if (probe->evaluator != NULL && probe->width == width && probe->height == height)
    return true;
  g_clear_pointer(&probe->evaluator, nn_evaluator_free);
  probe->evaluator = nn_criterion_evaluator(probe->criterion, width, height, error);
  probe->width = width;
  probe->height = height;
  if (probe->evaluator != NULL && !check_open(probe, error))
    g_clear_pointer(&probe->evaluator, nn_evaluator_free);
  return probe->evaluator != NULL;
}

void
nn_probe_size(const NnProbe *probe, int64_t *channels, int *height, int *width)
{
  NnShape shape = nn_evaluator_target_shape(probe->evaluator, 0);
  take_size(&shape, channels, height, width);
}

void
nn_probe_set_loss(NnProbe *probe, NnLoss *loss)
{
  nn_criterion_clear(probe->criterion);
  nn_probe_add_loss(probe, loss);
}

void
nn_probe_add_loss(NnProbe *probe, NnLoss *loss)
{
  nn_criterion_add(probe->criterion, 0, loss, 1);
}

bool
nn_probe_observe(NnProbe *probe, const NnImage *view, GError **error)
{
  return nn_criterion_observe(probe->criterion, probe->evaluator, view, error);
}
