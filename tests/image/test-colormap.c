/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Color maps: ends as published, lightness (CIE 1976) that grows evenly where it should, no jumps,
 * values outside 0..1. */
#include <math.h>

#include <glib.h>

#include "nncore/image/colormap.h"

static double
linear(double level)
{
  return level <= 0.04045 ? level / 12.92 : pow((level + 0.055) / 1.055, 2.4);
}

/* L*, 0 to 100 */
static double
lightness(NnColormap colormap, double value)
{
  float rgb[3];
  nn_colormap_at(colormap, (float)value, rgb);
  double y = 0.2126 * linear((double)rgb[0]) + 0.7152 * linear((double)rgb[1]) +
             0.0722 * linear((double)rgb[2]);
  return y > 0.008856 ? 116 * cbrt(y) - 16 : 903.3 * y;
}

static void
test_ends(void)
{
  const float ends[][2][3] = {
      [NN_COLORMAP_VIRIDIS] = {{0.267f, 0.005f, 0.329f}, {0.993f, 0.906f, 0.144f}},
      [NN_COLORMAP_MAGMA] = {{0.001f, 0.000f, 0.014f}, {0.987f, 0.991f, 0.750f}},
      [NN_COLORMAP_INFERNO] = {{0.001f, 0.000f, 0.014f}, {0.988f, 0.998f, 0.645f}},
      [NN_COLORMAP_TURBO] = {{0.190f, 0.072f, 0.232f}, {0.480f, 0.016f, 0.011f}},
  };
  for (int map = 0; map < NN_N_COLORMAPS; map++)
    for (int end = 0; end < 2; end++) {
      float inside[3], outside[3];
      nn_colormap_at((NnColormap)map, (float)end, inside);
      nn_colormap_at((NnColormap)map, end == 0 ? -3 : 7, outside);
      for (int c = 0; c < 3; c++) {
        g_assert_cmpfloat_with_epsilon(inside[c], ends[map][end][c], 0.004);
        g_assert_cmpfloat(inside[c], ==, outside[c]);
      }
    }
  float nothing[3], zero[3];
  nn_colormap_at(NN_COLORMAP_MAGMA, NAN, nothing);
  nn_colormap_at(NN_COLORMAP_MAGMA, 0, zero);
  g_assert_cmpfloat(nothing[0], ==, zero[0]);
}

/* turbo rises and falls; the others climb in steps of not very unequal height */
static void
test_lightness(void)
{
  for (int map = 0; map < NN_COLORMAP_TURBO; map++) {
    double whole = lightness((NnColormap)map, 1) - lightness((NnColormap)map, 0);
    for (int i = 0; i < 20; i++) {
      double step =
          lightness((NnColormap)map, (i + 1) / 20.0) - lightness((NnColormap)map, i / 20.0);
      g_assert_cmpfloat(step, >, 0.35 * whole / 20);
      g_assert_cmpfloat(step, <, 1.65 * whole / 20);
    }
  }
}

static void
test_jumps(void)
{
  for (int map = 0; map < NN_N_COLORMAPS; map++)
    for (int i = 0; i < 1000; i++) {
      float a[3], b[3];
      nn_colormap_at((NnColormap)map, (float)i / 1000, a);
      nn_colormap_at((NnColormap)map, (float)(i + 1) / 1000, b);
      for (int c = 0; c < 3; c++)
        g_assert_cmpfloat(fabsf(a[c] - b[c]), <, 0.01);
    }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/colormap/ends", test_ends);
  g_test_add_func("/colormap/lightness", test_lightness);
  g_test_add_func("/colormap/jumps", test_jumps);
  return g_test_run();
}
