/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resampling: constants stay, equal sizes are identity, nothing shifts, what is too fine for the
 * new size vanishes instead of aliasing, what is coarse survives, threads do not matter. */
#include "nncore/image/resample.h"
#include "tests/image/pictures.h"

static const int sizes[][2] = {{1, 1}, {1, 17}, {2, 3}, {33, 1}, {40, 31}, {3, 200}, {129, 64}};

static NnImage *
resampled(const NnImage *image, int width, int height, int threads)
{
  g_autoptr(NnContext) context = nn_context_new(threads);
  g_autoptr(GError) error = NULL;
  NnImage *result = nn_resample_new(context, image, width, height, &error);
  g_assert_no_error(error);
  return result;
}

static void
test_constant(void)
{
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(sizes); k++) {
      g_autoptr(NnImage) from = picture_constant(sizes[i][0], sizes[i][1], 3, 0.7f);
      g_autoptr(NnImage) to = resampled(from, sizes[k][0], sizes[k][1], 2);
      g_autoptr(NnImage) expected = picture_constant(sizes[k][0], sizes[k][1], 3, 0.7f);
      g_assert_cmpfloat(largest_difference(to, expected), <, 1e-6);
    }
}

static void
test_identity(void)
{
  for (int channels = 1; channels <= 4; channels++) {
    g_autoptr(NnImage) from = picture_noise(31, 22, channels, 4);
    g_autoptr(NnImage) to = resampled(from, 31, 22, 2);
    g_assert_cmpfloat(largest_difference(from, to), ==, 0);
  }
}

/* x over the picture, which enlarging keeps away from the edges, and shrinking to a twentieth of
 * a source pixel: a widened kernel's samples are not quite balanced */
static void
test_no_shift(void)
{
  static const int widths[] = {50, 73, 99, 101, 200, 317};
  g_autoptr(NnImage) from = picture_new(100, 100, 2);
  for (int y = 0; y < 100; y++)
    for (int x = 0; x < 100; x++) {
      from->data[(y * 100 + x) * 2] = (float)((x + 0.5) / 100);
      from->data[(y * 100 + x) * 2 + 1] = (float)((y + 0.5) / 100);
    }
  for (size_t i = 0; i < G_N_ELEMENTS(widths); i++) {
    int n = widths[i];
    double tolerance = n < 100 ? 5e-4 : 2e-5;
    g_autoptr(NnImage) to = resampled(from, n, n, 2);
    for (int k = n / 10; k < n - n / 10; k++) {
      g_assert_cmpfloat_with_epsilon(pixel_at(to, k, n / 2, 0), (k + 0.5) / n, tolerance);
      g_assert_cmpfloat_with_epsilon(pixel_at(to, n / 2, k, 1), (k + 0.5) / n, tolerance);
    }
  }
}

static NnImage *
wave(int width, int height, double periods)
{
  NnImage *image = picture_new(width, height, 1);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      image->data[y * width + x] =
          (float)sin(2 * G_PI * periods * ((x + 0.5) / width + (y + 0.5) / height));
  return image;
}

/* a wave that both sizes can carry is the same wave at either */
static void
test_coarse_survives(void)
{
  static const int widths[] = {64, 90, 140, 400, 517};
  g_autoptr(NnImage) from = wave(256, 256, 4);
  for (size_t i = 0; i < G_N_ELEMENTS(widths); i++) {
    g_autoptr(NnImage) to = resampled(from, widths[i], widths[i], 2);
    g_autoptr(NnImage) expected = wave(widths[i], widths[i], 4);
    for (int k = widths[i] / 8; k < widths[i] - widths[i] / 8; k++)
      g_assert_cmpfloat_with_epsilon(pixel_at(to, k, k, 0), pixel_at(expected, k, k, 0), 0.03);
  }
}

static void
test_fine_vanishes(void)
{
  g_autoptr(NnImage) from = wave(256, 256, 100);
  g_autoptr(NnImage) to = resampled(from, 48, 48, 2);
  for (int k = 4; k < 44; k++)
    g_assert_cmpfloat_with_epsilon(pixel_at(to, k, k, 0), 0, 0.03);
  /* shrinking counts every pixel: noise loses deviation as the mean of so many does */
  g_autoptr(NnImage) noise = picture_noise(400, 400, 1, 6);
  g_autoptr(NnImage) small = resampled(noise, 40, 40, 2);
  double sum = 0;
  for (int i = 0; i < 1600; i++)
    sum += (small->data[i] - 0.5) * (small->data[i] - 0.5);
  g_assert_cmpfloat_with_epsilon(mean_of(small, 0), 0.5, 0.01);
  g_assert_cmpfloat(sqrt(sum / 1600), <, 1.2 * sqrt(1 / 12.0) / 10);
}

static void
test_there_and_back(void)
{
  g_autoptr(NnImage) noise = picture_noise(20, 15, 3, 7);
  g_autoptr(NnImage) smooth = resampled(noise, 100, 75, 2);
  g_autoptr(NnImage) larger = resampled(smooth, 333, 211, 2);
  g_autoptr(NnImage) back = resampled(larger, 100, 75, 2);
  g_assert_cmpfloat(largest_difference(smooth, back), <, 0.05);
  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon(mean_of(larger, c), mean_of(smooth, c), 2e-3);
}

static void
test_mirrored(void)
{
  g_autoptr(NnImage) from = picture_noise(37, 2, 1, 8);
  g_autoptr(NnImage) mirrored = picture_new(37, 2, 1);
  for (int i = 0; i < 74; i++)
    mirrored->data[i] = pixel_at(from, 36 - i % 37, i / 37, 0);
  static const int widths[] = {5, 16, 38, 90};
  for (size_t k = 0; k < G_N_ELEMENTS(widths); k++) {
    g_autoptr(NnImage) a = resampled(from, widths[k], 2, 1);
    g_autoptr(NnImage) b = resampled(mirrored, widths[k], 2, 1);
    for (int x = 0; x < widths[k]; x++)
      g_assert_cmpfloat_with_epsilon(pixel_at(a, x, 1, 0), pixel_at(b, widths[k] - 1 - x, 1, 0),
                                     1e-5);
  }
}

static void
test_threads(void)
{
  g_autoptr(NnImage) from = picture_noise(301, 203, 4, 9);
  g_autoptr(NnImage) one = resampled(from, 777, 99, 1);
  g_autoptr(NnImage) four = resampled(from, 777, 99, 4);
  g_assert_cmpfloat(largest_difference(one, four), ==, 0);
}

/* rolling by whole periods of both grids and resampling may change places; edges are no edges */
static void
test_periodic(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  static const int sides[][2] = {{24, 36}, {24, 16}, {3, 9}, {1, 4}, {30, 30}};
  for (size_t s = 0; s < G_N_ELEMENTS(sides); s++) {
    int from = sides[s][0], to = sides[s][1];
    int from_roll = from % 3 == 0 ? from / 3 : 0, to_roll = from % 3 == 0 ? to / 3 : 0;
    if (to % 3 != 0)
      from_roll = to_roll = 0;
    g_autoptr(NnImage) image = picture_noise(from, from, 3, s);
    g_autoptr(NnImage) rolled = picture_new(from, from, 3);
    for (int i = 0; i < from * from * 3; i++) {
      int x = i / 3 % from, y = i / 3 / from;
      rolled->data[i] = pixel_at(image, (x + from_roll) % from, (y + from_roll) % from, i % 3);
    }
    g_autoptr(NnImage) a = picture_new(to, to, 3);
    g_autoptr(NnImage) b = picture_new(to, to, 3);
    g_assert_true(nn_resample_periodic(context, image, a, NULL));
    g_assert_true(nn_resample_periodic(context, rolled, b, NULL));
    for (int i = 0; i < to * to * 3; i++) {
      int x = i / 3 % to, y = i / 3 / to;
      g_assert_cmpfloat_with_epsilon(
          b->data[i], pixel_at(a, (x + to_roll) % to, (y + to_roll) % to, i % 3), 1e-5);
    }
    g_assert_cmpfloat_with_epsilon(mean_of(a, 0), mean_of(image, 0), 0.05);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/resample/constant", test_constant);
  g_test_add_func("/resample/identity", test_identity);
  g_test_add_func("/resample/no-shift", test_no_shift);
  g_test_add_func("/resample/coarse-survives", test_coarse_survives);
  g_test_add_func("/resample/fine-vanishes", test_fine_vanishes);
  g_test_add_func("/resample/there-and-back", test_there_and_back);
  g_test_add_func("/resample/mirrored", test_mirrored);
  g_test_add_func("/resample/threads", test_threads);
  g_test_add_func("/resample/periodic", test_periodic);
  return g_test_run();
}
