/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means and covariances of colours by definition; matching gives exactly the other's; noise has
 * those that it was asked for. */
#include "nncore/image/colour-statistics.h"
#include "nncore/image/colour.h"
#include "tests/image/pictures.h"

/* colours that are correlated, and far from 0.5 */
static NnImage *
coloured_new(int width, int height, int channels, uint64_t seed)
{
  NnImage *image = picture_noise(width, height, channels, seed);
  for (int i = 0; i < width * height; i++) {
    float *pixel = image->data + (size_t)i * (size_t)channels;
    pixel[1] = 0.3f * pixel[0] + 0.2f * pixel[1] + 0.1f;
    pixel[2] = 0.5f * pixel[2] + 0.3f * pixel[1];
  }
  return image;
}

static void
test_definition(void)
{
  g_autoptr(NnContext) context = nn_context_new(3);
  g_autoptr(NnImage) image = coloured_new(190, 101, 4, 1);
  NnColourStatistics statistics = nn_colour_statistics(context, image);
  double sum = 0, mean[3] = {0}, second[9] = {0};
  for (int i = 0; i < 190 * 101; i++) {
    const float *pixel = image->data + 4 * i;
    double alpha = pixel[3];
    sum += alpha;
    for (int c = 0; c < 3; c++)
      mean[c] += alpha * pixel[c];
    for (int k = 0; k < 9; k++)
      second[k] += alpha * pixel[k / 3] * pixel[k % 3];
  }
  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon(statistics.mean[c], mean[c] / sum, 1e-9);
  for (int k = 0; k < 9; k++)
    g_assert_cmpfloat_with_epsilon(statistics.covariance[k],
                                   second[k] / sum - mean[k / 3] * mean[k % 3] / sum / sum, 1e-9);
}

/* within 1 % of the largest */
static void
assert_alike(const NnColourStatistics *a, const NnColourStatistics *b, double tolerance)
{
  double most = 0;
  for (int k = 0; k < 9; k++)
    most = MAX(most, fabs(b->covariance[k]));
  for (int k = 0; k < 9; k++)
    g_assert_cmpfloat_with_epsilon(a->covariance[k], b->covariance[k], tolerance * most);
  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon(a->mean[c], b->mean[c], tolerance * sqrt(most));
}

static void
test_match(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) image = coloured_new(80, 70, 4, 1);
  g_autoptr(NnImage) like = picture_noise(50, 60, 3, 2);
  for (int i = 0; i < 80 * 70; i++)
    image->data[4 * i + 3] = 1;
  for (int i = 0; i < 50 * 60 * 3; i++) /* so that what is matched to it stays within 0..1 */
    like->data[i] = 0.4f + 0.2f * like->data[i];
  NnColourStatistics from = nn_colour_statistics(context, image);
  NnColourStatistics to = nn_colour_statistics(context, like);
  NnColourMap map = nn_colour_match(&from, &to);
  nn_colour_map(context, &map, image);
  NnColourStatistics after = nn_colour_statistics(context, image);
  assert_alike(&after, &to, 1e-5);
}

/* values out of 0..1, no numbers, and an alpha that is none */
static void
test_not_finite(void)
{
  static const float given[] = {NAN, INFINITY, -INFINITY, 40, -3}, counted[] = {0, 1, 0, 1, 0};
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnImage) image = coloured_new(30, 20, 4, 5);
  g_autoptr(NnImage) clean = coloured_new(30, 20, 4, 5);
  for (int k = 0; k < 20; k++) {
    image->data[4 * (7 + 11 * k) + k % 4] = given[k % 5];
    clean->data[4 * (7 + 11 * k) + k % 4] = counted[k % 5];
  }
  NnColourStatistics found = nn_colour_statistics(context, image);
  NnColourStatistics wanted = nn_colour_statistics(context, clean);
  g_assert_cmpmem(&found, sizeof found, &wanted, sizeof wanted);
}

/* grey stays grey: there is no chroma to be spread */
static void
test_singular(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnImage) grey = picture_noise(40, 40, 3, 1);
  g_autoptr(NnImage) like = picture_noise(40, 40, 3, 2);
  NnColourMap to_grey = nn_colour_to_grey();
  nn_colour_map(context, &to_grey, grey);
  for (int i = 0; i < 1600; i++)
    g_assert_cmpfloat_with_epsilon(grey->data[3 * i], grey->data[3 * i + 2], 1e-6);
  NnColourStatistics from = nn_colour_statistics(context, grey);
  NnColourStatistics to = nn_colour_statistics(context, like);
  NnColourMap map = nn_colour_match(&from, &to);
  nn_colour_map(context, &map, grey);
  NnColourStatistics after = nn_colour_statistics(context, grey);
  for (int k = 0; k < 9; k++)
    g_assert_cmpfloat(fabs(after.covariance[k]), <=, 1.01 / 12);
  g_autoptr(NnImage) constant = picture_constant(5, 5, 3, 0.25f);
  from = nn_colour_statistics(context, constant);
  map = nn_colour_match(&from, &to);
  nn_colour_map(context, &map, constant);
  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon(constant->data[c], to.mean[c], 1e-6);
}

static void
test_noise(void)
{
  NnColourStatistics wanted = {{0.5, 0.4, 0.6}, {4e-3, 1e-3, 0, 1e-3, 2e-3, 0, 0, 0, 6e-3}};
  g_autoptr(NnContext) single = nn_context_new(1);
  g_autoptr(NnContext) several = nn_context_new(4);
  g_autoptr(NnImage) one = picture_new(300, 200, 3);
  g_autoptr(NnImage) many = picture_new(300, 200, 3);
  nn_colour_noise(single, &wanted, 7, one);
  nn_colour_noise(several, &wanted, 7, many);
  g_assert_cmpmem(one->data, nn_image_samples(one) * sizeof(float), many->data,
                  nn_image_samples(many) * sizeof(float));
  NnColourStatistics found = nn_colour_statistics(single, one);
  assert_alike(&found, &wanted, 0.03);
}

/* kept chroma: all differences between channels stay, whatever the change */
static void
test_keep_chroma(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) original = picture_noise(40, 30, 4, 1);
  g_autoptr(NnImage) change = picture_noise(40, 30, 3, 2);
  g_autoptr(NnImage) result = picture_new(40, 30, 4);
  for (int i = 0; i < 40 * 30 * 3; i++)
    change->data[i] = 2 * change->data[i] - 1;
  nn_apply_change(context, original, change, 1, NN_KEEP_CHROMA, result, NULL);
  int moved = 0;
  for (int i = 0; i < 40 * 30; i++) {
    const float *from = original->data + 4 * i, *to = result->data + 4 * i;
    for (int c = 0; c < 3; c++) {
      g_assert_cmpfloat_with_epsilon(to[c] - to[0], from[c] - from[0], 1e-6);
      g_assert_true(to[c] >= -1e-6f && to[c] <= 1 + 1e-6f);
    }
    moved += fabsf(to[0] - from[0] - nn_luminance(change->data + 3 * i)) < 1e-6f;
  }
  g_assert_cmpint(moved, >, 300);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/colour-statistics/definition", test_definition);
  g_test_add_func("/colour-statistics/match", test_match);
  g_test_add_func("/colour-statistics/not-finite", test_not_finite);
  g_test_add_func("/colour-statistics/singular", test_singular);
  g_test_add_func("/colour-statistics/noise", test_noise);
  g_test_add_func("/colour-statistics/keep-chroma", test_keep_chroma);
  return g_test_run();
}
