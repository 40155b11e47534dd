/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contact sheets: cells lie apart and within, pictures come out as they went in, captions follow. */
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/effects/sheet.h"

static bool
apart(NnRectangle a, NnRectangle b)
{
  return a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y ||
         b.y + b.height <= a.y;
}

/* every number of cells up to 40: none meets another, a caption, or an edge */
static void
test_cells(void)
{
  for (int cells = 1; cells <= 40; cells++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) results = nn_results_new();
    NnSheet *sheet = nn_sheet_new(cells, 0, 31, 20, true, &error);
    g_assert_no_error(error);
    g_autofree NnRectangle *boxes = g_new(NnRectangle, 2 * (gsize)cells);
    for (int i = 0; i < cells; i++) {
      boxes[i] = nn_sheet_cell(sheet, i);
      nn_sheet_caption(sheet, i, g_strdup_printf("%d", i));
    }
    nn_sheet_finish(sheet, results, g_strdup("sheet"));
    const NnResult *result = &g_array_index(results, NnResult, 0);
    g_assert_cmpuint(result->captions->len, ==, cells);
    for (int i = 0; i < cells; i++)
      boxes[cells + i] = g_array_index(result->captions, NnCaption, i).box;
    NnRectangle whole = {0, 0, result->image->width, result->image->height};
    for (int i = 0; i < 2 * cells; i++) {
      g_assert_true(boxes[i].x > 0 && boxes[i].x + boxes[i].width < whole.width);
      g_assert_true(boxes[i].y > 0 && boxes[i].y + boxes[i].height < whole.height);
      for (int j = 0; j < i; j++)
        g_assert_true(apart(boxes[i], boxes[j]));
    }
    double ratio = (double)whole.width / whole.height;
    g_assert_true(cells < 6 || (ratio > 0.4 && ratio < 2.5));
  }
}

/* grey, RGB and half-transparent pictures, smaller than their cells, in the middle of them */
static void
test_pictures(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GArray) results = nn_results_new();
  NnSheet *sheet = nn_sheet_new(3, 3, 5, 5, false, &error);
  static float grey[] = {0.5f}, rgb[] = {0.1f, 0.2f, 0.3f}, clear[] = {1, 1, 1, 0};
  static const NnImage pictures[] = {{1, 1, 1, grey}, {1, 1, 3, rgb}, {1, 1, 4, clear}};
  NnRectangle cells[3];
  for (int i = 0; i < 3; i++) {
    nn_sheet_put(sheet, i, &pictures[i]);
    cells[i] = nn_sheet_cell(sheet, i);
  }
  nn_sheet_caption(sheet, 0, g_strdup("not shown"));
  nn_sheet_finish(sheet, results, g_strdup("sheet"));
  const NnResult *result = &g_array_index(results, NnResult, 0);
  g_assert_null(result->captions);
  float paper = result->image->data[0];
  const float wanted[3][3] = {{0.5f, 0.5f, 0.5f}, {0.1f, 0.2f, 0.3f}, {paper, paper, paper}};
  for (int i = 0; i < 3; i++) {
    const float *middle =
        result->image->data + ((cells[i].y + 2) * result->image->width + cells[i].x + 2) * 3;
    for (int c = 0; c < 3; c++) {
      g_assert_cmpfloat(middle[c], ==, wanted[i][c]);
      g_assert_cmpfloat(middle[c - 3], ==, paper);
    }
  }
}

/* whole factors up, any down, nothing longer than the cell; each pixel a square */
static void
test_fit(void)
{
  static const int sizes[][5] = {/* picture, cell, fitted */
                                 {3, 3, 48, 48, 48},  {5, 4, 23, 20, 16}, {7, 7, 7, 7, 7},
                                 {40, 20, 10, 10, 5}, {1, 99, 9, 1, 9},   {1, 1, 1, 1, 1}};
  g_autoptr(NnContext) context = nn_context_new(1);
  for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autoptr(NnImage) picture = nn_image_new(sizes[i][0], sizes[i][1], 3, NULL);
    for (size_t k = 0; k < nn_image_samples(picture); k++)
      picture->data[k] = (float)(k % 7) / 6;
    g_autoptr(NnImage) fitted = nn_sheet_fit(context, picture, sizes[i][2], NULL);
    int width = sizes[i][0], height = sizes[i][1];
    nn_sheet_fit_size(sizes[i][2], &width, &height);
    g_assert_cmpint(fitted->width, ==, sizes[i][3]);
    g_assert_cmpint(fitted->height, ==, sizes[i][4]);
    g_assert_true(width == fitted->width && height == fitted->height);
    int factor = fitted->width / picture->width;
    for (int p = 0;
         factor > 0 && fitted->height % picture->height == 0 && p < fitted->width * fitted->height;
         p++) {
      int from = p / fitted->width / factor * picture->width + p % fitted->width / factor;
      for (int c = 0; c < 3; c++)
        g_assert_cmpfloat(fitted->data[3 * p + c], ==, picture->data[3 * from + c]);
    }
  }
}

/* text in place of a picture, within its cell; and what is too much for the budget */
static void
test_write(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GArray) results = nn_results_new();
  NnSheet *sheet = nn_sheet_new(2, 2, 50, 40, true, &error);
  NnRectangle cell = nn_sheet_cell(sheet, 1);
  nn_sheet_write(sheet, 1, g_strdup("text"));
  nn_sheet_finish(sheet, results, g_strdup("sheet"));
  const NnResult *result = &g_array_index(results, NnResult, 0);
  NnRectangle box = g_array_index(result->captions, NnCaption, 0).box;
  g_assert_true(box.x == cell.x && box.width == cell.width && box.height >= 10);
  g_assert_true(box.y > cell.y && box.y + box.height < cell.y + cell.height);

  g_autoptr(NnContext) context = nn_context_new(1);
  nn_context_set_memory_budget(context, 1 << 20);
  g_assert_true(nn_sheet_check(context, 8, 90, 90, false, &error));
  g_assert_false(nn_sheet_check(context, 9, 90, 90, false, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
  g_assert_nonnull(strstr(error->message, "MB")); /* as sentences of budgets have it, and no MiB */
  g_clear_error(&error);
  g_assert_false(nn_sheet_check(context, G_MAXINT64, 1, 1, false, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
}

/* what others hold is not left for a sheet; one that is held already is compared with all there is */
static void
test_budget(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnContext) context = nn_context_new(1);
  nn_context_set_memory_budget(context, 1 << 20);
  nn_context_hold_memory(context, 1 << 19);
  g_assert_true(nn_sheet_check(context, 4, 90, 90, false, &error));
  g_assert_true(nn_sheet_check(context, 8, 90, 90, true, &error));
  g_assert_false(nn_sheet_check(context, 9, 90, 90, true, NULL));
  g_assert_false(nn_sheet_check(context, 8, 90, 90, false, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_MEMORY);
}

/* (transfer full): the first @filled cells have pictures */
static NnSheet *
filled_sheet(int cells, int columns, int filled)
{
  NnSheet *sheet = nn_sheet_new(cells, columns, 6, 5, true, NULL);
  for (int i = 0; i < filled; i++) {
    float value = (float)(i + 1) / 16;
    nn_sheet_put(sheet, i, &(NnImage){1, 1, 1, &value});
  }
  return sheet;
}

/* the same as one that was made for fewer cells, but without memory for it */
static void
test_shorten(void)
{
  static const int cases[][4] = {/* cells, columns, cells then, columns then */
                                 {9, 3, 9, 3}, {9, 3, 7, 3}, {9, 3, 4, 3}, {9, 3, 3, 3},
                                 {9, 3, 2, 2}, {9, 3, 1, 1}, {5, 5, 4, 4}, {5, 1, 2, 1}};
  for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
    const int *c = cases[i];
    g_autoptr(NnSheet) sheet = filled_sheet(c[0], c[1], c[2]);
    g_autoptr(NnSheet) wanted = filled_sheet(c[2], c[3], c[2]);
    const NnImage *image = nn_sheet_image(sheet), *other = nn_sheet_image(wanted);
    const float *data = image->data;
    nn_sheet_shorten(sheet, c[2]);
    g_assert_true(image->data == data);
    g_assert_cmpint(image->width, ==, other->width);
    g_assert_cmpint(image->height, ==, other->height);
    g_assert_cmpmem(image->data, nn_image_samples(image) * sizeof(float), other->data,
                    nn_image_samples(other) * sizeof(float));
    NnRectangle at = nn_sheet_cell(sheet, c[2] - 1), there = nn_sheet_cell(wanted, c[2] - 1);
    g_assert_true(at.x == there.x && at.y == there.y);
  }
}

static void
test_too_large(void)
{
  g_autoptr(GError) error = NULL;
  g_assert_null(nn_sheet_new(2, 2, 200000, 10, false, &error));
  g_assert_error(error, NN_ERROR, NN_ERROR_ARGUMENT);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/sheet/cells", test_cells);
  g_test_add_func("/sheet/pictures", test_pictures);
  g_test_add_func("/sheet/fit", test_fit);
  g_test_add_func("/sheet/write", test_write);
  g_test_add_func("/sheet/budget", test_budget);
  g_test_add_func("/sheet/shorten", test_shorten);
  g_test_add_func("/sheet/too-large", test_too_large);
  return g_test_run();
}
