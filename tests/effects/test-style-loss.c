/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Content and style losses: values by definition, gradients by finite differences, with and without
 * masks, in pieces as in one, and equal to the bit for every number of threads. */
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/loss/content.h"
#include "nncore/loss/style.h"
#include "tests/effects/noise.h"

#define KINDS 3 /* of NnStyle; number KINDS is the content loss */

typedef struct {
  NnShape shape;
  NnLayout layout;
  bool masked;
} Case;

static const Case cases[] = {
    {{4, {1, 5, 6, 7}}, NN_LAYOUT_PLAIN, false},
    {{4, {1, 5, 6, 7}}, NN_LAYOUT_CHANNELS_LAST, false},
    {{4, {1, 5, 6, 7}}, NN_LAYOUT_PLAIN, true},
    {{4, {1, 5, 6, 7}}, NN_LAYOUT_CHANNELS_LAST, true},
    {{4, {1, 9, 1, 3}}, NN_LAYOUT_CHANNELS_LAST, false}, /* a singular covariance */
    {{4, {1, 67, 2, 5}}, NN_LAYOUT_CHANNELS_LAST, true}, /* more than a panel */
    {{3, {1, 4, 11}}, NN_LAYOUT_PLAIN, false},
};

/* some weights are 0 */
static float *
mask_new(const Case *c)
{
  if (!c->masked)
    return NULL;
  int64_t count = c->shape.dim[2] * c->shape.dim[3];
  float *mask = g_new(float, count);
  for (int64_t i = 0; i < count; i++)
    mask[i] = MAX(0, noise_at(55, (uint64_t)i));
  return mask;
}

static void
observe(NnLoss *loss, NnContext *context, const NnTensor *x)
{
  NnPiece piece = nn_piece_whole(x);
  loss->klass->begin(loss);
  loss->klass->observe(loss, context, &piece);
}

/* the loss of the kind with noise for a target, of another size where it may be */
static NnLoss *
loss_new(int kind, NnContext *context, const Case *c)
{
  g_autoptr(GError) error = NULL;
  g_autofree float *mask = mask_new(c);
  NnShape shape = c->shape;
  if (kind < KINDS)
    shape.dim[2] += 9;
  g_autoptr(NnTensor) target = noise_new(&shape, c->layout, 99);
  for (int64_t i = 0; i < nn_shape_count(&shape); i++)
    target->f[i] = target->f[i] * 0.7f + 0.2f;
  NnLoss *loss = kind == KINDS ? nn_loss_content(context, &shape, &error)
                               : nn_loss_style(context, (NnStyle)kind, shape.dim[1], &error);
  g_assert_no_error(error);
  observe(loss, context, target);
  if (kind == KINDS) {
    nn_loss_content_fix(loss, context, mask, c->shape.dim[2], c->shape.dim[3], &error);
  } else {
    nn_loss_style_add_target(loss, 1, &error);
    g_assert_no_error(error);
    nn_loss_style_set_mask(loss, mask, c->shape.dim[2], c->shape.dim[3], &error);
  }
  g_assert_no_error(error);
  return loss;
}

static double
value_at(NnLoss *loss, NnContext *context, const NnTensor *x, int64_t i, float h, NnTensor *ignored)
{
  float kept = x->f[i];
  x->f[i] = kept + h;
  double value = nn_loss_evaluate(loss, context, x, 1, ignored);
  x->f[i] = kept;
  return value;
}

/* fourth-order differences, against the length of the whole gradient */
static void
check_gradient(int kind, const Case *c)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnLoss) loss = loss_new(kind, context, c);
  g_autoptr(NnTensor) x = noise_new(&c->shape, c->layout, 7);
  g_autoptr(NnTensor) gradient = noise_new(&c->shape, c->layout, 77);
  g_autoptr(NnTensor) ignored = noise_new(&c->shape, c->layout, 78);
  const float factor = -1.5f, h = 1 / 64.0f;
  int64_t count = nn_shape_count(&c->shape);
  double most = 0;
  nn_loss_evaluate(loss, context, x, factor, gradient);
  for (int64_t i = 0; i < count; i++)
    most = MAX(most, fabs((double)gradient->f[i]));
  g_assert_cmpfloat(most, >, 1e-4);
  for (int64_t i = 0; i < count; i++) {
    double near =
        value_at(loss, context, x, i, h, ignored) - value_at(loss, context, x, i, -h, ignored);
    double far = value_at(loss, context, x, i, 2 * h, ignored) -
                 value_at(loss, context, x, i, -2 * h, ignored);
    g_assert_cmpfloat_with_epsilon(gradient->f[i], factor * (8 * near - far) / (12 * h),
                                   2e-3 * most);
  }
}

static void
test_gradients(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    for (int kind = 0; kind <= KINDS; kind++)
      check_gradient(kind, &cases[i]);
}

/* where the mask is 0 the gradient is 0, and the value does not change with what stands there */
static void
test_masks(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
    for (int kind = 0; kind <= KINDS && cases[i].masked; kind++) {
      const Case *c = &cases[i];
      g_autofree float *mask = mask_new(c);
      g_autoptr(NnLoss) loss = loss_new(kind, context, c);
      g_autoptr(NnTensor) x = noise_new(&c->shape, c->layout, 7);
      g_autoptr(NnTensor) gradient = noise_new(&c->shape, c->layout, 77);
      double value = nn_loss_evaluate(loss, context, x, 1, gradient);
      int64_t channels, positions, channel_stride, position_stride;
      nn_channel_view(x, &channels, &positions, &channel_stride, &position_stride);
      for (int64_t p = 0; p < positions; p++)
        for (int64_t k = 0; k < channels; k++) {
          int64_t place = p * position_stride + k * channel_stride;
          if (mask[p] > 0)
            continue;
          g_assert_cmpfloat(gradient->f[place], ==, 0);
          x->f[place] = 3;
        }
      g_assert_cmpfloat(nn_loss_evaluate(loss, context, x, 1, gradient), ==, value);
    }
}

/* rows @from to @from + @rows - 1 of x or of a gradient, both channels-last */
static NnTensor
rows_of(const NnTensor *x, int64_t from, int64_t rows)
{
  NnTensor part = *x;
  part.refs = 0;
  part.shape.dim[2] = rows;
  part.f = x->f + from * x->shape.dim[3] * x->shape.dim[1];
  return part;
}

static void
test_pieces(void)
{
  static const Case c = {{4, {1, 70, 23, 31}}, NN_LAYOUT_CHANNELS_LAST, true};
  static const int64_t starts[] = {0, 1, 9, 22, 23};
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnTensor) x = noise_new(&c.shape, c.layout, 1);
  g_autoptr(NnTensor) whole = noise_new(&c.shape, c.layout, 2);
  g_autoptr(NnTensor) parts = noise_new(&c.shape, c.layout, 3);
  for (int kind = 0; kind <= KINDS; kind++) {
    g_autoptr(NnLoss) loss = loss_new(kind, context, &c);
    double expected = nn_loss_evaluate(loss, context, x, 0.3f, whole), value = 0, most = 0;
    for (int pass = nn_loss_has_statistics(loss) ? 0 : 1; pass < 2; pass++) {
      if (pass == 0)
        loss->klass->begin(loss);
      for (size_t i = 0; i + 1 < G_N_ELEMENTS(starts); i++) {
        NnTensor part = rows_of(x, starts[i], starts[i + 1] - starts[i]);
        NnTensor gradient = rows_of(parts, starts[i], starts[i + 1] - starts[i]);
        NnPiece piece = {&part, c.shape, {starts[i], 0}};
        if (pass == 0)
          loss->klass->observe(loss, context, &piece);
        else
          value += loss->klass->evaluate(loss, context, &piece, 0.3f, &gradient);
      }
      if (pass == 0)
        value += loss->klass->close(loss, context);
    }
    g_assert_cmpfloat_with_epsilon(value, expected, 1e-6 * expected);
    for (int64_t i = 0; i < nn_shape_count(&c.shape); i++)
      most = MAX(most, fabs((double)whole->f[i]));
    for (int64_t i = 0; i < nn_shape_count(&c.shape); i++)
      g_assert_cmpfloat_with_epsilon(parts->f[i], whole->f[i], 1e-4 * most);
  }
}

static void
test_threads(void)
{
  static const Case c = {{4, {1, 80, 40, 50}}, NN_LAYOUT_CHANNELS_LAST, true};
  g_autoptr(NnContext) single = nn_context_new(1);
  g_autoptr(NnContext) several = nn_context_new(4);
  g_autoptr(NnTensor) x = noise_new(&c.shape, c.layout, 1);
  g_autoptr(NnTensor) one = noise_new(&c.shape, c.layout, 2);
  g_autoptr(NnTensor) many = noise_new(&c.shape, c.layout, 3);
  for (int kind = 0; kind <= KINDS; kind++) {
    g_autoptr(NnLoss) a = loss_new(kind, single, &c);
    g_autoptr(NnLoss) b = loss_new(kind, several, &c);
    g_assert_true(nn_loss_evaluate(a, single, x, 0.3f, one) ==
                  nn_loss_evaluate(b, several, x, 0.3f, many));
    g_assert_cmpmem(one->f, nn_tensor_bytes(one), many->f, nn_tensor_bytes(many));
  }
}

/* two channels that take each of two values in turn: mean, deviation and correlation as told */
static NnTensor *
crossed_new(double mean, double deviation0, double deviation1)
{
  NnShape shape = NN_SHAPE(1, 2, 2, 2);
  NnTensor *x = noise_new(&shape, NN_LAYOUT_PLAIN, 1);
  for (int p = 0; p < 4; p++) {
    x->f[p] = (float)(mean + (p % 2 == 0 ? deviation0 : -deviation0));
    x->f[4 + p] = (float)(p / 2 == 0 ? deviation1 : -deviation1);
  }
  return x;
}

/* means (1, 0) and (3, 0), covariances diag(4, 1) and diag(1, 9): worked out by hand */
static void
test_values(void)
{
  /* G* = diag(5, 1), G = diag(10, 9); tr G* = 6; of diagonal S, tr S + tr S* - 2 tr (S S*)^1/2 =
   * (1 - 2)^2 + (3 - 1)^2 */
  const double expected[] = {(25 + 64) / 26.0, (9 + 64) / 17.0 + 4 / 6.0, (1 + 4 + 4) / 6.0};
  const double tolerance[] = {1e-6, 1e-6, 5e-3}; /* the ridge */
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnTensor) style = crossed_new(1, 2, 1);
  g_autoptr(NnTensor) x = crossed_new(3, 1, 3);
  g_autoptr(NnTensor) ignored = crossed_new(0, 0, 0);
  for (int kind = 0; kind < KINDS; kind++) {
    g_autoptr(NnLoss) loss = nn_loss_style(context, (NnStyle)kind, 2, NULL);
    observe(loss, context, style);
    g_assert_true(nn_loss_style_add_target(loss, 3, NULL));
    g_assert_cmpfloat_with_epsilon(nn_loss_evaluate(loss, context, x, 1, ignored), expected[kind],
                                   tolerance[kind]);
    g_assert_cmpfloat_with_epsilon(nn_loss_evaluate(loss, context, style, 1, ignored), 0, 1e-6);
  }
}

/* two pictures as targets are the one that holds both */
static void
test_mixture(void)
{
  NnShape one = NN_SHAPE(1, 6, 5, 8), both = NN_SHAPE(1, 6, 10, 8);
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnTensor) x = noise_new(&one, NN_LAYOUT_CHANNELS_LAST, 1);
  g_autoptr(NnTensor) ignored = noise_new(&one, NN_LAYOUT_CHANNELS_LAST, 1);
  g_autoptr(NnTensor) target = noise_new(&both, NN_LAYOUT_CHANNELS_LAST, 2);
  for (int kind = 0; kind < KINDS; kind++) {
    double values[2];
    for (int halves = 0; halves < 2; halves++) {
      g_autoptr(NnLoss) loss = nn_loss_style(context, (NnStyle)kind, 6, NULL);
      for (int half = 0; half <= halves; half++) {
        NnTensor part = rows_of(target, 5 * half, halves ? 5 : 10);
        observe(loss, context, &part);
        g_assert_true(nn_loss_style_add_target(loss, 0.7, NULL));
      }
      values[halves] = nn_loss_evaluate(loss, context, x, 1, ignored);
    }
    g_assert_cmpfloat_with_epsilon(values[0], values[1], 1e-5);
  }
}

static void
test_errors(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(GError) error = NULL;
  NnShape shape = NN_SHAPE(1, 2, 2, 2), flat = NN_SHAPE(7);
  float nothing[4] = {0};
  g_autoptr(NnTensor) x = noise_new(&shape, NN_LAYOUT_PLAIN, 1);
  for (int kind = 0; kind < KINDS; kind++) {
    g_autoptr(NnLoss) loss = nn_loss_style(context, (NnStyle)kind, 2, NULL);
    nn_loss_style_set_mask(loss, nothing, 2, 2, NULL);
    observe(loss, context, x);
    g_assert_false(nn_loss_style_add_target(loss, 1, &error));
    g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
    g_clear_error(&error);
    nn_loss_style_set_mask(loss, NULL, 0, 0, NULL);
    x->f[3] = NAN;
    observe(loss, context, x);
    g_assert_false(nn_loss_style_add_target(loss, 1, &error));
    g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
    g_clear_error(&error);
    x->f[3] = 0;
  }
  g_assert_null(nn_loss_content(context, &flat, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/style-loss/values", test_values);
  g_test_add_func("/style-loss/gradients", test_gradients);
  g_test_add_func("/style-loss/masks", test_masks);
  g_test_add_func("/style-loss/pieces", test_pieces);
  g_test_add_func("/style-loss/mixture", test_mixture);
  g_test_add_func("/style-loss/threads", test_threads);
  g_test_add_func("/style-loss/errors", test_errors);
  return g_test_run();
}
