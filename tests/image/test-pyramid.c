/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Laplacian pyramid: splitting and joining gives the picture back at every size; smooth things lie
 * in coarse bands and fine ones in fine bands; normalising gives every band an RMS of one. */
#include "nncore/image/pyramid.h"
#include "tests/image/pictures.h"

static const int sizes[][2] = {{1, 1}, {2, 1}, {1, 9}, {3, 500}, {5, 4}, {64, 64}, {101, 37}};

static NnPyramid *
pyramid_for(const NnImage *image, int levels)
{
  g_autoptr(GError) error = NULL;
  NnPyramid *pyramid = nn_pyramid_new(image->width, image->height, image->channels, levels, &error);
  g_assert_no_error(error);
  return pyramid;
}

static double
rms(const NnImage *image)
{
  double sum = 0;
  size_t samples = nn_image_samples(image);
  for (size_t i = 0; i < samples; i++)
    sum += (double)image->data[i] * image->data[i];
  return sqrt(sum / (double)samples);
}

static void
test_joins(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int levels = 0; levels <= NN_PYRAMID_MAX_LEVELS; levels++) {
      g_autoptr(NnImage) image = picture_noise(sizes[i][0], sizes[i][1], 3, i);
      g_autoptr(NnImage) joined = picture_constant(sizes[i][0], sizes[i][1], 3, -1);
      g_autoptr(NnPyramid) pyramid = pyramid_for(image, levels);
      g_assert_cmpint(nn_pyramid_levels(pyramid), <=, levels);
      nn_pyramid_split(pyramid, context, image);
      nn_pyramid_join(pyramid, context, joined);
      g_assert_cmpfloat(largest_difference(image, joined), <, 2e-6);
    }
}

static void
test_sizes(void)
{
  g_autoptr(NnImage) image = picture_noise(101, 37, 1, 1);
  g_autoptr(NnPyramid) pyramid = pyramid_for(image, 100);
  int width = 101, height = 37;
  for (int i = 0; i <= nn_pyramid_levels(pyramid); i++) {
    g_assert_cmpint(nn_pyramid_band(pyramid, i)->width, ==, width);
    g_assert_cmpint(nn_pyramid_band(pyramid, i)->height, ==, height);
    width = (width + 1) / 2;
    height = (height + 1) / 2;
  }
}

/* all of a constant is in the rest */
static void
test_constant(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) image = picture_constant(77, 41, 3, 0.5f);
  g_autoptr(NnPyramid) pyramid = pyramid_for(image, 4);
  nn_pyramid_split(pyramid, context, image);
  for (int i = 0; i < 4; i++)
    g_assert_cmpfloat(rms(nn_pyramid_band(pyramid, i)), <, 1e-6);
  g_assert_cmpfloat_with_epsilon(rms(nn_pyramid_band(pyramid, 4)), 0.5, 1e-6);
}

/* a wave of a period of 5 * 2^i px is strongest in band i */
static void
test_bands(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  for (int wanted = 0; wanted < 4; wanted++) {
    g_autoptr(NnImage) image = picture_new(256, 256, 1);
    for (int i = 0; i < 256 * 256; i++)
      image->data[i] = (float)sin(2 * G_PI * (i % 256) / (5.0 * (1 << wanted)));
    g_autoptr(NnPyramid) pyramid = pyramid_for(image, 4);
    nn_pyramid_split(pyramid, context, image);
    int strongest = 0;
    for (int i = 1; i <= 4; i++)
      if (rms(nn_pyramid_band(pyramid, i)) > rms(nn_pyramid_band(pyramid, strongest)))
        strongest = i;
    g_assert_cmpint(strongest, ==, wanted);
  }
}

static void
test_normalise(void)
{
  g_autoptr(NnContext) one = nn_context_new(1);
  g_autoptr(NnContext) three = nn_context_new(3);
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autoptr(NnImage) image = picture_noise(sizes[i][0], sizes[i][1], 3, i);
    g_autoptr(NnImage) other = nn_image_copy(image, NULL);
    g_autoptr(NnPyramid) pyramid = pyramid_for(image, 3);
    /* what the definition gives */
    nn_pyramid_split(pyramid, one, image);
    for (int k = 0; k <= nn_pyramid_levels(pyramid); k++) {
      NnImage *band = nn_pyramid_band(pyramid, k);
      double divisor = rms(band);
      for (size_t j = 0; j < nn_image_samples(band) && divisor > 0; j++)
        band->data[j] = (float)(band->data[j] / divisor);
      g_assert_true(divisor == 0 || fabs(rms(band) - 1) < 1e-4);
    }
    g_autoptr(NnImage) expected = picture_new(sizes[i][0], sizes[i][1], 3);
    nn_pyramid_join(pyramid, one, expected);
    nn_pyramid_normalise(pyramid, one, image);
    nn_pyramid_normalise(pyramid, three, other);
    g_assert_cmpfloat(largest_difference(image, other), ==, 0);
    g_assert_cmpfloat(largest_difference(image, expected), <, 1e-4);
  }
}

static void
test_nothing(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) image = picture_constant(33, 20, 3, 0);
  g_autoptr(NnPyramid) pyramid = pyramid_for(image, 4);
  nn_pyramid_normalise(pyramid, context, image);
  g_assert_cmpfloat(rms(image), ==, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pyramid/joins", test_joins);
  g_test_add_func("/pyramid/sizes", test_sizes);
  g_test_add_func("/pyramid/constant", test_constant);
  g_test_add_func("/pyramid/bands", test_bands);
  g_test_add_func("/pyramid/normalise", test_normalise);
  g_test_add_func("/pyramid/nothing", test_nothing);
  return g_test_run();
}
