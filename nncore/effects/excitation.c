/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A criterion of one or two terms on a warped picture, and the way back from it. Layer 0 of the
 * program is what is excited; the similarity is taken on layer 1, or on it, too. */
#include "nncore/effects/excitation.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/analysis/inventory.h"
#include "nncore/base/error.h"
#include "nncore/effects/grad-cam.h"
#include "nncore/effects/view.h"
#include "nncore/image/colour-statistics.h"
#include "nncore/image/regularise.h"
#include "nncore/image/spectrum.h"
#include "nncore/loss/similarity.h"
#include "nncore/loss/smoothness.h"
#include "nncore/optim/ascent.h"
#include "nncore/plan/plan.h"

#define SMALLEST_PX 128
#define LARGEST_PX 224
#define FIELDS 1.2 /* receptive fields that a picture is wide, where that is left to us */
#define LEAK 0.1f  /* slope below 0 of what goes into a Relu */
#define NOISE 0.05 /* deviation of the start: of values of 0..1, or of frequencies in photos */
#define SLOPE 4    /* of what goes into the sigmoid, which then has the slope 1 in its middle */
#define PIXEL_VARIATION \
  0.1 /* factor on total variation where pixels climb, in which it bites more */
#define GRAIN 16384

enum { EXCITED, ALIKE }; /* layers of the program, terms of the criterion */

struct NnExcitation {
  const NnNetwork *network;
  NnContext *context;
  const NnExcitationSettings *settings;
  char *layer;    /* the file's tensor that people chose, or the scores */
  char *excited;  /* that the program excites in its place */
  char *alike;    /* (nullable): where pictures are compared; may be @excited */
  bool rectified; /* @excited goes into a Relu that makes @layer */
  int size_px;
  NnShape shape; /* of @excited */
  NnCriterion *criterion;
  NnEvaluator *evaluator;
  NnSpectrum *spectrum; /* (nullable): of frequencies */
  NnImage *picture, *picture_gradient, *view, *view_gradient;
};

void
nn_excitation_free(NnExcitation *excitation)
{
  if (excitation == NULL)
    return;
  nn_evaluator_free(excitation->evaluator);
  nn_criterion_free(excitation->criterion);
  nn_spectrum_free(excitation->spectrum);
  nn_image_free(excitation->picture);
  nn_image_free(excitation->picture_gradient);
  nn_image_free(excitation->view);
  nn_image_free(excitation->view_gradient);
  g_free(excitation->layer);
  g_free(excitation->excited);
  g_free(excitation->alike);
  g_free(excitation);
}

/* ---- layers ---- */

/* what goes into the Relu that makes the layer, or the layer itself */
static void
find_excited(NnExcitation *excitation)
{
  const NnGraph *graph = nn_model_graph(excitation->network->model);
  NnValueId value = nn_graph_find(graph, excitation->layer);
  int producer = value != NN_NO_VALUE ? graph->values[value].producer : -1;
  const NnNode *node = producer >= 0 ? &graph->nodes[producer] : NULL;
  const char *before = "";
  if (node != NULL && strcmp(node->op->onnx_name, "Relu") == 0)
    before = graph->values[node->inputs[0]].name;
  excitation->rectified = before[0] != '\0';
  excitation->excited = g_strdup(excitation->rectified ? before : excitation->layer);
}

static int
choose_size(const NnExcitation *excitation, const NnInventory *inventory)
{
  if (excitation->settings->size_px > 0)
    return excitation->settings->size_px;
  double wanted = nn_network_own_px(excitation->network);
  NnValueId value = nn_graph_find(inventory->graph, excitation->layer);
  const NnReceptiveField *field = &inventory->fields[value];
  if (excitation->settings->kind != NN_TARGET_CLASS && !field->none && !field->reach.everywhere)
    wanted = FIELDS * (double)nn_receptive_field_size(field, 0);
  return (int)CLAMP(16 * ceil(wanted / 16), SMALLEST_PX, LARGEST_PX);
}

/* size and place of comparison */
static bool
look_around(NnExcitation *excitation, GError **error)
{
  const NnExcitationSettings *settings = excitation->settings;
  NnShape shape = NN_SHAPE(1, 3, LARGEST_PX, LARGEST_PX);
  g_autoptr(NnInventory) inventory =
      nn_inventory_of_picture(excitation->network->model, &shape, error);
  if (inventory == NULL)
    return false;
  excitation->size_px = choose_size(excitation, inventory);
  if (settings->variants < 2 || settings->diversity <= 0)
    return true;
  if (settings->kind != NN_TARGET_CLASS) {
    excitation->alike = g_strdup(excitation->layer);
    return true;
  }
  g_autoptr(GError) failure = NULL;
  excitation->alike = nn_last_map(inventory, excitation->layer, &failure);
  if (excitation->alike != NULL || g_error_matches(failure, NN_ERROR, NN_ERROR_ARGUMENT))
    return true; /* without maps, the pictures differ by chance only */
  g_propagate_error(error, g_steal_pointer(&failure));
  return false;
}

/* ---- making ---- */

/* also checks the shape of what is excited; @channels: (out): of where pictures are compared */
static bool
find_shapes(NnExcitation *excitation, int64_t *channels, GError **error)
{
  int side = excitation->size_px;
  NnProgram *program = nn_criterion_program(excitation->criterion);
  g_autoptr(NnPlan) plan = nn_criterion_plan(excitation->criterion, side, side, error);
  if (plan == NULL)
    return false;
  excitation->shape = nn_plan_target_shape(plan, EXCITED);
  NnShape alike = nn_plan_target_shape(plan, nn_program_n_targets(program) - 1);
  *channels = alike.dim[1];
  return nn_check_channel(excitation->layer, &excitation->shape, 0, error) &&
         nn_check_channel(excitation->layer, &alike, 0, error);
}

static NnLoss *
make_loss(const NnExcitation *excitation, int channel)
{
  const NnShape *shape = &excitation->shape;
  if (excitation->settings->kind == NN_TARGET_NEURON)
    return nn_loss_neuron(channel, shape->rank > 2 ? shape->dim[2] / 2 : 0,
                          shape->rank > 3 ? shape->dim[3] / 2 : 0);
  bool squared = excitation->settings->kind == NN_TARGET_CHANNEL && excitation->settings->squared;
  return nn_loss_excitement(channel, squared, excitation->rectified ? LEAK : 1);
}

static bool
make_criterion(NnExcitation *excitation, GError **error)
{
  const char *layers[] = {excitation->excited, excitation->alike};
  bool compares = excitation->alike != NULL;
  bool elsewhere = compares && strcmp(excitation->alike, excitation->excited) != 0;
  excitation->criterion =
      nn_criterion_new(excitation->network, excitation->context, layers, elsewhere ? 2 : 1,
                       (NnProgramOptions){.gradient = true}, error);
  int64_t channels;
  if (excitation->criterion == NULL || !find_shapes(excitation, &channels, error))
    return false;
  nn_criterion_add(excitation->criterion, EXCITED, make_loss(excitation, 0), 1);
  if (compares) {
    NnLoss *loss =
        nn_loss_similarity(excitation->context, channels, excitation->settings->variants, error);
    if (loss == NULL)
      return false;
    nn_criterion_add(excitation->criterion, elsewhere ? ALIKE : EXCITED, loss, 0);
  }
  excitation->evaluator = nn_criterion_evaluator(excitation->criterion, excitation->size_px,
                                                 excitation->size_px, error);
  return excitation->evaluator != NULL;
}

static bool
make_images(NnExcitation *excitation, GError **error)
{
  NnImage **images[] = {&excitation->picture, &excitation->picture_gradient, &excitation->view,
                        &excitation->view_gradient};
  int side = excitation->size_px;
  for (size_t i = 0; i < G_N_ELEMENTS(images); i++) {
    *images[i] = nn_image_new(side, side, 3, error);
    if (*images[i] == NULL)
      return false;
  }
  if (!excitation->settings->frequencies)
    return true;
  excitation->spectrum = nn_spectrum_new(excitation->context, side, side, error);
  return excitation->spectrum != NULL;
}

NnExcitation *
nn_excitation_new(const NnNetwork *network, NnContext *context,
                  const NnExcitationSettings *settings, GError **error)
{
  g_autoptr(NnExcitation) excitation = g_new0(NnExcitation, 1);
  excitation->network = network;
  excitation->context = context;
  excitation->settings = settings;
  excitation->layer = nn_target_find_layer(network, settings->kind, settings->layer, error);
  if (excitation->layer == NULL || !look_around(excitation, error))
    return NULL;
  find_excited(excitation);
  if (!make_criterion(excitation, error) || !make_images(excitation, error))
    return NULL;
  return g_steal_pointer(&excitation);
}

bool
nn_excitation_foresee(const NnNetwork *network, const NnExcitationSettings *settings,
                      NnExcitationForesight *foresight, GError **error)
{
  NnExcitation guess = {.network = network, .settings = settings};
  g_autofree char *layer = guess.layer =
      nn_target_find_layer(network, settings->kind, settings->layer, error);
  NnShape shape = NN_SHAPE(1, 3, LARGEST_PX, LARGEST_PX);
  g_autoptr(NnInventory) inventory =
      layer != NULL ? nn_inventory_of_picture(network->model, &shape, error) : NULL;
  if (inventory == NULL)
    return false;
  const NnShape *made = nn_inventory_shape(inventory, nn_graph_find(inventory->graph, layer));
  foresight->channels = made != NULL && made->rank > 1 ? (int)made->dim[1] : G_MAXINT;
  foresight->size_px = choose_size(&guess, inventory);
  foresight->layer = g_steal_pointer(&layer);
  return true;
}

/* ---- what it is ---- */

int
nn_excitation_channels(const NnExcitation *excitation)
{
  return (int)excitation->shape.dim[1];
}

int
nn_excitation_size(const NnExcitation *excitation)
{
  return excitation->size_px;
}

char *
nn_excitation_describe(const NnExcitation *excitation, int channel)
{
  const NnNetwork *network = excitation->network;
  if (excitation->settings->kind == NN_TARGET_CLASS)
    return channel < 0 ? g_strdup_printf(_("classes of %s"), network->name)
                       : nn_network_class_name(network, channel);
  const char *layer = nn_network_layer_name(network, excitation->layer);
  return channel < 0 ? g_strdup(layer) : g_strdup_printf("%s:%d", layer, channel);
}

void
nn_excitation_choose(NnExcitation *excitation, int channel)
{
  nn_criterion_set_loss(excitation->criterion, EXCITED, make_loss(excitation, channel));
  if (excitation->alike != NULL)
    nn_loss_similarity_forget(nn_criterion_loss(excitation->criterion, ALIKE));
}

void
nn_excitation_watch(NnExcitation *excitation, NnProceed proceed, gpointer data)
{
  nn_criterion_watch(excitation->criterion, proceed, data);
}

/* ---- parameters and pictures ---- */

NnImage *
nn_excitation_start(const NnExcitation *excitation, uint64_t seed, GError **error)
{
  static const double variance = NOISE * NOISE;
  static const NnColourStatistics grey = {{NN_GREY, NN_GREY, NN_GREY},
                                          {variance, 0, 0, 0, variance, 0, 0, 0, variance}};
  int width = excitation->size_px, height = excitation->size_px;
  if (excitation->spectrum != NULL)
    nn_spectrum_size(excitation->spectrum, &width, &height);
  NnImage *start = nn_image_new(width, height, 3, error);
  if (start != NULL && excitation->spectrum != NULL)
    nn_spectrum_noise(excitation->context, seed, (float)NOISE, start);
  else if (start != NULL)
    nn_colour_noise(excitation->context, &grey, seed, start);
  return start;
}

double
nn_excitation_unit(const NnExcitation *excitation)
{
  return excitation->spectrum != NULL ? nn_spectrum_deviation() : 1;
}

double
nn_excitation_change(NnExcitation *excitation, const NnImage *change)
{
  const NnImage *picture = change;
  if (excitation->spectrum != NULL) {
    nn_spectrum_picture(excitation->spectrum, excitation->context, change, excitation->view);
    picture = excitation->view;
  }
  return nn_mean_absolute(excitation->context, picture->data, (int64_t)nn_image_samples(picture));
}

static void
squash(int64_t begin, int64_t end, int worker, gpointer data)
{
  float *x = ((NnImage *)data)->data;
  for (int64_t i = begin; i < end; i++)
    x[i] = 1 / (1 + expf(-SLOPE * x[i]));
}

/* the derivative of squash, as a function of what it gave */
static void
squash_gradient(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnExcitation *excitation = data;
  const float *p = excitation->picture->data;
  float *gradient = excitation->picture_gradient->data;
  for (int64_t i = begin; i < end; i++)
    gradient[i] *= SLOPE * p[i] * (1 - p[i]);
}

void
nn_excitation_draw(NnExcitation *excitation, const NnImage *parameters, NnImage *picture)
{
  size_t samples = nn_image_samples(picture);
  if (excitation->spectrum == NULL) {
    memcpy(picture->data, parameters->data, samples * sizeof(float));
    return;
  }
  nn_spectrum_picture(excitation->spectrum, excitation->context, parameters, picture);
  nn_parallel_for(excitation->context, (int64_t)samples, GRAIN, squash, picture);
}

/* ---- evaluation ---- */

/* A and S, and their gradient to the picture, into picture_gradient */
static bool
excite(NnExcitation *excitation, int variant, const NnWarp *warp, NnExcitementNow *now,
       GError **error)
{
  NnCriterion *criterion = excitation->criterion;
  NnContext *context = excitation->context;
  if (excitation->alike != NULL) {
    nn_loss_similarity_turn(nn_criterion_loss(criterion, ALIKE), variant);
    nn_criterion_set_weight(criterion, ALIKE,
                            -excitation->settings->diversity * fabs(now->excitement));
  }
  nn_warp_view(context, warp, excitation->picture, (float)NN_GREY, excitation->view);
  if (!nn_criterion_evaluate(criterion, excitation->evaluator, excitation->view, 0, 0,
                             excitation->view_gradient, &now->objective, error))
    return false;
  now->excitement = nn_criterion_value(criterion, EXCITED);
  now->similarity = excitation->alike != NULL ? nn_criterion_value(criterion, ALIKE) : 0;
  nn_warp_gradient(context, warp, excitation->view_gradient, excitation->picture_gradient);
  now->unit = nn_mean_absolute(context, excitation->picture_gradient->data,
                               (int64_t)nn_image_samples(excitation->picture));
  if (isfinite(now->objective) && isfinite(now->unit))
    return true;
  nn_network_set_not_finite(excitation->network, error);
  return false;
}

/* takes t TV from J, and its gradient */
static void
take_variation(NnExcitation *excitation, NnExcitementNow *now)
{
  const NnImage *picture = excitation->picture;
  NnVariation variation = {picture->width, picture->height, 3, 2, .isotropic = true};
  double weight =
      excitation->settings->variation * (excitation->spectrum != NULL ? 1 : PIXEL_VARIATION);
  double factor = -weight * now->unit * (double)nn_image_samples(picture);
  if (factor < 0)
    now->objective += factor * nn_total_variation(excitation->context, &variation, picture->data,
                                                  factor, excitation->picture_gradient->data);
}

bool
nn_excitation_evaluate(NnExcitation *excitation, int variant, const NnImage *parameters,
                       const NnWarp *warp, NnImage *gradient, float *contributions,
                       NnExcitementNow *now, GError **error)
{
  NnContext *context = excitation->context;
  NnImage *to_picture = excitation->picture_gradient;
  nn_excitation_draw(excitation, parameters, excitation->picture);
  if (!excite(excitation, variant, warp, now, error))
    return false;
  if (contributions != NULL)
    nn_pixel_contributions(context, excitation->picture, (float)NN_GREY, to_picture, contributions);
  take_variation(excitation, now);
  if (excitation->spectrum != NULL) {
    nn_parallel_for(context, (int64_t)nn_image_samples(to_picture), GRAIN, squash_gradient,
                    excitation);
    nn_spectrum_gradient(excitation->spectrum, context, to_picture, gradient);
  } else {
    memcpy(gradient->data, to_picture->data, nn_image_samples(gradient) * sizeof(float));
  }
  return true;
}
