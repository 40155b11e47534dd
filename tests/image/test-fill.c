/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filling under transparency: own colours stay to the bit, holes take those around, nonsense
 * becomes numbers, nothing at all is an error. */
#include "nncore/base/error.h"
#include "nncore/image/fill.h"
#include "tests/image/pictures.h"

static NnImage *
filled(const NnImage *image)
{
  g_autoptr(GError) error = NULL;
  NnImage *result = nn_image_fill(image, &error);
  g_assert_no_error(error);
  g_assert_cmpint(result->channels, ==, 3);
  return result;
}

static void
test_opaque(void)
{
  g_autoptr(NnImage) image = picture_noise(19, 23, 4, 1);
  for (int i = 0; i < 19 * 23; i++)
    image->data[4 * i + 3] = i % 2 == 0 ? 1 : 0.01f;
  g_autoptr(NnImage) rgb = filled(image);
  for (int i = 0; i < 19 * 23; i++)
    for (int c = 0; c < 3; c++)
      g_assert_cmpfloat(rgb->data[3 * i + c], ==, image->data[4 * i + c]);
}

/* one pixel's colour goes everywhere */
static void
test_one_pixel(void)
{
  static const int sizes[][2] = {{1, 1}, {3, 500}, {64, 64}, {77, 31}};
  for (size_t k = 0; k < G_N_ELEMENTS(sizes); k++) {
    int pixels = sizes[k][0] * sizes[k][1];
    g_autoptr(NnImage) image = picture_noise(sizes[k][0], sizes[k][1], 4, 2);
    for (int i = 0; i < pixels; i++)
      image->data[4 * i + 3] = 0;
    float *pixel = image->data + pixels / 3 * 4;
    pixel[3] = 0.5f;
    g_autoptr(NnImage) rgb = filled(image);
    for (int i = 0; i < pixels; i++)
      for (int c = 0; c < 3; c++)
        g_assert_cmpfloat_with_epsilon(rgb->data[3 * i + c], pixel[c], 1e-5);
  }
}

/* a hole between black and white: values in between, without leaving 0..1 or jumping */
static void
test_smooth(void)
{
  g_autoptr(NnImage) image = picture_new(64, 64, 4);
  for (int i = 0; i < 64 * 64; i++) {
    int x = i % 64;
    for (int c = 0; c < 3; c++)
      image->data[4 * i + c] = x < 16 ? 0 : x >= 48 ? 1 : NAN;
    image->data[4 * i + 3] = x < 16 || x >= 48 ? 1 : 0;
  }
  g_autoptr(NnImage) rgb = filled(image);
  for (int x = 1; x < 64; x++) {
    float step = pixel_at(rgb, x, 32, 0) - pixel_at(rgb, x - 1, 32, 0);
    g_assert_cmpfloat(step, >=, -1e-4);
    g_assert_cmpfloat(step, <, 0.3);
  }
}

static void
test_nonsense(void)
{
  g_autoptr(NnImage) image = picture_constant(4, 1, 4, 1);
  static const float values[4] = {NAN, INFINITY, -INFINITY, 7};
  static const float expected[4] = {0, 1, 0, 1};
  for (int i = 0; i < 4; i++)
    image->data[4 * i] = values[i];
  g_autoptr(NnImage) rgb = filled(image);
  for (int i = 0; i < 4; i++)
    g_assert_cmpfloat(rgb->data[3 * i], ==, expected[i]);
}

static void
test_empty(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnImage) image = picture_constant(9, 9, 4, 0);
  g_assert_null(nn_image_fill(image, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/fill/opaque", test_opaque);
  g_test_add_func("/fill/one-pixel", test_one_pixel);
  g_test_add_func("/fill/smooth", test_smooth);
  g_test_add_func("/fill/nonsense", test_nonsense);
  g_test_add_func("/fill/empty", test_empty);
  return g_test_run();
}
