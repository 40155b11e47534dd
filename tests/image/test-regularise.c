/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What keeps pictures natural between steps: decay, norms and contributions of pixels by definition,
 * clearing of the part asked for and of the smallest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nncore/image/regularise.h"
#include "tests/image/pictures.h"

static void
test_decay(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) image = picture_noise(20, 11, 3, 1), before = nn_image_copy(image, NULL);
  nn_decay(context, image->data, (int64_t)nn_image_samples(image), 0.5f, 0.25f);
  for (size_t i = 0; i < nn_image_samples(image); i++)
    g_assert_cmpfloat_with_epsilon(image->data[i], 0.5 + 0.75 * (before->data[i] - 0.5), 1e-6);
}

static void
test_measures(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) image = picture_noise(13, 17, 3, 1), gradient = picture_noise(13, 17, 3, 2);
  float norms[13 * 17], contributions[13 * 17];
  nn_pixel_norms(context, image, 0.5f, norms);
  nn_pixel_contributions(context, image, 0.5f, gradient, contributions);
  for (int i = 0; i < 13 * 17; i++) {
    double square = 0, product = 0;
    for (int c = 0; c < 3; c++) {
      double difference = (double)image->data[3 * i + c] - 0.5;
      square += difference * difference;
      product += difference * (double)gradient->data[3 * i + c];
    }
    g_assert_cmpfloat_with_epsilon(norms[i], sqrt(square), 1e-6);
    g_assert_cmpfloat_with_epsilon(contributions[i], fabs(product), 1e-6);
  }
}

static int
compare(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* as many as asked for, against a sort; all alike: none */
static void
test_clear(void)
{
  static const double parts[] = {0, 0.003, 0.2, 0.5, 0.9, 1};
  enum { COUNT = 31 * 29 };
  g_autoptr(NnContext) context = nn_context_new(2);
  float measures[COUNT], sorted[COUNT], scratch[COUNT];
  for (int i = 0; i < COUNT; i++)
    measures[i] = sorted[i] = (float)(nn_random_at(7, (uint64_t)i) % 500);
  qsort(sorted, COUNT, sizeof(float), compare);
  for (size_t k = 0; k < G_N_ELEMENTS(parts); k++) {
    g_autoptr(NnImage) image = picture_constant(31, 29, 3, 1);
    float threshold = sorted[MIN((int)(parts[k] * COUNT), COUNT - 1)];
    nn_clear_pixels(context, image, 0.5f, measures, scratch, parts[k]);
    int cleared = 0;
    for (int i = 0; i < COUNT; i++) {
      bool is = image->data[3 * i] == 0.5f;
      g_assert_true(is == (measures[i] < threshold));
      g_assert_true(image->data[3 * i + 2] == (is ? 0.5f : 1));
      cleared += is;
    }
    g_assert_cmpfloat_with_epsilon((double)cleared / COUNT, parts[k], 0.01);
  }
  g_autoptr(NnImage) image = picture_constant(31, 29, 3, 1);
  for (int i = 0; i < COUNT; i++)
    measures[i] = 3;
  nn_clear_pixels(context, image, 0.5f, measures, scratch, 0.5);
  for (size_t i = 0; i < nn_image_samples(image); i++)
    g_assert_cmpfloat(image->data[i], ==, 1);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/regularise/decay", test_decay);
  g_test_add_func("/regularise/measures", test_measures);
  g_test_add_func("/regularise/clear", test_clear);
  return g_test_run();
}
