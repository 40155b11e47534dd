/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Style models. Sources are put into groups: one for each region, one for all others. The terms of
 * the criterion are the style layers of each group in order, then the content layers. */
#include "nncore/effects/style.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/image/resample.h"
#include "nncore/loss/content.h"
#include "nncore/plan/plan.h"

#define MAX_SOURCES 16
#define LEAST_MASK 1e-3f /* what interpolation leaves beside an edge counts as nothing */

/* a layer of the criterion, and its part of the weight */
typedef struct {
  int target;
  double share;
} Layer;

struct NnStyleModel {
  const NnNetwork *network;
  NnContext *context;
  NnStyle kind;
  NnCriterion *criterion;
  GArray *style, *content; /* Layer */
  int style_terms, terms;  /* of the criterion as it is */
  GArray *weights;         /* double: of the terms */
  NnEdges of_pictures, of_styles;
};

typedef struct {
  const NnStyleSource *sources[MAX_SOURCES];
  int n_sources;
  const NnImage *region; /* (nullable) */
  NnImage *owned_region;
  double weight;
} Group;

/* one preparation */
typedef struct {
  NnStyleModel *model;
  Group groups[MAX_SOURCES + 1];
  int n_groups;
  const NnImage *content;
  NnSize size;  /* of the picture to be made */
  NnPlan *plan; /* for the shapes of its layers */
} Preparation;

/* (transfer full): @layers as places in @names, to which those that it lacks are added */
static GArray *
place_layers(GArray *layers, GPtrArray *names)
{
  GArray *places = g_array_new(FALSE, FALSE, sizeof(Layer));
  double sum = 0;
  for (guint i = 0; i < layers->len; i++) {
    const NnLayer *layer = &g_array_index(layers, NnLayer, i);
    guint target;
    if (!g_ptr_array_find_with_equal_func(names, layer->name, g_str_equal, &target)) {
      target = names->len;
      g_ptr_array_add(names, g_strdup(layer->name));
    }
    Layer place = {(int)target, layer->weight};
    g_array_append_val(places, place);
    sum += fabs(layer->weight);
  }
  for (guint i = 0; i < places->len; i++)
    g_array_index(places, Layer, i).share /= sum;
  return places;
}

/* (transfer full) */
static GArray *
parse_layers(const NnNetwork *network, const char *text, const char *use, GPtrArray *names,
             GError **error)
{
  g_autoptr(GArray) layers = nn_network_parse_layers(network, text, use, error);
  if (layers == NULL)
    return NULL;
  return place_layers(layers, names);
}

NnStyleModel *
nn_style_model_new(const NnNetwork *network, NnContext *context, NnStyle kind,
                   const char *style_layers, const char *content_layers, NnProgramOptions options,
                   GError **error)
{
  g_autoptr(NnStyleModel) model = g_new0(NnStyleModel, 1);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  model->network = network;
  model->context = context;
  model->kind = kind;
  model->weights = g_array_new(FALSE, FALSE, sizeof(double));
  model->style = parse_layers(network, style_layers, "style", names, error);
  if (model->style == NULL)
    return NULL;
  if (content_layers != NULL) {
    model->content = parse_layers(network, content_layers, "content", names, error);
    if (model->content == NULL)
      return NULL;
  }
  model->criterion = nn_criterion_new(network, context, (const char *const *)names->pdata,
                                      (int)names->len, options, error);
  return model->criterion != NULL ? g_steal_pointer(&model) : NULL;
}

void
nn_style_model_free(NnStyleModel *model)
{
  if (model == NULL)
    return;
  nn_criterion_free(model->criterion);
  g_clear_pointer(&model->style, g_array_unref);
  g_clear_pointer(&model->content, g_array_unref);
  g_array_unref(model->weights);
  g_free(model);
}

NnCriterion *
nn_style_model_criterion(const NnStyleModel *model)
{
  return model->criterion;
}

bool
nn_style_model_set_edges(NnStyleModel *model, NnEdges of_pictures, NnEdges of_styles,
                         GError **error)
{
  if (!nn_criterion_set_edges(model->criterion, of_styles, error) ||
      !nn_criterion_set_edges(model->criterion, of_pictures, error))
    return false;
  model->of_pictures = of_pictures;
  model->of_styles = of_styles;
  return true;
}

/* ---- masks and regions ---- */

static double
mean_of(const NnImage *mask)
{
  double sum = 0;
  size_t count = nn_image_samples(mask);
  for (size_t i = 0; i < count; i++)
    sum += (double)CLAMP(mask->data[i], 0, 1);
  return sum / (double)count;
}

/* (transfer full): as large as the layer, 0 where there is nothing */
static NnImage *
fit_mask(NnContext *context, const NnImage *mask, const NnShape *shape, GError **error)
{
  NnImage *fitted = nn_resample_new(context, mask, (int)shape->dim[3], (int)shape->dim[2], error);
  for (size_t i = 0; fitted != NULL && i < nn_image_samples(fitted); i++) {
    float weight = MIN(fitted->data[i], 1);
    fitted->data[i] = weight > LEAST_MASK ? weight : 0;
  }
  return fitted;
}

/* sets the masks of a group's losses to @mask (nullable) for a picture of this size and its plan */
static bool
set_masks(const NnStyleModel *model, int first_term, const NnImage *mask, NnSize size,
          const NnPlan *plan, GError **error)
{
  for (guint i = 0; i < model->style->len; i++) {
    NnLoss *loss = nn_criterion_loss(model->criterion, first_term + (int)i);
    if (mask == NULL) {
      nn_loss_style_set_mask(loss, NULL, 0, 0, NULL);
      continue;
    }
    int target = g_array_index(model->style, Layer, i).target;
    NnShape shape = nn_plan_target_shape(plan, target);
    if (shape.rank != 4) {
      g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                  _("A layer of this style has no places that a region could be told by. Choose "
                    "convolutions or activations."));
      return false;
    }
    nn_criterion_places(model->criterion, target, size.width, size.height, &shape);
    g_autoptr(NnImage) fitted = fit_mask(model->context, mask, &shape, error);
    if (fitted == NULL ||
        !nn_loss_style_set_mask(loss, fitted->data, shape.dim[2], shape.dim[3], error))
      return false;
  }
  return true;
}

/* (transfer full): what no region covers, as large as the first of them */
static NnImage *
find_rest(NnContext *context, const NnStyleSource *sources, int n_sources, GError **error)
{
  g_autoptr(NnImage) rest = NULL;
  for (int i = 0; i < n_sources; i++) {
    if (sources[i].region == NULL)
      continue;
    const NnImage *region = sources[i].region;
    if (rest == NULL) {
      rest = nn_image_new(region->width, region->height, 1, error);
      for (size_t p = 0; rest != NULL && p < nn_image_samples(rest); p++)
        rest->data[p] = 1;
    }
    g_autoptr(NnImage) fitted =
        rest == NULL ? NULL : nn_resample_new(context, region, rest->width, rest->height, error);
    if (fitted == NULL)
      return NULL;
    for (size_t p = 0; p < nn_image_samples(rest); p++)
      rest->data[p] = MIN(rest->data[p], 1 - CLAMP(fitted->data[p], 0, 1));
  }
  return g_steal_pointer(&rest);
}

/* ---- groups ---- */

static void
add_to_group(Group *group, const NnStyleSource *source)
{
  group->sources[group->n_sources++] = source;
  group->weight += source->weight;
}

/* each region's weight is its area's, times how its style compares with the others */
static bool
weigh_groups(Preparation *preparation, int n_sources, GError **error)
{
  double sum = 0;
  for (int i = 0; i < preparation->n_groups; i++)
    sum += preparation->groups[i].weight;
  for (int i = 0; i < preparation->n_groups; i++) {
    Group *group = &preparation->groups[i];
    if (group->region == NULL) {
      group->weight = 1;
      continue;
    }
    double area = mean_of(group->region);
    group->weight = area * group->weight * n_sources / (sum * group->n_sources);
    if (group->weight > 0 || group->owned_region != NULL)
      continue;
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The region of a style is empty: nothing of it lies in the picture. Choose "
                  "another region, or none."));
    return false;
  }
  return true;
}

static bool
make_groups(Preparation *preparation, const NnStyleSource *sources, int n_sources, GError **error)
{
  bool regions = false;
  for (int i = 0; i < n_sources; i++) {
    if (sources[i].region == NULL)
      continue;
    Group *group = &preparation->groups[preparation->n_groups++];
    group->region = sources[i].region;
    add_to_group(group, &sources[i]);
    regions = true;
  }
  Group *rest = &preparation->groups[preparation->n_groups];
  for (int i = 0; i < n_sources; i++)
    if (sources[i].region == NULL)
      add_to_group(rest, &sources[i]);
  if (rest->n_sources > 0) {
    preparation->n_groups++;
    if (regions) {
      rest->owned_region = find_rest(preparation->model->context, sources, n_sources, error);
      rest->region = rest->owned_region;
      if (rest->region == NULL)
        return false;
    }
  }
  return weigh_groups(preparation, n_sources, error);
}

/* ---- terms ---- */

static void
add_term(NnStyleModel *model, int target, NnLoss *loss, double weight)
{
  nn_criterion_add(model->criterion, target, loss, weight);
  g_array_append_val(model->weights, weight);
  model->terms++;
}

static bool
add_style_terms(Preparation *preparation, double style_weight, GError **error)
{
  NnStyleModel *model = preparation->model;
  for (int g = 0; g < preparation->n_groups; g++)
    for (guint i = 0; i < model->style->len; i++) {
      const Layer *layer = &g_array_index(model->style, Layer, i);
      NnShape shape = nn_plan_target_shape(preparation->plan, layer->target);
      if (shape.rank < 2 || shape.dim[0] != 1 || nn_shape_count(&shape) == 0) {
        g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                    _("The network %s has a style layer without channels. Choose convolutions or "
                      "activations."),
                    model->network->name);
        return false;
      }
      NnLoss *loss = nn_loss_style(model->context, model->kind, shape.dim[1], error);
      if (loss == NULL)
        return false;
      add_term(model, layer->target, loss,
               style_weight * layer->share * preparation->groups[g].weight);
    }
  model->style_terms = model->terms;
  return true;
}

/* the group's losses see one of its sources; all others see it, too, and forget it again */
static bool
observe_source(const Preparation *preparation, int group, const NnStyleSource *source,
               GError **error)
{
  const NnStyleModel *model = preparation->model;
  int first = group * (int)model->style->len;
  const NnImage *picture = source->picture;
  NnSize size = {picture->width, picture->height};
  g_autoptr(NnPlan) plan = nn_criterion_plan(model->criterion, size.width, size.height, error);
  g_autoptr(NnEvaluator) evaluator = NULL;
  if (plan != NULL && set_masks(model, first, source->mask, size, plan, error))
    evaluator = nn_criterion_evaluator(model->criterion, size.width, size.height, error);
  if (evaluator == NULL || !nn_criterion_observe(model->criterion, evaluator, picture, error)) {
    if (error != NULL && !g_error_matches(*error, NN_ERROR, NN_ERROR_CANCELLED))
      g_prefix_error(error, "%s ", _("The style picture cannot be used."));
    return false;
  }
  for (guint i = 0; i < model->style->len; i++)
    if (!nn_loss_style_add_target(nn_criterion_loss(model->criterion, first + (int)i),
                                  source->weight, error))
      return false;
  return set_masks(model, first, NULL, size, plan, error);
}

static bool
observe_styles(const Preparation *preparation, GError **error)
{
  const NnStyleModel *model = preparation->model;
  for (int g = 0; g < preparation->n_groups; g++)
    for (int i = 0; i < preparation->groups[g].n_sources; i++)
      if (!observe_source(preparation, g, preparation->groups[g].sources[i], error))
        return false;
  for (int g = 0; g < preparation->n_groups; g++)
    if (!set_masks(model, g * (int)model->style->len, preparation->groups[g].region,
                   preparation->size, preparation->plan, error))
      return false;
  return true;
}

static bool
add_content_terms(Preparation *preparation, double content_weight, GError **error)
{
  NnStyleModel *model = preparation->model;
  for (guint i = 0; i < model->content->len; i++) {
    const Layer *layer = &g_array_index(model->content, Layer, i);
    NnShape shape = nn_plan_target_shape(preparation->plan, layer->target);
    NnLoss *loss = nn_loss_content(model->context, &shape, error);
    if (loss == NULL)
      return false;
    add_term(model, layer->target, loss, content_weight * layer->share);
  }
  return true;
}

static bool
observe_content(const Preparation *preparation, NnEvaluator *evaluator, GError **error)
{
  NnStyleModel *model = preparation->model;
  if (!nn_criterion_observe(model->criterion, evaluator, preparation->content, error))
    return false;
  for (int term = model->style_terms; term < model->terms; term++)
    if (!nn_loss_content_fix(nn_criterion_loss(model->criterion, term), model->context, NULL, 0, 0,
                             error))
      return false;
  return true;
}

/* (transfer full) */
static NnEvaluator *
prepare(Preparation *preparation, double style_weight, double content_weight, GError **error)
{
  NnStyleModel *model = preparation->model;
  bool content = preparation->content != NULL && content_weight > 0 && model->content != NULL;
  nn_criterion_clear(model->criterion);
  g_array_set_size(model->weights, 0);
  model->terms = model->style_terms = 0;
  if (!nn_criterion_set_edges(model->criterion, model->of_styles, error) ||
      !add_style_terms(preparation, style_weight, error) || !observe_styles(preparation, error) ||
      (content && !add_content_terms(preparation, content_weight, error)) ||
      !nn_criterion_set_edges(model->criterion, model->of_pictures, error))
    return NULL;
  NnSize size = preparation->size;
  g_autoptr(NnEvaluator) evaluator =
      nn_criterion_evaluator(model->criterion, size.width, size.height, error);
  if (evaluator == NULL || (content && !observe_content(preparation, evaluator, error)))
    return NULL;
  return g_steal_pointer(&evaluator);
}

NnEvaluator *
nn_style_model_prepare(NnStyleModel *model, const NnStyleSource *sources, int n_sources,
                       double style_weight, const NnImage *content, double content_weight,
                       int width, int height, GError **error)
{
  g_return_val_if_fail(n_sources <= MAX_SOURCES, NULL);
  Preparation preparation = {.model = model, .content = content, .size = {width, height}};
  NnEvaluator *evaluator = NULL;
  preparation.plan = nn_criterion_plan(model->criterion, width, height, error);
  if (preparation.plan != NULL && make_groups(&preparation, sources, n_sources, error))
    evaluator = prepare(&preparation, style_weight, content_weight, error);
  for (int g = 0; g <= n_sources; g++)
    nn_image_free(preparation.groups[g].owned_region);
  nn_plan_unref(preparation.plan);
  return evaluator;
}

static double
sum_terms(const NnStyleModel *model, int begin, int end)
{
  double sum = 0;
  for (int term = begin; term < end; term++)
    sum += g_array_index(model->weights, double, (guint)term) *
           nn_criterion_value(model->criterion, term);
  return sum;
}

double
nn_style_model_content_loss(const NnStyleModel *model)
{
  return sum_terms(model, model->style_terms, model->terms);
}

double
nn_style_model_style_loss(const NnStyleModel *model)
{
  return sum_terms(model, 0, model->style_terms);
}
