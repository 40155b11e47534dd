/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gaussian blur: constants stay, an impulse becomes the Gaussian, threads do not matter, sizes
 * smaller than the kernel work. */
#include "nncore/image/blur.h"
#include "tests/image/pictures.h"

static void
blur(NnImage *image, double sigma_px, int threads)
{
  g_autoptr(NnContext) context = nn_context_new(threads);
  g_autoptr(GError) error = NULL;
  g_autoptr(NnBlur) blur =
      nn_blur_new(image->width, image->height, image->channels, sigma_px, &error);
  g_assert_no_error(error);
  nn_blur_run(blur, context, image);
}

static void
test_constant(void)
{
  static const int sizes[][2] = {{1, 1}, {3, 500}, {7, 2}, {64, 64}};
  static const double sigmas[] = {0, 0.3, 1, 8, 64};
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(sigmas); k++) {
      g_autoptr(NnImage) image = picture_constant(sizes[i][0], sizes[i][1], 3, 0.4f);
      g_autoptr(NnImage) expected = picture_constant(sizes[i][0], sizes[i][1], 3, 0.4f);
      blur(image, sigmas[k], 2);
      g_assert_cmpfloat(largest_difference(image, expected), <, 1e-5);
    }
}

static void
test_impulse(void)
{
  g_autoptr(NnImage) image = picture_constant(65, 65, 1, 0);
  image->data[32 * 65 + 32] = 1;
  blur(image, 3, 2);
  for (int y = 0; y < 65; y++)
    for (int x = 0; x < 65; x++) {
      int d2 = (x - 32) * (x - 32) + (y - 32) * (y - 32);
      g_assert_cmpfloat_with_epsilon(pixel_at(image, x, y, 0), exp(-d2 / 18.0) / (18 * G_PI), 2e-4);
    }
  g_assert_cmpfloat_with_epsilon(mean_of(image, 0) * 65 * 65, 1, 1e-5);
}

static void
test_zero(void)
{
  g_autoptr(NnImage) image = picture_noise(20, 10, 3, 1);
  g_autoptr(NnImage) before = nn_image_copy(image, NULL);
  blur(image, 0, 2);
  g_assert_cmpfloat(largest_difference(image, before), ==, 0);
  blur(image, -1, 2);
  g_assert_cmpfloat(largest_difference(image, before), ==, 0);
}

static void
test_threads(void)
{
  g_autoptr(NnImage) one = picture_noise(201, 150, 3, 2);
  g_autoptr(NnImage) three = nn_image_copy(one, NULL);
  blur(one, 2.5, 1);
  blur(three, 2.5, 3);
  g_assert_cmpfloat(largest_difference(one, three), ==, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/blur/constant", test_constant);
  g_test_add_func("/blur/impulse", test_impulse);
  g_test_add_func("/blur/zero", test_zero);
  g_test_add_func("/blur/threads", test_threads);
  return g_test_run();
}
