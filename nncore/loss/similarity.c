/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gram matrices from moments (moments.h). With U = G / |G|, T the mean of the others' U and P the
 * number of positions: value <U, T>, gradient to G (T - <U, T> U) / |G|, to the activations x_p at a
 * position 2 / P times that times x_p. */
#include "nncore/loss/similarity.h"

#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/loss/moments.h"

typedef struct {
  NnLoss base;
  int64_t channels;
  int pictures, turn;
  bool *known;  /* by picture */
  float *units; /* by picture: U */
  float *matrix; /* T; then 2 / P times the gradient to G */
  NnMask mask;  /* none */
  NnMoments *moments;
} SimilarityLoss;

static float *
unit_of(const SimilarityLoss *self, int picture)
{
  return self->units + (size_t)picture * (size_t)(self->channels * self->channels);
}

static void
similarity_begin(NnLoss *loss)
{
  nn_moments_begin(((SimilarityLoss *)loss)->moments);
}

static void
similarity_observe(NnLoss *loss, NnContext *context, const NnPiece *piece)
{
  SimilarityLoss *self = (SimilarityLoss *)loss;
  nn_moments_observe(self->moments, context, piece, &self->mask);
}

/* returns |second moment|, which is P |G|; the picture's U is set */
static double
take_unit(SimilarityLoss *self)
{
  const double *second = nn_moments_second(self->moments);
  int64_t count = self->channels * self->channels;
  double squares = 0;
  for (int64_t i = 0; i < count; i++)
    squares += second[i] * second[i];
  double length = sqrt(squares);
  float *unit = unit_of(self, self->turn);
  self->known[self->turn] = length > 0 && isfinite(length);
  for (int64_t i = 0; self->known[self->turn] && i < count; i++)
    unit[i] = (float)(second[i] / length);
  return length;
}

/* T into self->matrix; returns how many others there are */
static int
average_others(SimilarityLoss *self)
{
  int64_t count = self->channels * self->channels;
  int others = 0;
  memset(self->matrix, 0, (size_t)count * sizeof(float));
  for (int k = 0; k < self->pictures; k++) {
    if (k == self->turn || !self->known[k])
      continue;
    others++;
    for (int64_t i = 0; i < count; i++)
      self->matrix[i] += unit_of(self, k)[i];
  }
  for (int64_t i = 0; others > 0 && i < count; i++)
    self->matrix[i] /= (float)others;
  return others;
}

static double
similarity_close(NnLoss *loss, NnContext *context)
{
  SimilarityLoss *self = (SimilarityLoss *)loss;
  int64_t count = self->channels * self->channels;
  nn_moments_close(self->moments);
  double length = take_unit(self), value = 0;
  if (average_others(self) == 0 || !self->known[self->turn]) {
    memset(self->matrix, 0, (size_t)count * sizeof(float));
    return 0;
  }
  const float *unit = unit_of(self, self->turn);
  for (int64_t i = 0; i < count; i++)
    value += (double)unit[i] * self->matrix[i];
  for (int64_t i = 0; i < count; i++)
    self->matrix[i] = (float)(2 / length * (self->matrix[i] - value * unit[i]));
  return value;
}

static double
similarity_evaluate(NnLoss *loss, NnContext *context, const NnPiece *piece, float factor,
                    const NnTensor *gradient)
{
  SimilarityLoss *self = (SimilarityLoss *)loss;
  NnMomentsGradient to = {.matrix = self->matrix, .factor = factor};
  nn_moments_gradient(self->moments, context, piece, &self->mask, &to, gradient);
  return 0;
}

static void
similarity_free(NnLoss *loss)
{
  SimilarityLoss *self = (SimilarityLoss *)loss;
  nn_moments_free(self->moments);
  nn_free(self->known);
  nn_free(self->units);
  nn_free(self->matrix);
  g_free(self);
}

static const NnLossClass similarity_class = {
    .name = "similarity",
    .begin = similarity_begin,
    .observe = similarity_observe,
    .close = similarity_close,
    .evaluate = similarity_evaluate,
    .free = similarity_free,
};

NnLoss *
nn_loss_similarity(NnContext *context, int64_t channels, int pictures, GError **error)
{
  SimilarityLoss *self = g_new0(SimilarityLoss, 1);
  g_autoptr(NnLoss) loss = &self->base;
  size_t n = (size_t)pictures, count = (size_t)(channels * channels);
  *self = (SimilarityLoss){.base = {&similarity_class}, .channels = channels, .pictures = pictures};
  self->moments = nn_moments_new(context, channels, error);
  if (self->moments != NULL)
    self->known = nn_alloc0(n, sizeof *self->known, error);
  if (self->known != NULL)
    self->units = nn_alloc(n, count * sizeof(float), error);
  if (self->units != NULL)
    self->matrix = nn_alloc(count, sizeof(float), error);
  if (self->matrix == NULL)
    return NULL;
  nn_loss_hold(loss, context, nn_moments_bytes(self->moments) + (n + 1) * count * sizeof(float));
  return g_steal_pointer(&loss);
}

void
nn_loss_similarity_turn(NnLoss *loss, int picture)
{
  SimilarityLoss *self = (SimilarityLoss *)loss;
  g_return_if_fail(loss->klass == &similarity_class && picture >= 0 && picture < self->pictures);
  self->turn = picture;
}

void
nn_loss_similarity_forget(NnLoss *loss)
{
  SimilarityLoss *self = (SimilarityLoss *)loss;
  g_return_if_fail(loss->klass == &similarity_class);
  memset(self->known, 0, (size_t)self->pictures * sizeof *self->known);
}
