/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Normalised gradient ascent: the average change is the step, clipping, no gradient no change. */
#include <math.h>
#include <string.h>

#include "nncore/base/random.h"
#include "nncore/image/preprocess.h"
#include "nncore/optim/ascent.h"

#define COUNT 30000

static void
test_step(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autofree float *x = g_new(float, COUNT);
  g_autofree float *gradient = g_new(float, COUNT);
  double sum = 0;
  for (int i = 0; i < COUNT; i++) {
    x[i] = 0.5f;
    gradient[i] = (float)nn_random_at(1, (uint64_t)i) * 1e-20f - 0.09f;
    sum += fabsf(gradient[i]);
  }
  double mean = nn_mean_absolute(context, gradient, COUNT);
  nn_ascent_step(context, x, gradient, COUNT, 1.5 / 255 / mean, 0, 1);
  g_assert_cmpfloat_with_epsilon(mean, sum / COUNT, 1e-9);
  double change = 0;
  for (int i = 0; i < COUNT; i++) {
    g_assert_cmpfloat_with_epsilon(x[i] - 0.5, 1.5 / 255 * gradient[i] / mean, 1e-6);
    change += fabs(x[i] - 0.5);
  }
  g_assert_cmpfloat_with_epsilon(change / COUNT * 255, 1.5, 1e-3);
}

static void
test_clips(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  float x[4] = {0, 1, 0.5f, 0.5f};
  const float gradient[4] = {-1, 1, 1000, -1000};
  nn_ascent_step(context, x, gradient, 4, 10, 0, 1);
  g_assert_cmpfloat(x[0], ==, 0);
  g_assert_cmpfloat(x[1], ==, 1);
  g_assert_cmpfloat(x[2], ==, 1);
  g_assert_cmpfloat(x[3], ==, 0);
}

static void
test_no_gradient(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  static const float values[] = {0, NAN, INFINITY, 1e-45f};
  for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
    float x[2] = {0.25f, 0.75f};
    float gradient[2] = {values[i], values[i]};
    double mean = nn_mean_absolute(context, gradient, 2);
    g_assert_true(i == 0 ? mean == 0 : mean != 0);
    nn_ascent_step(context, x, gradient, 2, i == 3 ? 1 / mean : INFINITY, 0, 1);
    g_assert_cmpfloat(x[0], ==, 0.25f);
    g_assert_cmpfloat(x[1], ==, 0.75f);
  }
  g_assert_cmpfloat(nn_mean_absolute(context, NULL, 0), ==, 0);
}

/* The objective is a sum of R'G'B' values, weighted alike. However a network counts its channels,
 * the step along its gradient must be the same grey. */
static void
test_deviations(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  static const NnInputSpec spec = {
      .range = 255, .mean = {1, 2, 3}, .deviation = {0.5f, 2, 60}, .multiple = 1};
  NnShape shape = NN_SHAPE(1, 3, 2, 2);
  g_autoptr(NnTensor) tensor = nn_tensor_new(NN_DTYPE_FLOAT, &shape, NULL);
  for (int i = 0; i < 12; i++) /* d(sum of rgb)/dx = deviation / range */
    tensor->f[i] = spec.deviation[i / 4] / spec.range;
  g_autoptr(NnImage) picture = nn_image_new(2, 2, 3, NULL);
  g_autoptr(NnImage) gradient = nn_image_new(2, 2, 3, NULL);
  for (int i = 0; i < 12; i++)
    picture->data[i] = 0.5f;
  memset(gradient->data, 0, nn_image_samples(gradient) * sizeof(float));
  nn_input_gradient_add(context, tensor, &spec, 0, 0, 0, 0, false, gradient);
  double mean = nn_mean_absolute(context, gradient->data, 12);
  nn_ascent_step(context, picture->data, gradient->data, 12, 2.0 / 255 / mean, 0, 1);
  for (int i = 0; i < 12; i++)
    g_assert_cmpfloat_with_epsilon(picture->data[i], 0.5 + 2.0 / 255, 1e-6);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ascent/step", test_step);
  g_test_add_func("/ascent/clips", test_clips);
  g_test_add_func("/ascent/no-gradient", test_no_gradient);
  g_test_add_func("/ascent/deviations", test_deviations);
  return g_test_run();
}
