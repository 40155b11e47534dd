/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Style losses: moments (moments.h) of the picture, a distance (statistics.h) to the style's, and
 * its gradient at each position p of weight w_p, which by the chain rule is
 *   w_p / W (2 D x_p + d),  W the sum of the weights,
 * d and D the gradients to mean and second moment. */
#include "nncore/loss/style.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/loss/moments.h"
#include "nncore/loss/statistics.h"

typedef struct {
  NnLoss base;
  const NnDistance *distance;
  int64_t channels;
  NnMask mask;
  NnMoments *moments;
  double target_weight;
  NnStatistics style, picture, gradient;
  double *workspace;
  float *matrix, *vector; /* 2 D / W, d / W */
} StyleLoss;

static void
style_begin(NnLoss *loss)
{
  nn_moments_begin(((StyleLoss *)loss)->moments);
}

static void
style_observe(NnLoss *loss, NnContext *context, const NnPiece *piece)
{
  StyleLoss *style = (StyleLoss *)loss;
  nn_moments_observe(style->moments, context, piece, &style->mask);
}

/* statistics of what was observed, times @factor, into @to; or added to it */
static void
take_statistics(const StyleLoss *style, double factor, bool add, NnStatistics *to)
{
  int64_t c = style->channels;
  const double *first = nn_moments_first(style->moments);
  const double *second = nn_moments_second(style->moments);
  for (int64_t i = 0; i < c; i++)
    to->mean[i] = factor * first[i] + (add ? to->mean[i] : 0);
  for (int64_t i = 0; i < c * c; i++)
    to->second[i] = factor * second[i] + (add ? to->second[i] : 0);
}

static double
style_close(NnLoss *loss, NnContext *context)
{
  StyleLoss *style = (StyleLoss *)loss;
  int64_t c = style->channels;
  double weight = nn_moments_close(style->moments);
  memset(style->matrix, 0, (size_t)(c * c) * sizeof(float));
  memset(style->vector, 0, (size_t)c * sizeof(float));
  g_return_val_if_fail(style->target_weight > 0, 0);
  if (!(weight > 0))
    return 0;
  take_statistics(style, 1 / weight, false, &style->picture);
  double value = style->distance->measure(c, &style->style, &style->picture, style->workspace,
                                          &style->gradient);
  for (int64_t i = 0; i < c * c; i++)
    style->matrix[i] = (float)(2 * style->gradient.second[i] / weight);
  for (int64_t i = 0; i < c; i++)
    style->vector[i] = (float)(style->gradient.mean[i] / weight);
  return value;
}

static double
style_evaluate(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
               const NnTensor *gradient)
{
  StyleLoss *style = (StyleLoss *)loss;
  NnMomentsGradient to = {style->matrix, style->vector, factor};
  nn_moments_gradient(style->moments, context, piece, &style->mask, &to, gradient);
  return 0;
}

static void
free_statistics(NnStatistics *statistics)
{
  nn_free(statistics->mean);
  nn_free(statistics->second);
}

static void
style_free(NnLoss *loss)
{
  StyleLoss *style = (StyleLoss *)loss;
  nn_mask_clear(&style->mask);
  nn_moments_free(style->moments);
  free_statistics(&style->style);
  free_statistics(&style->picture);
  free_statistics(&style->gradient);
  nn_free(style->workspace);
  nn_free(style->matrix);
  nn_free(style->vector);
  g_free(style);
}

static const NnLossClass style_class = {
    .name = "style",
    .begin = style_begin,
    .observe = style_observe,
    .close = style_close,
    .evaluate = style_evaluate,
    .free = style_free,
};

static bool
make_statistics(int64_t channels, NnStatistics *statistics, GError **error)
{
  size_t c = (size_t)channels;
  statistics->mean = nn_alloc0(c, sizeof(double), error);
  if (statistics->mean != NULL)
    statistics->second = nn_alloc0(c, c * sizeof(double), error);
  return statistics->second != NULL;
}

static bool
make_buffers(StyleLoss *style, GError **error)
{
  size_t c = (size_t)style->channels;
  size_t doubles = (size_t)style->distance->workspace_doubles(style->channels);
  if (!make_statistics(style->channels, &style->style, error) ||
      !make_statistics(style->channels, &style->picture, error) ||
      !make_statistics(style->channels, &style->gradient, error))
    return false;
  style->workspace = nn_alloc(doubles, sizeof(double), error);
  if (style->workspace != NULL)
    style->matrix = nn_alloc(c, c * sizeof(float), error);
  if (style->matrix != NULL)
    style->vector = nn_alloc(c, sizeof(float), error);
  return style->vector != NULL;
}

static size_t
buffers_bytes(const StyleLoss *style)
{
  size_t c = (size_t)style->channels;
  size_t doubles = (size_t)style->distance->workspace_doubles(style->channels);
  return (3 * (c + c * c) + doubles) * sizeof(double) + (c + c * c) * sizeof(float);
}

NnLoss *
nn_loss_style(NnContext *context, NnStyle kind, int64_t channels, GError **error)
{
  static const NnDistance *const distances[] = {
      [NN_STYLE_GRAM] = &nn_distance_gram,
      [NN_STYLE_COVARIANCE] = &nn_distance_covariance,
      [NN_STYLE_WASSERSTEIN] = &nn_distance_wasserstein,
  };
  StyleLoss *style = g_new0(StyleLoss, 1);
  g_autoptr(NnLoss) loss = &style->base;
  *style = (StyleLoss){.base = {&style_class}, .distance = distances[kind], .channels = channels};
  style->moments = nn_moments_new(context, channels, error);
  if (style->moments == NULL || !make_buffers(style, error))
    return NULL;
  nn_loss_hold(loss, context, nn_moments_bytes(style->moments) + buffers_bytes(style));
  return g_steal_pointer(&loss);
}

bool
nn_loss_style_set_mask(NnLoss *loss, const float *weights, int64_t height, int64_t width,
                       GError **error)
{
  g_return_val_if_fail(loss->klass == &style_class, false);
  return nn_mask_set(&((StyleLoss *)loss)->mask, weights, height, width, error);
}

bool
nn_loss_style_add_target(NnLoss *loss, double weight, GError **error)
{
  StyleLoss *style = (StyleLoss *)loss;
  g_return_val_if_fail(loss->klass == &style_class && weight > 0, false);
  int64_t c = style->channels;
  double before = style->target_weight, positions = nn_moments_close(style->moments);
  if (!(positions > 0)) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The region of the style picture is empty, so there is no style to take from it. "
                  "Choose a larger region."));
    return false;
  }
  double share = weight / (before + weight);
  for (int64_t i = 0; i < c; i++)
    style->style.mean[i] *= 1 - share;
  for (int64_t i = 0; i < c * c; i++)
    style->style.second[i] *= 1 - share;
  take_statistics(style, share / positions, true, &style->style);
  style->target_weight = before + weight;
  if (style->distance->prepare(c, &style->style, style->workspace))
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("The network's features of the style picture are no numbers. Its file may be "
                "damaged, or its input range set wrongly; choose another network."));
  return false;
}
