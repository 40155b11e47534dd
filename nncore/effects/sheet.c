/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between cells, and around them, a gap that grows with the cells. The sheet is kept as a result
 * in the making: picture and captions in a list of one. */
#include "nncore/effects/sheet.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/base/round.h"
#include "nncore/image/arithmetic.h"
#include "nncore/image/resample.h"

#define LONGEST 262144      /* px of a side, GIMP's limit */
#define GAP(cell) MAX(2, (cell) / 24)
#define CAPTION(cell) CLAMP((cell) / 6, 10, 22)

struct NnSheet {
  int columns, width, height; /* of a cell, px */
  int gap, caption;           /* px; @caption is 0 without captions */
  int cells;
  GArray *results; /* one: the sheet */
};

NnImage *
nn_paper_new(int64_t width, int64_t height, GError **error)
{
  if (MAX(width, height) > LONGEST) {
    g_set_error(
        error, NN_ERROR, NN_ERROR_ARGUMENT,
        _("A sheet of %.0f × %.0f px would be too large: choose fewer or smaller pictures."),
        (double)width, (double)height);
    return NULL;
  }
  NnImage *image = nn_image_new((int)width, (int)height, 3, error);
  for (size_t i = 0; image != NULL && i < nn_image_samples(image); i++)
    image->data[i] = NN_SHEET_PAPER;
  return image;
}

/* @from: of 1 to 4 channels, alpha last where there are 2 or 4 */
static void
lay_pixel(float *to, const float *from, int channels)
{
  float alpha = channels % 2 == 0 ? from[channels - 1] : 1;
  for (int c = 0; c < 3; c++)
    to[c] += alpha * (from[channels < 3 ? 0 : c] - to[c]);
}

void
nn_paper_lay(NnImage *paper, const NnImage *picture, int left, int top)
{
  for (int y = 0; y < picture->height; y++) {
    const float *from =
        picture->data + (size_t)y * (size_t)picture->width * (size_t)picture->channels;
    float *to = paper->data + ((size_t)(top + y) * (size_t)paper->width + (size_t)left) * 3;
    for (int x = 0; x < picture->width; x++)
      lay_pixel(to + (size_t)x * 3, from + (size_t)x * (size_t)picture->channels,
                picture->channels);
  }
}

/* As many columns as bring the sheet closest to a square: c (w + g) = n / c (h + g). */
static int
choose_columns(const NnSheet *sheet)
{
  double across = sheet->width + sheet->gap, down = sheet->height + sheet->caption + sheet->gap;
  return (int)CLAMP(lround(sqrt(sheet->cells * down / across)), 1, sheet->cells);
}

static void
find_size(const NnSheet *sheet, int64_t *width, int64_t *height)
{
  int64_t rows = nn_divide_up(sheet->cells, sheet->columns);
  *width = sheet->gap + (int64_t)sheet->columns * (sheet->width + sheet->gap);
  *height = sheet->gap + rows * (sheet->height + sheet->caption + sheet->gap);
}

NnSheet *
nn_sheet_new(int cells, int columns, int cell_width, int cell_height, bool captions, GError **error)
{
  int shorter = MIN(cell_width, cell_height);
  g_autoptr(NnSheet) sheet = g_new0(NnSheet, 1);
  *sheet = (NnSheet){.columns = MIN(columns, cells),
                     .width = cell_width,
                     .height = cell_height,
                     .gap = GAP(shorter),
                     .caption = captions ? CAPTION(shorter) : 0,
                     .cells = cells,
                     .results = nn_results_new()};
  if (columns == 0)
    sheet->columns = choose_columns(sheet);
  int64_t width, height;
  find_size(sheet, &width, &height);
  NnImage *image = nn_paper_new(width, height, error);
  if (image == NULL)
    return NULL;
  nn_results_add(sheet->results, NN_PLACE_NEW_IMAGE, image, NULL);
  return g_steal_pointer(&sheet);
}

double
nn_sheet_bytes(int64_t cells, int cell_width, int cell_height)
{
  int gap = GAP(MIN(cell_width, cell_height));
  double high = cell_height + gap + CAPTION(MIN(cell_width, cell_height));
  return (double)cells * (cell_width + gap) * high * 3 * sizeof(float);
}

bool
nn_sheet_check(NnContext *context, int64_t cells, int cell_width, int cell_height, bool held,
               GError **error)
{
  double bytes = nn_sheet_bytes(cells, cell_width, cell_height);
  int64_t allowed = held ? nn_context_memory_budget(context) : nn_context_memory_left(context);
  if (cells < G_MAXINT && bytes <= (double)allowed)
    return true;
  g_autofree char *size = g_format_size((guint64)bytes);
  g_set_error(error, NN_ERROR, NN_ERROR_MEMORY,
              _("The sheet would take %s of memory, which is more than this run may take: choose "
                "fewer or smaller pictures."),
              size);
  return false;
}

void
nn_sheet_free(NnSheet *sheet)
{
  if (sheet == NULL)
    return;
  g_array_unref(sheet->results);
  g_free(sheet);
}

static NnResult *
sheet_result(const NnSheet *sheet)
{
  return &g_array_index(sheet->results, NnResult, 0);
}

const NnImage *
nn_sheet_image(const NnSheet *sheet)
{
  return sheet_result(sheet)->image;
}

NnRectangle
nn_sheet_cell(const NnSheet *sheet, int index)
{
  g_assert(index >= 0 && index < sheet->cells);
  int column = index % sheet->columns, row = index / sheet->columns;
  return (NnRectangle){sheet->gap + column * (sheet->width + sheet->gap),
                       sheet->gap + row * (sheet->height + sheet->caption + sheet->gap),
                       sheet->width, sheet->height};
}

void
nn_sheet_put(NnSheet *sheet, int index, const NnImage *picture)
{
  NnRectangle cell = nn_sheet_cell(sheet, index);
  g_assert(picture->width <= cell.width && picture->height <= cell.height);
  nn_paper_lay(sheet_result(sheet)->image, picture, cell.x + (cell.width - picture->width) / 2,
               cell.y + (cell.height - picture->height) / 2);
}

/* ---- pictures for cells ---- */

void
nn_sheet_fit_size(int cell_px, int *width, int *height)
{
  int longest = MAX(*width, *height);
  double factor = longest <= cell_px ? cell_px / longest : (double)cell_px / longest;
  *width = MAX(1, (int)lround(*width * factor));
  *height = MAX(1, (int)lround(*height * factor));
}

static NnImage *
magnify(const NnImage *picture, int factor, GError **error)
{
  size_t channels = (size_t)picture->channels;
  NnImage *large =
      nn_image_new(picture->width * factor, picture->height * factor, picture->channels, error);
  for (int y = 0; large != NULL && y < large->height; y++) {
    const float *from = picture->data + (size_t)(y / factor) * (size_t)picture->width * channels;
    float *to = large->data + (size_t)y * (size_t)large->width * channels;
    for (int x = 0; x < large->width; x++)
      for (size_t c = 0; c < channels; c++)
        to[(size_t)x * channels + c] = from[(size_t)(x / factor) * channels + c];
  }
  return large;
}

NnImage *
nn_sheet_fit(NnContext *context, const NnImage *picture, int cell_px, GError **error)
{
  int width = picture->width, height = picture->height;
  nn_sheet_fit_size(cell_px, &width, &height);
  if (width >= picture->width && height >= picture->height)
    return magnify(picture, width / picture->width, error);
  NnImage *small = nn_resample_new(context, picture, width, height, error);
  if (small != NULL)
    nn_image_clip(context, small); /* of overshoot */
  return small;
}

/* ---- texts ---- */

/* a line in a middle of the cell that is as high as a caption, at least */
void
nn_sheet_write(NnSheet *sheet, int index, char *text)
{
  NnRectangle cell = nn_sheet_cell(sheet, index);
  int height = MIN(MAX(cell.height / 4, sheet->caption), cell.height);
  nn_result_add_caption(
      sheet_result(sheet),
      (NnRectangle){cell.x, cell.y + (cell.height - height) / 2, cell.width, height}, text);
}

void
nn_sheet_caption(NnSheet *sheet, int index, char *text)
{
  NnRectangle cell = nn_sheet_cell(sheet, index);
  if (sheet->caption == 0)
    g_free(text);
  else
    nn_result_add_caption(sheet_result(sheet),
                          (NnRectangle){cell.x, cell.y + cell.height, cell.width, sheet->caption},
                          text);
}

/* ---- the end ---- */

/* to its upper left corner, row by row towards the beginning */
static void
cut_paper(NnImage *paper, int width, int height)
{
  size_t row = (size_t)width * 3, from = (size_t)paper->width * 3;
  for (size_t y = 1; row < from && y < (size_t)height; y++)
    memmove(paper->data + y * row, paper->data + y * from, row * sizeof(float));
  paper->width = width;
  paper->height = height;
}

void
nn_sheet_shorten(NnSheet *sheet, int cells)
{
  int64_t width, height;
  g_return_if_fail(cells >= 1 && cells <= sheet->cells);
  sheet->cells = cells;
  sheet->columns = MIN(sheet->columns, cells);
  find_size(sheet, &width, &height);
  cut_paper(sheet_result(sheet)->image, (int)width, (int)height);
}

void
nn_sheet_finish(NnSheet *sheet, GArray *results, char *label)
{
  NnResult *made = sheet_result(sheet);
  NnResult *result =
      nn_results_add(results, NN_PLACE_NEW_IMAGE, g_steal_pointer(&made->image), label);
  result->captions = g_steal_pointer(&made->captions);
  nn_sheet_free(sheet);
}
