/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Hartley transform against its definition, its own inverse, the same for every number of
 * threads; spectra: pictures from parameters, and the gradient back. */
#include <string.h>

#include "nncore/image/hartley.h"
#include "nncore/image/spectrum.h"
#include "tests/image/pictures.h"

static double
cas(int i, int u, int n)
{
  double angle = 2 * G_PI * i * u / n;
  return (cos(angle) + sin(angle)) / sqrt(n);
}

static double
by_definition(const NnImage *image, int u, int v, int c)
{
  double sum = 0;
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++)
      sum += pixel_at(image, x, y, c) * cas(x, u, image->width) * cas(y, v, image->height);
  return sum;
}

static void
test_definition(void)
{
  static const int sizes[][2] = {{1, 1}, {2, 3}, {5, 4}, {8, 1}, {30, 16}, {9, 25}, {36, 10}};
  g_autoptr(NnContext) context = nn_context_new(2);
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (int channels = 1; channels <= 4; channels++) {
      int width = sizes[i][0], height = sizes[i][1];
      g_autoptr(NnImage) image = picture_noise(width, height, channels, i);
      g_autoptr(NnImage) result = nn_image_copy(image, NULL);
      g_autoptr(NnHartley) hartley = nn_hartley_new(context, width, height, NULL);
      nn_hartley_run(hartley, context, result);
      for (int v = 0; v < height; v++)
        for (int u = 0; u < width; u++)
          for (int c = 0; c < channels; c++)
            g_assert_cmpfloat_with_epsilon(pixel_at(result, u, v, c), by_definition(image, u, v, c),
                                           2e-5);
      nn_hartley_run(hartley, context, result);
      g_assert_cmpfloat(largest_difference(image, result), <, 1e-5);
    }
}

static void
test_threads(void)
{
  g_autoptr(NnImage) one = picture_noise(90, 75, 3, 5);
  g_autoptr(NnImage) three = nn_image_copy(one, NULL);
  NnImage *images[] = {one, three};
  for (int i = 0; i < 2; i++) {
    g_autoptr(NnContext) context = nn_context_new(1 + 2 * i);
    g_autoptr(NnHartley) hartley = nn_hartley_new(context, 90, 75, NULL);
    nn_hartley_run(hartley, context, images[i]);
  }
  g_assert_cmpmem(one->data, nn_image_samples(one) * sizeof(float), three->data,
                  nn_image_samples(three) * sizeof(float));
}

static void
test_sizes(void)
{
  g_assert_cmpint(nn_hartley_size(1), ==, 1);
  g_assert_cmpint(nn_hartley_size(7), ==, 8);
  g_assert_cmpint(nn_hartley_size(97), ==, 100);
  g_assert_cmpint(nn_hartley_size(512), ==, 512);
  g_assert_cmpint(nn_hartley_size(1021), ==, 1024);
  g_assert_cmpfloat(nn_hartley_frequency(0, 10), ==, 0);
  g_assert_cmpfloat(nn_hartley_frequency(3, 10), ==, 0.3);
  g_assert_cmpfloat(nn_hartley_frequency(8, 10), ==, 0.2);
}

/* ---- spectra ---- */

static double
dot(const float *a, const float *b, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += (double)a[i] * b[i];
  return sum;
}

/* (transfer full): parameters of deviation 1 */
static NnImage *
parameters_new(const NnSpectrum *spectrum, NnContext *context, uint64_t seed)
{
  int width, height;
  nn_spectrum_size(spectrum, &width, &height);
  NnImage *parameters = picture_new(width, height, 3);
  nn_spectrum_noise(context, seed, 1, parameters);
  return parameters;
}

/* <picture(z), g> = <z, gradient(g)> for all z and g: one is the other's adjoint */
static void
test_adjoint(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnSpectrum) spectrum = nn_spectrum_new(context, 37, 29, NULL);
  g_autoptr(NnImage) z = parameters_new(spectrum, context, 3);
  g_autoptr(NnImage) back = nn_image_copy(z, NULL);
  g_autoptr(NnImage) picture = picture_new(37, 29, 3);
  g_autoptr(NnImage) other = picture_noise(37, 29, 3, 4);
  nn_spectrum_picture(spectrum, context, z, picture);
  nn_spectrum_gradient(spectrum, context, other, back);
  double there = dot(picture->data, other->data, nn_image_samples(other));
  g_assert_cmpfloat_with_epsilon(there, dot(z->data, back->data, nn_image_samples(z)),
                                 1e-3 * fabs(there) + 1e-3);
}

/* noise has the strength of a photo, and neighbours that are alike */
static void
test_noise(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnSpectrum) spectrum = nn_spectrum_new(context, 128, 96, NULL);
  g_autoptr(NnImage) z = parameters_new(spectrum, context, 7);
  g_autoptr(NnImage) picture = picture_new(128, 96, 3);
  nn_spectrum_picture(spectrum, context, z, picture);
  double squares = dot(picture->data, picture->data, nn_image_samples(picture));
  double next = dot(picture->data, picture->data + 3, nn_image_samples(picture) - 3);
  g_assert_cmpfloat_with_epsilon(sqrt(squares / (double)nn_image_samples(picture)), 0.25, 0.1);
  g_assert_cmpfloat(next, >, 0.7 * squares);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/hartley/definition", test_definition);
  g_test_add_func("/hartley/threads", test_threads);
  g_test_add_func("/hartley/sizes", test_sizes);
  g_test_add_func("/spectrum/adjoint", test_adjoint);
  g_test_add_func("/spectrum/noise", test_noise);
  return g_test_run();
}
