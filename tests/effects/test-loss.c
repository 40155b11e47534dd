/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objectives: values by definition, gradients by finite differences, in both layouts, with a
 * factor, and equal to the bit for every number of threads. */
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/loss/loss.h"
#include "tests/effects/noise.h"

static const NnShape shapes[] = {
    {4, {1, 5, 3, 4}}, {4, {1, 1, 1, 1}}, {4, {1, 7, 1, 9}}, {2, {1, 6}}, {3, {1, 4, 11}},
};

/* each element of the gradient against a central difference of the value */
static void
check_gradient(NnLoss *loss, const NnTensor *x, double tolerance)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnTensor) gradient = noise_new(&x->shape, x->layout, 77);
  g_autoptr(NnTensor) ignored = noise_new(&x->shape, x->layout, 78);
  const float factor = -1.5f, h = 1 / 64.0f;
  nn_loss_evaluate(loss, context, x, factor, gradient);
  for (int64_t i = 0; i < nn_shape_count(&x->shape); i++) {
    float kept = x->f[i];
    x->f[i] = kept + h;
    double above = nn_loss_evaluate(loss, context, x, 1, ignored);
    x->f[i] = kept - h;
    double below = nn_loss_evaluate(loss, context, x, 1, ignored);
    x->f[i] = kept;
    g_assert_cmpfloat_with_epsilon(gradient->f[i], factor * (above - below) / (2 * h), tolerance);
  }
}

static void
test_gradients(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++)
    for (int layout = 0; layout < 2; layout++) {
      if (layout == 1 && shapes[i].rank < 3)
        continue;
      g_autoptr(NnTensor) x = noise_new(&shapes[i], (NnLayout)layout, i);
      g_autoptr(NnLoss) l2 = nn_loss_l2();
      g_autoptr(NnLoss) mean = nn_loss_mean();
      g_autoptr(NnLoss) channel = nn_loss_channel(shapes[i].dim[1] / 2);
      check_gradient(l2, x, 1e-5);
      check_gradient(mean, x, 1e-5);
      check_gradient(channel, x, 1e-5);
    }
}

static void
test_values(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  for (int layout = 0; layout < 2; layout++) {
    g_autoptr(NnTensor) plain = noise_new(&shapes[0], NN_LAYOUT_PLAIN, 5);
    g_autoptr(NnTensor) x = noise_new(&shapes[0], (NnLayout)layout, 5);
    g_autoptr(NnTensor) gradient = noise_new(&shapes[0], (NnLayout)layout, 6);
    nn_tensor_copy(plain, x);
    double squares = 0, sum = 0, third = 0;
    for (int i = 0; i < 60; i++) {
      squares += (double)plain->f[i] * plain->f[i];
      sum += plain->f[i];
      third += i / 12 == 2 ? plain->f[i] : 0;
    }
    g_autoptr(NnLoss) l2 = nn_loss_l2();
    g_autoptr(NnLoss) mean = nn_loss_mean();
    g_autoptr(NnLoss) channel = nn_loss_channel(2);
    g_assert_cmpfloat_with_epsilon(nn_loss_evaluate(l2, context, x, 1, gradient), squares / 2,
                                   1e-9);
    for (int i = 0; i < 60; i++)
      g_assert_cmpfloat(gradient->f[i], ==, x->f[i]);
    g_assert_cmpfloat_with_epsilon(nn_loss_evaluate(mean, context, x, 1, gradient), sum / 60, 1e-9);
    g_assert_cmpfloat_with_epsilon(nn_loss_evaluate(channel, context, x, 1, gradient), third / 12,
                                   1e-9);
  }
}

/* f(x) = x^2 above 0 and leak x below, by definition */
static void
test_excitement(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  for (int layout = 0; layout < 2; layout++)
    for (int squared = 0; squared < 2; squared++) {
      g_autoptr(NnTensor) plain = noise_new(&shapes[0], NN_LAYOUT_PLAIN, 5);
      g_autoptr(NnTensor) x = noise_new(&shapes[0], (NnLayout)layout, 5);
      g_autoptr(NnTensor) back = noise_new(&shapes[0], (NnLayout)layout, 6);
      g_autoptr(NnTensor) gradient = noise_new(&shapes[0], NN_LAYOUT_PLAIN, 6);
      nn_tensor_copy(plain, x);
      g_autoptr(NnLoss) loss = nn_loss_excitement(2, squared, 0.25f);
      double value = nn_loss_evaluate(loss, context, x, 12, back), sum = 0;
      nn_tensor_copy(back, gradient);
      for (int i = 0; i < 60; i++) {
        double at = plain->f[i], slope = at < 0 ? 0.25 : squared ? 2 * at : 1;
        bool counts = i / 12 == 2;
        sum += !counts ? 0 : at < 0 ? 0.25 * at : squared ? at * at : at;
        g_assert_cmpfloat_with_epsilon(gradient->f[i], counts ? slope : 0, 1e-6);
      }
      g_assert_cmpfloat_with_epsilon(value, sum / 12, 1e-7);
    }
}

/* of one piece, of two, and of one after starting anew */
static void
test_strongest(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  NnShape shape = NN_SHAPE(1, 5, 3, 4);
  for (int layout = 0; layout < 2; layout++) {
    g_autoptr(NnTensor) plain = noise_new(&shape, NN_LAYOUT_PLAIN, 8);
    g_autoptr(NnTensor) x = noise_new(&shape, (NnLayout)layout, 8);
    g_autoptr(NnTensor) opposite = noise_new(&shape, (NnLayout)layout, 8);
    for (int i = 0; i < 12; i++)
      plain->f[3 * 12 + i] += 2;
    nn_tensor_copy(plain, x);
    for (int i = 0; i < 12; i++)
      plain->f[3 * 12 + i] -= 10;
    nn_tensor_copy(plain, opposite);
    g_autoptr(NnLoss) strongest = nn_loss_strongest(5, NULL);
    NnPiece first = nn_piece_whole(x), second = nn_piece_whole(opposite);
    strongest->klass->observe(strongest, context, &first);
    g_assert_cmpint(nn_loss_strongest_channel(strongest), ==, 3);
    strongest->klass->observe(strongest, context, &second);
    g_assert_cmpint(nn_loss_strongest_channel(strongest), !=, 3);
    strongest->klass->begin(strongest);
    strongest->klass->observe(strongest, context, &first);
    g_assert_cmpint(nn_loss_strongest_channel(strongest), ==, 3);
  }
}

/* the definition, position by position */
static double
guide_by_definition(const NnTensor *x, const NnTensor *guide, NnTensor *gradient)
{
  int64_t channels, positions, cs, ps, guide_channels, matches, gcs, gps;
  nn_channel_view(x, &channels, &positions, &cs, &ps);
  nn_channel_view(guide, &guide_channels, &matches, &gcs, &gps);
  double sum = 0;
  for (int64_t p = 0; p < positions; p++) {
    double most = -INFINITY;
    for (int64_t q = 0; q < matches; q++) {
      double product = 0;
      for (int64_t c = 0; c < channels; c++)
        product += (double)x->f[c * cs + p * ps] * guide->f[c * gcs + q * gps];
      if (product > most) {
        most = product;
        for (int64_t c = 0; c < channels; c++)
          gradient->f[c * cs + p * ps] = guide->f[c * gcs + q * gps];
      }
    }
    sum += most;
  }
  return sum;
}

/* sizes on both sides of the blocks' borders, all pairs of layouts */
static void
test_guide(void)
{
  static const int64_t sides[][2] = {{1, 1}, {9, 7}, {8, 8}, {13, 5}, {30, 43}};
  for (size_t i = 0; i < G_N_ELEMENTS(sides); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(sides); k++)
      for (int layouts = 0; layouts < 4; layouts++) {
        g_autoptr(NnContext) context = nn_context_new(1 + layouts % 3);
        NnShape shape = NN_SHAPE(1, 6, sides[i][0], sides[i][1]);
        NnShape guide_shape = NN_SHAPE(1, 6, sides[k][0], sides[k][1]);
        g_autoptr(NnTensor) x = noise_new(&shape, (NnLayout)(layouts % 2), i);
        g_autoptr(NnTensor) guide = noise_new(&guide_shape, (NnLayout)(layouts / 2), 100 + k);
        g_autoptr(NnTensor) gradient = noise_new(&shape, x->layout, 3);
        g_autoptr(NnTensor) expected = noise_new(&shape, x->layout, 4);
        g_autoptr(NnLoss) loss = nn_loss_guide(context, guide, NULL);
        double value = nn_loss_evaluate(loss, context, x, 1, gradient);
        double sum = guide_by_definition(x, guide, expected);
        g_assert_cmpfloat_with_epsilon(value, sum, 1e-4 * (1 + fabs(sum)));
        for (int64_t j = 0; j < nn_shape_count(&shape); j++)
          g_assert_cmpfloat(gradient->f[j], ==, expected->f[j]);
      }
}

static void
test_guide_errors(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(GError) error = NULL;
  NnShape flat = NN_SHAPE(7);
  g_autoptr(NnTensor) features = noise_new(&flat, NN_LAYOUT_PLAIN, 1);
  g_assert_null(nn_loss_guide(context, features, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_SHAPE);
}

static void
test_threads(void)
{
  NnShape shape = NN_SHAPE(1, 24, 60, 70);
  g_autoptr(NnTensor) x = noise_new(&shape, NN_LAYOUT_CHANNELS_LAST, 1);
  g_autoptr(NnTensor) one = noise_new(&shape, NN_LAYOUT_CHANNELS_LAST, 2);
  g_autoptr(NnTensor) many = noise_new(&shape, NN_LAYOUT_CHANNELS_LAST, 3);
  g_autoptr(NnContext) single = nn_context_new(1);
  g_autoptr(NnContext) several = nn_context_new(4);
  for (int kind = 0; kind < 4; kind++) {
    g_autoptr(NnLoss) loss = kind == 0   ? nn_loss_l2()
                             : kind == 1 ? nn_loss_mean()
                             : kind == 2 ? nn_loss_channel(23)
                                         : nn_loss_guide(several, x, NULL);
    double a = nn_loss_evaluate(loss, single, x, 0.3f, one);
    double b = nn_loss_evaluate(loss, several, x, 0.3f, many);
    g_assert_true(a == b);
    g_assert_cmpmem(one->f, nn_tensor_bytes(one), many->f, nn_tensor_bytes(many));
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/loss/gradients", test_gradients);
  g_test_add_func("/loss/values", test_values);
  g_test_add_func("/loss/excitement", test_excitement);
  g_test_add_func("/loss/strongest", test_strongest);
  g_test_add_func("/loss/guide", test_guide);
  g_test_add_func("/loss/guide-errors", test_guide_errors);
  g_test_add_func("/loss/threads", test_threads);
  return g_test_run();
}
