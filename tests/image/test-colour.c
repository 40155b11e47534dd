/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adding changes: exact sums, clipping only where the original was within 0..1, alpha and what
 * lies under alpha 0 untouched; kept colours have the original's chroma and the sum's luminance. */
#include "nncore/image/colour.h"
#include "tests/image/pictures.h"

static NnImage *
applied(const NnImage *original, const NnImage *change, float strength, bool keep_colours)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(GError) error = NULL;
  NnImage *result = picture_new(original->width, original->height, original->channels);
  nn_apply_change(context, original, change, strength, keep_colours, result, &error);
  g_assert_no_error(error);
  return result;
}

/* noise from -size to size */
static NnImage *
change_new(int width, int height, float size)
{
  NnImage *change = picture_noise(width, height, 3, 99);
  for (size_t i = 0; i < nn_image_samples(change); i++)
    change->data[i] = (2 * change->data[i] - 1) * size;
  return change;
}

static void
test_sum(void)
{
  g_autoptr(NnImage) original = picture_noise(21, 13, 4, 1);
  g_autoptr(NnImage) change = change_new(21, 13, 1);
  g_autoptr(NnImage) result = applied(original, change, 0.75f, false);
  for (int i = 0; i < 21 * 13; i++) {
    g_assert_cmpfloat(result->data[4 * i + 3], ==, original->data[4 * i + 3]);
    for (int c = 0; c < 3; c++) {
      double sum = original->data[4 * i + c] + 0.75 * change->data[3 * i + c];
      g_assert_cmpfloat_with_epsilon(result->data[4 * i + c], CLAMP(sum, 0, 1), 1e-6);
    }
  }
}

static void
test_nothing(void)
{
  g_autoptr(NnImage) original = picture_noise(21, 13, 4, 1);
  original->data[5] = 3; /* beyond white */
  original->data[6] = -2;
  g_autoptr(NnImage) change = change_new(21, 13, 1);
  for (int keep = 0; keep < 2; keep++) {
    g_autoptr(NnImage) result = applied(original, change, 0, keep == 1);
    g_assert_cmpfloat(largest_difference(original, result), ==, 0);
  }
}

static void
test_unbounded(void)
{
  g_autoptr(NnImage) original = picture_constant(2, 1, 3, 0.9f);
  original->data[0] = 4;
  original->data[1] = -1;
  g_autoptr(NnImage) change = picture_constant(2, 1, 3, 0.5f);
  g_autoptr(NnImage) result = applied(original, change, 1, false);
  g_assert_cmpfloat(result->data[0], ==, 4.5f);
  g_assert_cmpfloat(result->data[1], ==, -0.5f);
  g_assert_cmpfloat(result->data[2], ==, 1);
  g_autoptr(NnImage) kept = applied(original, change, 1, true);
  g_assert_cmpfloat_with_epsilon(kept->data[0], 4.5f, 1e-6);
  g_assert_cmpfloat_with_epsilon(kept->data[1], -0.5f, 1e-6);
}

static void
test_transparent(void)
{
  g_autoptr(NnImage) original = picture_noise(10, 10, 4, 2);
  for (int i = 0; i < 100; i++)
    original->data[4 * i + 3] = i % 3 == 0 ? 0 : 0.5f;
  original->data[0] = NAN;
  g_autoptr(NnImage) change = picture_constant(10, 10, 3, 0.01f);
  for (int keep = 0; keep < 2; keep++) {
    g_autoptr(NnImage) result = applied(original, change, 1, keep == 1);
    for (int i = 0; i < 100; i++)
      if (i % 3 == 0)
        g_assert_cmpmem(result->data + 4 * i, 16, original->data + 4 * i, 16);
      else
        g_assert_cmpfloat(result->data[4 * i], !=, original->data[4 * i]);
  }
}

/* B' - Y' and R' - Y', which Cb and Cr are multiples of */
static void
test_chroma(void)
{
  g_autoptr(NnImage) original = picture_noise(50, 40, 3, 3);
  for (size_t i = 0; i < nn_image_samples(original); i++)
    original->data[i] = 0.3f + 0.4f * original->data[i];
  g_autoptr(NnImage) change = change_new(50, 40, 0.3f);
  g_autoptr(NnImage) result = applied(original, change, 1, true);
  for (int i = 0; i < 2000; i++) {
    const float *from = original->data + 3 * i, *to = result->data + 3 * i;
    for (int c = 0; c < 3; c += 2)
      g_assert_cmpfloat_with_epsilon(from[c] - nn_luminance(from), to[c] - nn_luminance(to), 1e-6);
    float sum[3];
    for (int c = 0; c < 3; c++)
      sum[c] = from[c] + change->data[3 * i + c];
    g_assert_cmpfloat_with_epsilon(nn_luminance(sum), nn_luminance(to), 1e-6);
  }
}

/* out of gamut: luminance is that of the sum, clipped; chroma is the original's, times a part */
static void
test_gamut(void)
{
  g_autoptr(NnImage) original = picture_noise(50, 40, 3, 4);
  g_autoptr(NnImage) change = change_new(50, 40, 1.5f);
  g_autoptr(NnImage) result = applied(original, change, 1, true);
  int reduced = 0;
  for (int i = 0; i < 2000; i++) {
    const float *from = original->data + 3 * i, *to = result->data + 3 * i;
    double before = nn_luminance(from), after = nn_luminance(to);
    double wanted = before + nn_luminance(change->data + 3 * i);
    g_assert_cmpfloat_with_epsilon(after, CLAMP(wanted, 0, 1), 1e-5);
    for (int c = 0; c < 3; c++) {
      g_assert_true(to[c] >= 0 && to[c] <= 1);
      for (int k = 0; k < c; k++) /* the same hue: proportional chroma */
        g_assert_cmpfloat_with_epsilon((to[c] - after) * (from[k] - before),
                                       (to[k] - after) * (from[c] - before), 1e-5);
    }
    reduced += fabs((to[0] - after) - (from[0] - before)) > 1e-3;
  }
  g_assert_cmpint(reduced, >, 100);
}

static void
test_enlarges(void)
{
  g_autoptr(NnImage) original = picture_constant(100, 60, 4, 0.5f);
  g_autoptr(NnImage) change = picture_constant(10, 6, 3, 0.25f);
  g_autoptr(NnImage) result = applied(original, change, -1, false);
  for (int i = 0; i < 6000; i++)
    g_assert_cmpfloat_with_epsilon(result->data[4 * i + 1], 0.25, 1e-6);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/colour/sum", test_sum);
  g_test_add_func("/colour/nothing", test_nothing);
  g_test_add_func("/colour/unbounded", test_unbounded);
  g_test_add_func("/colour/transparent", test_transparent);
  g_test_add_func("/colour/chroma", test_chroma);
  g_test_add_func("/colour/gamut", test_gamut);
  g_test_add_func("/colour/enlarges", test_enlarges);
  return g_test_run();
}
