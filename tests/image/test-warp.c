/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Warps: whole shifts copy, the gradient is the adjoint of the view, by the definition and by inner
 * products, random ones keep to their range, and all are the same for every number of threads. */
#include <string.h>

#include "nncore/image/warp.h"
#include "tests/image/pictures.h"

static const NnWarp warps[] = {
    {0, 1, 0, 0},         {0, 1, 3, -2},         {0.3, 1, 0.25, 4},  {-0.1, 1.1, -3, 7},
    {1.2, 0.8, 2.5, 0.5}, {G_PI / 2, 1, -1, -1}, {3, 2.5, 0.1, 0.2}, {-2, 0.4, 60, 0},
};

static void
test_shift(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) picture = picture_noise(19, 14, 3, 1);
  g_autoptr(NnImage) view = picture_new(19, 14, 3);
  NnWarp warp = {0, 1, 3, -2};
  nn_warp_view(context, &warp, picture, 0.25f, view);
  for (int y = 0; y < 14; y++)
    for (int x = 0; x < 19; x++)
      for (int c = 0; c < 3; c++) {
        bool inside = x + 3 < 19 && y - 2 >= 0;
        g_assert_cmpfloat(pixel_at(view, x, y, c), ==,
                          inside ? pixel_at(picture, x + 3, y - 2, c) : 0.25f);
      }
}

/* a ramp is seen as the ramp that the map makes of it */
static void
test_place(void)
{
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) ramp = picture_new(40, 30, 1);
  g_autoptr(NnImage) view = picture_new(12, 9, 1);
  for (int y = 0; y < 30; y++)
    for (int x = 0; x < 40; x++)
      ramp->data[y * 40 + x] = (float)(3 * x - 2 * y);
  NnWarp warp = {0.4, 1.3, 2, -1};
  nn_warp_view(context, &warp, ramp, 0, view);
  for (int y = 0; y < 9; y++)
    for (int x = 0; x < 12; x++) {
      double right = x - 5.5, down = y - 4;
      double at_x = 19.5 + 2 + 1.3 * (cos(0.4) * right - sin(0.4) * down);
      double at_y = 14.5 - 1 + 1.3 * (sin(0.4) * right + cos(0.4) * down);
      g_assert_cmpfloat_with_epsilon(view->data[y * 12 + x], 3 * at_x - 2 * at_y, 1e-4);
    }
}

static double
dot(const NnImage *a, const NnImage *b)
{
  double sum = 0;
  for (size_t i = 0; i < nn_image_samples(a); i++)
    sum += (double)a->data[i] * (double)b->data[i];
  return sum;
}

/* <W p, g> = <p, W' g>, for views that are smaller and larger than the picture, too */
static void
test_adjoint(void)
{
  static const int sides[] = {33, 20, 50};
  g_autoptr(NnContext) context = nn_context_new(2);
  g_autoptr(NnImage) picture = picture_noise(33, 26, 3, 1);
  g_autoptr(NnImage) back = picture_new(33, 26, 3);
  for (size_t i = 0; i < G_N_ELEMENTS(warps); i++)
    for (size_t k = 0; k < G_N_ELEMENTS(sides); k++) {
      g_autoptr(NnImage) gradient = picture_noise(sides[k], 26, 3, 2);
      g_autoptr(NnImage) view = picture_new(sides[k], 26, 3);
      nn_warp_view(context, &warps[i], picture, 0, view);
      nn_warp_gradient(context, &warps[i], gradient, back);
      double there = dot(view, gradient);
      g_assert_cmpfloat_with_epsilon(there, dot(picture, back), 1e-6 * there + 1e-9);
    }
}

/* each element of the adjoint's matrix is one of the map's, to the bit */
static void
test_elements(void)
{
  g_autoptr(NnContext) context = nn_context_new(1);
  g_autoptr(NnImage) spot = picture_constant(7, 6, 1, 0), view = picture_new(7, 6, 1);
  g_autoptr(NnImage) back_spot = picture_constant(7, 6, 1, 0), back = picture_new(7, 6, 1);
  for (size_t i = 0; i < G_N_ELEMENTS(warps); i++)
    for (int from = 0; from < 42; from++) {
      spot->data[from] = 1;
      nn_warp_view(context, &warps[i], spot, 0, view);
      spot->data[from] = 0;
      for (int to = 0; to < 42; to++) {
        back_spot->data[to] = 1;
        nn_warp_gradient(context, &warps[i], back_spot, back);
        back_spot->data[to] = 0;
        g_assert_cmpfloat(view->data[to], ==, back->data[from]);
      }
    }
}

static void
test_threads(void)
{
  g_autoptr(NnImage) picture = picture_noise(150, 131, 3, 1);
  g_autoptr(NnImage) first = picture_new(150, 131, 3), first_back = picture_new(150, 131, 3);
  for (int threads = 1; threads <= 3; threads++) {
    g_autoptr(NnContext) context = nn_context_new(threads);
    g_autoptr(NnImage) view = picture_new(150, 131, 3), back = picture_new(150, 131, 3);
    nn_warp_view(context, &warps[3], picture, 0.5f, view);
    nn_warp_gradient(context, &warps[3], picture, back);
    if (threads == 1) {
      memcpy(first->data, view->data, nn_image_samples(view) * sizeof(float));
      memcpy(first_back->data, back->data, nn_image_samples(back) * sizeof(float));
    }
    g_assert_cmpfloat(largest_difference(view, first), ==, 0);
    g_assert_cmpfloat(largest_difference(back, first_back), ==, 0);
  }
}

static void
test_random(void)
{
  NnRandom random = {.seed = 3};
  NnWarpRange range = {4, 0.2, 0.25}, none = {0};
  double most[4] = {0};
  for (int i = 0; i < 2000; i++) {
    NnWarp warp = nn_warp_random(&random, &range);
    double sizes[4] = {fabs(warp.dx), fabs(warp.dy), fabs(warp.angle), fabs(log(warp.scale))};
    g_assert_true(warp.dx == rint(warp.dx) && warp.dy == rint(warp.dy));
    for (int k = 0; k < 4; k++)
      most[k] = MAX(most[k], sizes[k]);
  }
  g_assert_cmpfloat(most[0], ==, 4);
  g_assert_cmpfloat(most[1], ==, 4);
  g_assert_true(most[2] <= 0.2 && most[2] > 0.195);
  g_assert_true(most[3] <= log(1.25) + 1e-12 && most[3] > log(1.24));
  NnWarp still = nn_warp_random(&random, &none);
  g_assert_true(still.dx == 0 && still.dy == 0 && still.angle == 0 && still.scale == 1);
  g_assert_cmpuint(random.counter, ==, 4 * 2001);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/warp/shift", test_shift);
  g_test_add_func("/warp/place", test_place);
  g_test_add_func("/warp/adjoint", test_adjoint);
  g_test_add_func("/warp/elements", test_elements);
  g_test_add_func("/warp/threads", test_threads);
  g_test_add_func("/warp/random", test_random);
  return g_test_run();
}
