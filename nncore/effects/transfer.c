/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Style transfer. Pictures here are RGB within 0..1; the change from the content at working size is
 * what is brought back to the content itself. */
#include "nncore/effects/transfer.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/effects/working.h"
#include "nncore/image/arithmetic.h"
#include "nncore/image/colour-statistics.h"
#include "nncore/image/colour.h"
#include "nncore/image/fill.h"
#include "nncore/loss/smoothness.h"

#define SMALLEST_PX 128 /* longest side of the first size, about, where their number is ours */
#define LEAST_PX 32 /* the same where it is given */
#define SMALLEST_STYLE_PX 16

/* a style's picture, whole, and what of it counts (NULL: all) */
typedef struct {
  NnImage *picture, *mask;
} Style;

typedef struct {
  NnContext *context;
  NnStyleModel *model;
  const NnImage *content;
  const NnTransferStyle *given;
  int n_styles;
  const NnTransferSettings *settings;

  NnImage *base; /* the content at working size, as it is */
  NnImage *working; /* the same as the network is to see it */
  Style styles[NN_TRANSFER_STYLES];

  NnEvaluator *evaluator; /* of the size at hand */
} Transfer;

static void
transfer_clear(Transfer *transfer)
{
  nn_evaluator_free(transfer->evaluator);
  nn_image_free(transfer->base);
  nn_image_free(transfer->working);
  for (int i = 0; i < NN_TRANSFER_STYLES; i++) {
    nn_image_free(transfer->styles[i].picture);
    nn_image_free(transfer->styles[i].mask);
  }
}

/* (transfer full): brought to this longest side, its proportions kept */
static NnImage *
fit(NnContext *context, const NnImage *image, double longest, GError **error)
{
  double scale = longest / MAX(image->width, image->height);
  int width = MAX(1, (int)lround(image->width * scale));
  int height = MAX(1, (int)lround(image->height * scale));
  return nn_working_resized(context, image, width, height, error);
}

/* ---- pictures ---- */

static bool
make_base(Transfer *transfer, GError **error)
{
  transfer->base = nn_working_picture(transfer->context, transfer->content,
                                      transfer->settings->working_px, error);
  if (transfer->base != NULL)
    transfer->working = nn_image_copy(transfer->base, error);
  return transfer->working != NULL;
}

/* (transfer full): alpha, or %NULL where it is 1 all over; @failed: (out) */
static NnImage *
take_alpha(const NnImage *image, bool *failed, GError **error)
{
  size_t count = (size_t)image->width * (size_t)image->height, i = 0;
  *failed = false;
  while (i < count && image->data[i * 4 + 3] >= 1)
    i++;
  if (i == count)
    return NULL;
  NnImage *alpha = nn_image_new(image->width, image->height, 1, error);
  *failed = alpha == NULL;
  for (i = 0; alpha != NULL && i < count; i++)
    alpha->data[i] = nn_clipped(image->data[i * 4 + 3]);
  return alpha;
}

static bool
make_styles(Transfer *transfer, GError **error)
{
  for (int i = 0; i < transfer->n_styles; i++) {
    Style *style = &transfer->styles[i];
    bool failed;
    style->picture = nn_image_fill(transfer->given[i].picture, error);
    if (style->picture == NULL) {
      g_prefix_error(error, "%s ", _("The style picture cannot be used."));
      return false;
    }
    style->mask = take_alpha(transfer->given[i].picture, &failed, error);
    if (failed)
      return false;
  }
  return true;
}

/* ---- colours ---- */

/* of all styles together, by their weights */
static NnColourStatistics
mix_statistics(const Transfer *transfer)
{
  NnColourStatistics of[NN_TRANSFER_STYLES];
  double weights[NN_TRANSFER_STYLES];
  for (int i = 0; i < transfer->n_styles; i++) {
    of[i] = nn_colour_statistics(transfer->context, transfer->given[i].picture);
    weights[i] = transfer->given[i].weight;
  }
  return nn_colour_statistics_mix(of, weights, transfer->n_styles);
}

static void
map_clipped(NnContext *context, const NnColourMap *map, NnImage *image)
{
  nn_colour_map(context, map, image);
  nn_image_clip(context, image);
}

/* luminance, each style's brought to the content's mean and deviation */
static void
make_grey(Transfer *transfer)
{
  NnContext *context = transfer->context;
  NnColourMap grey = nn_colour_to_grey();
  nn_colour_map(context, &grey, transfer->working);
  NnColourStatistics content = nn_colour_statistics(context, transfer->working);
  for (int i = 0; i < transfer->n_styles; i++) {
    NnImage *picture = transfer->styles[i].picture;
    nn_colour_map(context, &grey, picture);
    NnColourStatistics style = nn_colour_statistics(context, picture);
    NnColourMap map = nn_colour_match(&style, &content);
    map_clipped(context, &map, picture);
  }
}

static void
match_colours(Transfer *transfer)
{
  NnContext *context = transfer->context;
  NnColourStatistics content = nn_colour_statistics(context, transfer->working);
  if (transfer->settings->colours == NN_COLOURS_MATCH_CONTENT) {
    NnColourStatistics styles = mix_statistics(transfer);
    NnColourMap map = nn_colour_match(&content, &styles);
    map_clipped(context, &map, transfer->working);
    return;
  }
  for (int i = 0; i < transfer->n_styles; i++) {
    NnColourStatistics style = nn_colour_statistics(context, transfer->given[i].picture);
    NnColourMap map = nn_colour_match(&style, &content);
    map_clipped(context, &map, transfer->styles[i].picture);
  }
}

static void
prepare_colours(Transfer *transfer)
{
  switch (transfer->settings->colours) {
  case NN_COLOURS_STYLE:
    break;
  case NN_COLOURS_LUMINANCE:
    make_grey(transfer);
    break;
  case NN_COLOURS_MATCH_STYLE:
  case NN_COLOURS_MATCH_CONTENT:
    match_colours(transfer);
    break;
  }
}

static bool
has_regions(const Transfer *transfer)
{
  for (int i = 0; i < transfer->n_styles; i++)
    if (transfer->given[i].region != NULL)
      return true;
  return false;
}

/* (transfer full): the content; in the styles' colours, which saves the descent the longest way */
static NnImage *
start_from_content(const Transfer *transfer, const NnSize *size, GError **error)
{
  NnContext *context = transfer->context;
  NnImage *start = nn_working_resized(context, transfer->working, size->width, size->height, error);
  if (start == NULL || transfer->settings->colours != NN_COLOURS_STYLE || has_regions(transfer))
    return start;
  NnColourStatistics own = nn_colour_statistics(context, start);
  NnColourStatistics styles = mix_statistics(transfer);
  NnColourMap map = nn_colour_match(&own, &styles);
  map_clipped(context, &map, start);
  return start;
}

/* (transfer full): of the first size */
static NnImage *
make_start(const Transfer *transfer, const NnSize *size, GError **error)
{
  if (transfer->settings->start == NN_START_CONTENT)
    return start_from_content(transfer, size, error);
  NnImage *noise = nn_image_new(size->width, size->height, 3, error);
  NnColourStatistics statistics = {{0.5, 0.5, 0.5}, {0.01, 0, 0, 0, 0.01, 0, 0, 0, 0.01}};
  if (transfer->settings->start == NN_START_STYLE)
    statistics = mix_statistics(transfer);
  if (noise != NULL)
    nn_colour_noise(transfer->context, &statistics, transfer->settings->seed, noise);
  return noise;
}

/* ---- the task ---- */

/* the styles' pictures for a content of this longest side */
static bool
fit_styles(const Transfer *transfer, double longest, Style fitted[NN_TRANSFER_STYLES],
           NnStyleSource sources[NN_TRANSFER_STYLES], GError **error)
{
  double wanted = MAX(SMALLEST_STYLE_PX, longest * transfer->settings->style_scale);
  for (int i = 0; i < transfer->n_styles; i++) {
    const Style *style = &transfer->styles[i];
    fitted[i].picture = fit(transfer->context, style->picture, wanted, error);
    if (fitted[i].picture != NULL && style->mask != NULL)
      fitted[i].mask = nn_working_resized(transfer->context, style->mask, fitted[i].picture->width,
                                          fitted[i].picture->height, error);
    if (fitted[i].picture == NULL || (style->mask != NULL && fitted[i].mask == NULL))
      return false;
    sources[i] = (NnStyleSource){fitted[i].picture, transfer->given[i].weight, fitted[i].mask,
                                 transfer->given[i].region};
  }
  return true;
}

static bool
transfer_enter(gpointer data, int scale, const NnImage *picture, GError **error)
{
  Transfer *transfer = data;
  const NnTransferSettings *settings = transfer->settings;
  int width = picture->width, height = picture->height;
  Style fitted[NN_TRANSFER_STYLES] = {0};
  NnStyleSource sources[NN_TRANSFER_STYLES] = {0};
  g_autoptr(NnImage) content =
      nn_working_resized(transfer->context, transfer->working, width, height, error);
  if (content != NULL && fit_styles(transfer, MAX(width, height), fitted, sources, error))
    transfer->evaluator =
        nn_style_model_prepare(transfer->model, sources, transfer->n_styles, settings->style_weight,
                               content, settings->content_weight, width, height, error);
  for (int i = 0; i < transfer->n_styles; i++) {
    nn_image_free(fitted[i].picture);
    nn_image_free(fitted[i].mask);
  }
  return transfer->evaluator != NULL;
}

static void
transfer_leave(gpointer data)
{
  Transfer *transfer = data;
  g_clear_pointer(&transfer->evaluator, nn_evaluator_free);
}

static bool
transfer_evaluate(gpointer data, const NnImage *picture, NnImage *gradient, double *value,
                  GError **error)
{
  const Transfer *transfer = data;
  double smoothness = transfer->settings->smoothness;
  if (!nn_criterion_evaluate(nn_style_model_criterion(transfer->model), transfer->evaluator,
                             picture, 0, 0, gradient, value, error))
    return false;
  NnVariation variation = {picture->width, picture->height, 3, .exponent = 2};
  if (smoothness > 0)
    *value += smoothness * nn_total_variation(transfer->context, &variation, picture->data,
                                              smoothness, gradient->data);
  return true;
}

/* (transfer full): the content with what @picture, of any size, changes in it */
static NnImage *
transfer_render(gpointer data, const NnImage *picture, GError **error)
{
  const Transfer *transfer = data;
  bool luminance = transfer->settings->colours == NN_COLOURS_LUMINANCE;
  g_autoptr(NnImage) base =
      nn_working_resized(transfer->context, transfer->base, picture->width, picture->height, error);
  g_autoptr(NnImage) change = base == NULL ? NULL : nn_image_copy(picture, error);
  if (change == NULL)
    return NULL;
  nn_image_add(transfer->context, change, -1, base);
  g_autoptr(NnImage) result =
      nn_image_new(transfer->content->width, transfer->content->height, 4, error);
  if (result == NULL ||
      !nn_apply_change(transfer->context, transfer->content, change,
                       (float)transfer->settings->strength,
                       luminance ? NN_KEEP_CHROMA : NN_KEEP_NOTHING, result, error))
    return NULL;
  return g_steal_pointer(&result);
}

int
nn_transfer_sizes(const NnTransferSettings *settings, int width, int height,
                  NnSize sizes[NN_MAX_SCALES])
{
  int smallest_px = settings->scales == 0 ? SMALLEST_PX : LEAST_PX;
  nn_working_size(settings->working_px, &width, &height);
  return nn_descent_sizes(width, height, smallest_px, settings->scales, sizes);
}

/* (transfer full) */
static NnImage *
run(Transfer *transfer, const NnProgress *progress, GError **error)
{
  NnSize sizes[NN_MAX_SCALES];
  NnDescentTask task = {transfer_enter,
                        transfer_leave,
                        transfer_evaluate,
                        transfer_render,
                        nn_style_model_criterion(transfer->model),
                        transfer};
  if (!make_base(transfer, error) || !make_styles(transfer, error))
    return NULL;
  prepare_colours(transfer);
  int n_sizes = nn_transfer_sizes(transfer->settings, transfer->content->width,
                                  transfer->content->height, sizes);
  g_autoptr(NnImage) start = make_start(transfer, &sizes[0], error);
  g_autoptr(NnImage) picture = NULL;
  if (start != NULL)
    picture = nn_descend(transfer->context, &transfer->settings->descent, &task, sizes, n_sizes,
                         start, progress, NULL, error);
  return picture == NULL ? NULL : transfer_render(transfer, picture, error);
}

NnImage *
nn_transfer(NnContext *context, NnStyleModel *model, const NnImage *content,
            const NnTransferStyle *styles, int n_styles, const NnTransferSettings *settings,
            const NnProgress *progress, GError **error)
{
  g_return_val_if_fail(n_styles >= 1 && n_styles <= NN_TRANSFER_STYLES, NULL);
  Transfer transfer = {
      .context = context,
      .model = model,
      .content = content,
      .given = styles,
      .n_styles = n_styles,
      .settings = settings,
  };
  NnImage *result = run(&transfer, progress, error);
  transfer_clear(&transfer);
  return result;
}
