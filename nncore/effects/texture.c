/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texture synthesis. Pictures are RGB within 0..1; exemplars are brought to each size with the
 * texture, so that one pixel is as large in both.
 *
 * A small exemplar has much of a border, a large texture little, and what layers make of padding
 * along one would be looked for in the midst of the other, as seams and smudges. So exemplars go on
 * mirrored, and a texture has no borders at all, or they are made along with it and cut off.
 *
 * A texture without borders can be rolled for nothing. It is, at random, for the network at each
 * size, and in the end: so the grids of pooling and of enlarging, which leave their traces in
 * pictures, neither coincide nor begin at the edge. */
#include "nncore/effects/texture.h"

#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/random.h"
#include "nncore/effects/working.h"
#include "nncore/image/arithmetic.h"
#include "nncore/image/colour-statistics.h"
#include "nncore/image/crop.h"
#include "nncore/image/fill.h"
#include "nncore/image/resample.h"
#include "nncore/loss/smoothness.h"

#define SMALLEST_PX 64 /* longest side of the first size, about */
#define SMALLEST_EXEMPLAR_PX 16
#define BORDER_PX 16 /* that are cut off on each side, at the largest size */

/* an exemplar, whole, and what of it counts (%NULL: all) */
typedef struct {
  NnImage *picture, *mask;
} Exemplar;

typedef struct {
  NnContext *context;
  NnStyleModel *model;
  const NnExemplar *given;
  int n_exemplars;
  const NnTextureSettings *settings;
  Exemplar exemplars[NN_TEXTURE_EXEMPLARS];
  NnRandom random;
  NnSize working, largest; /* worked on, without and with the borders */
  int roll_x, roll_y;      /* by which the result is rolled */

  /* of the size at hand */
  NnEvaluator *evaluator;
  int dx, dy; /* by which the network sees it rolled */
} Texture;

static void
exemplars_clear(Exemplar exemplars[NN_TEXTURE_EXEMPLARS])
{
  for (int i = 0; i < NN_TEXTURE_EXEMPLARS; i++) {
    g_clear_pointer(&exemplars[i].picture, nn_image_free);
    g_clear_pointer(&exemplars[i].mask, nn_image_free);
  }
}

static void
texture_clear(Texture *texture)
{
  nn_evaluator_free(texture->evaluator);
  exemplars_clear(texture->exemplars);
}

/* ---- exemplars ---- */

/* (transfer full): @mask (nullable) times alpha */
static NnImage *
make_mask(const NnImage *picture, const NnImage *mask, GError **error)
{
  NnImage *product = nn_image_new(picture->width, picture->height, 1, error);
  for (size_t i = 0; product != NULL && i < nn_image_samples(product); i++)
    product->data[i] = nn_clipped(picture->data[4 * i + 3]) * (mask != NULL ? mask->data[i] : 1);
  return product;
}

static bool
make_exemplars(Texture *texture, GError **error)
{
  for (int i = 0; i < texture->n_exemplars; i++) {
    const NnExemplar *given = &texture->given[i];
    Exemplar *exemplar = &texture->exemplars[i];
    exemplar->picture = nn_image_fill(given->picture, error);
    if (exemplar->picture != NULL)
      exemplar->mask = make_mask(given->picture, given->mask, error);
    if (exemplar->mask == NULL)
      return false;
  }
  return true;
}

/* the exemplars for a texture whose sides are @scale of what they will be in the end */
static bool
fit_exemplars(const Texture *texture, double scale, Exemplar fitted[NN_TEXTURE_EXEMPLARS],
              NnStyleSource sources[NN_TEXTURE_EXEMPLARS], GError **error)
{
  for (int i = 0; i < texture->n_exemplars; i++) {
    const Exemplar *whole = &texture->exemplars[i];
    int width = whole->picture->width, height = whole->picture->height;
    nn_working_size(texture->settings->exemplar_px, &width, &height);
    double least = (double)SMALLEST_EXEMPLAR_PX / MAX(width, height);
    double factor = MAX(scale, MIN(least, 1));
    width = MAX(1, (int)lround(width * factor));
    height = MAX(1, (int)lround(height * factor));
    fitted[i].picture = nn_working_resized(texture->context, whole->picture, width, height, error);
    if (fitted[i].picture != NULL)
      fitted[i].mask = nn_working_resized(texture->context, whole->mask, width, height, error);
    if (fitted[i].mask == NULL)
      return false;
    sources[i] = (NnStyleSource){fitted[i].picture, texture->given[i].weight, fitted[i].mask, NULL};
  }
  return true;
}

/* of all exemplars' colours together */
static NnColourStatistics
mix_statistics(const Texture *texture)
{
  NnColourStatistics of[NN_TEXTURE_EXEMPLARS];
  double weights[NN_TEXTURE_EXEMPLARS];
  for (int i = 0; i < texture->n_exemplars; i++) {
    of[i] = nn_colour_statistics(texture->context, texture->given[i].picture);
    weights[i] = texture->given[i].weight;
  }
  return nn_colour_statistics_mix(of, weights, texture->n_exemplars);
}

/* ---- the task ---- */

static int
longest(NnSize size)
{
  return MAX(size.width, size.height);
}

/* NnDescentTask.enter */
static bool
enter(gpointer data, int scale, const NnImage *picture, GError **error)
{
  Texture *texture = data;
  Exemplar fitted[NN_TEXTURE_EXEMPLARS] = {0};
  NnStyleSource sources[NN_TEXTURE_EXEMPLARS] = {0};
  double part = (double)MAX(picture->width, picture->height) / longest(texture->largest) *
                longest(texture->working) /
                MAX(texture->settings->width, texture->settings->height);
  if (texture->settings->tileable) {
    texture->dx = nn_random_range(&texture->random, 0, picture->width - 1);
    texture->dy = nn_random_range(&texture->random, 0, picture->height - 1);
  }
  if (fit_exemplars(texture, part, fitted, sources, error))
    texture->evaluator = nn_style_model_prepare(texture->model, sources, texture->n_exemplars, 1,
                                                NULL, 0, picture->width, picture->height, error);
  exemplars_clear(fitted);
  return texture->evaluator != NULL;
}

/* NnDescentTask.leave */
static void
leave(gpointer data)
{
  Texture *texture = data;
  g_clear_pointer(&texture->evaluator, nn_evaluator_free);
}

/* NnDescentTask.evaluate */
static bool
evaluate(gpointer data, const NnImage *picture, NnImage *gradient, double *value, GError **error)
{
  const Texture *texture = data;
  double smoothness = texture->settings->smoothness;
  if (!nn_criterion_evaluate(nn_style_model_criterion(texture->model), texture->evaluator, picture,
                             texture->dx, texture->dy, gradient, value, error))
    return false;
  NnVariation variation = {picture->width, picture->height, 3, .exponent = 2,
                           .wrapped = texture->settings->tileable};
  if (smoothness > 0)
    *value += smoothness * nn_total_variation(texture->context, &variation, picture->data,
                                              smoothness, gradient->data);
  return true;
}

/* (transfer full): @picture, of any size worked on, without the borders */
static NnImage *
cut_borders(const Texture *texture, const NnImage *picture, GError **error)
{
  NnSize largest = texture->largest, working = texture->working;
  int x = (largest.width - working.width) / 2 * picture->width / largest.width;
  int y = (largest.height - working.height) / 2 * picture->height / largest.height;
  NnRectangle inside = {x, y, picture->width - 2 * x, picture->height - 2 * y};
  return nn_image_crop(picture, inside, error);
}

/* (transfer full): of the size asked for */
static NnImage *
enlarge(const Texture *texture, const NnImage *picture, GError **error)
{
  const NnTextureSettings *settings = texture->settings;
  g_autoptr(NnImage) larger = nn_image_new(settings->width, settings->height, 3, error);
  if (larger == NULL)
    return NULL;
  bool done = settings->tileable ? nn_resample_periodic(texture->context, picture, larger, error)
                                 : nn_resample(texture->context, picture, larger, error);
  if (!done)
    return NULL;
  nn_image_clip(texture->context, larger);
  return g_steal_pointer(&larger);
}

/* RGB -> RGBA, rolled */
static void
roll(const Texture *texture, const NnImage *from, NnImage *to)
{
  for (int y = 0; y < to->height; y++) {
    int from_y = (y + texture->roll_y) % to->height;
    const float *row = from->data + (size_t)from_y * (size_t)from->width * 3;
    float *pixel = to->data + (size_t)y * (size_t)to->width * 4;
    for (int x = 0; x < to->width; x++, pixel += 4) {
      memcpy(pixel, row + (x + texture->roll_x) % to->width * 3, 3 * sizeof(float));
      pixel[3] = 1;
    }
  }
}

/* NnDescentTask.render */
static NnImage *
render(gpointer data, const NnImage *picture, GError **error)
{
  const Texture *texture = data;
  g_autoptr(NnImage) inside = cut_borders(texture, picture, error);
  g_autoptr(NnImage) enlarged = inside != NULL ? enlarge(texture, inside, error) : NULL;
  NnImage *result = NULL;
  if (enlarged != NULL)
    result = nn_image_new(enlarged->width, enlarged->height, 4, error);
  if (result != NULL)
    roll(texture, enlarged, result);
  return result;
}

static NnSize
find_working_size(const NnTextureSettings *settings)
{
  NnSize size = {settings->width, settings->height};
  nn_working_size(settings->working_px, &size.width, &size.height);
  return size;
}

int
nn_texture_sizes(const NnTextureSettings *settings, NnSize sizes[NN_MAX_SCALES])
{
  NnSize working = find_working_size(settings);
  int borders = settings->tileable ? 0 : 2 * BORDER_PX;
  return nn_descent_sizes(working.width + borders, working.height + borders, SMALLEST_PX,
                          settings->scales, sizes);
}

/* a texture with borders may also be of layers that look at all of a picture, which has none for
 * them: its exemplars are what they are then */
static bool
set_edges(const Texture *texture, GError **error)
{
  g_autoptr(GError) refusal = NULL;
  if (texture->settings->tileable)
    return nn_style_model_set_edges(texture->model, NN_EDGES_PERIODIC, NN_EDGES_MIRRORED, error);
  if (nn_style_model_set_edges(texture->model, NN_EDGES_PADDED, NN_EDGES_MIRRORED, &refusal))
    return true;
  if (g_error_matches(refusal, NN_ERROR, NN_ERROR_ARGUMENT))
    return nn_style_model_set_edges(texture->model, NN_EDGES_PADDED, NN_EDGES_PADDED, error);
  g_propagate_error(error, g_steal_pointer(&refusal));
  return false;
}

/* (transfer full) */
static NnImage *
synthesise(Texture *texture, const NnProgress *progress, GError **error)
{
  const NnTextureSettings *settings = texture->settings;
  NnDescentTask task = {enter,  leave, evaluate, render, nn_style_model_criterion(texture->model),
                        texture};
  NnSize sizes[NN_MAX_SCALES];
  int n_sizes = nn_texture_sizes(settings, sizes);
  texture->working = find_working_size(settings);
  texture->largest = sizes[n_sizes - 1];
  if (!make_exemplars(texture, error) || !set_edges(texture, error))
    return NULL;
  g_autoptr(NnImage) start = nn_image_new(sizes[0].width, sizes[0].height, 3, error);
  if (start == NULL)
    return NULL;
  NnColourStatistics statistics = mix_statistics(texture);
  nn_colour_noise(texture->context, &statistics, settings->seed, start);
  NnDescentSettings descent = settings->descent;
  descent.wrapped = settings->tileable;
  if (settings->tileable) {
    texture->roll_x = nn_random_range(&texture->random, 0, settings->width - 1);
    texture->roll_y = nn_random_range(&texture->random, 0, settings->height - 1);
  }
  g_autoptr(NnImage) end =
      nn_descend(texture->context, &descent, &task, sizes, n_sizes, start, progress, NULL, error);
  return end != NULL ? render(texture, end, error) : NULL;
}

NnImage *
nn_texture(NnContext *context, NnStyleModel *model, const NnExemplar *exemplars, int n_exemplars,
           const NnTextureSettings *settings, const NnProgress *progress, GError **error)
{
  g_return_val_if_fail(n_exemplars >= 1 && n_exemplars <= NN_TEXTURE_EXEMPLARS, NULL);
  Texture texture = {
      .context = context,
      .model = model,
      .given = exemplars,
      .n_exemplars = n_exemplars,
      .settings = settings,
      .random = {.seed = settings->seed},
  };
  NnImage *result = synthesise(&texture, progress, error);
  texture_clear(&texture);
  return result;
}
