/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contact sheets: many small pictures of one size as one new image, in rows from the top left, on
 * dark paper, with captions under them. */
#pragma once

#include "nncore/effects/effect.h"

/** NN_SHEET_PAPER: R'G'B' of what lies around the pictures: dark, so that they stand out, but not
 * black. */
#define NN_SHEET_PAPER 0.13f

#define NN_SHEET_SECTION N_("Sheet")

/** NN_SHEET_CELL_PARAM: the row "cell-size", as nn_sheet_fit() takes it; @initial: px; @condition:
 * NnParam.enabled_by. */
#define NN_SHEET_CELL_PARAM(initial_, condition) \
  {.key = "cell-size", \
   .label = N_("Picture si_ze"), \
   .section = NN_SHEET_SECTION, \
   .help = N_("Longest side of each picture on the sheet. Smaller pictures are magnified by a " \
              "whole factor, so that their pixels stay to be seen; larger ones are made " \
              "smaller."), \
   .unit = N_("px"), \
   .kind = NN_PARAM_INT, \
   .min = 1, \
   .max = 4096, \
   .initial = (initial_), \
   .enabled_by = (condition)}

/** NN_SHEET_CAPTIONS_PARAM: the row "captions"; @help: what they say; @condition: as above. */
#define NN_SHEET_CAPTIONS_PARAM(help_, condition) \
  {.key = "captions", \
   .label = N_("Cap_tions"), \
   .section = NN_SHEET_SECTION, \
   .help = (help_), \
   .kind = NN_PARAM_BOOL, \
   .max = 1, \
   .initial = 1, \
   .enabled_by = (condition)}
/** nn_paper_new: (transfer full): empty paper, RGB; %NULL with %NN_ERROR_MEMORY, or with
 * %NN_ERROR_ARGUMENT where a side would be longer than the 262144 px that GIMP allows. */
NnImage *nn_paper_new(int64_t width, int64_t height, GError **error);

/**
 * nn_paper_lay:
 * @picture: of any number of channels; what it has of alpha lies over the paper
 * @left, @top: where it begins, px; it lies within the paper
 */
void nn_paper_lay(NnImage *paper, const NnImage *picture, int left, int top);

typedef struct NnSheet NnSheet;

/**
 * nn_sheet_new:
 * @cells: number of pictures, at least 1
 * @columns: 0 takes as many as make the sheet about square
 * @cell_width, @cell_height: px of the largest picture
 * @captions: whether there is room for a line of text under each
 *
 * Returns: (transfer full): an empty sheet; %NULL with %NN_ERROR_MEMORY, or with %NN_ERROR_ARGUMENT
 *   where it would have a side longer than the 262144 px that GIMP allows.
 */
NnSheet *nn_sheet_new(int cells, int columns, int cell_width, int cell_height, bool captions,
                      GError **error);
void nn_sheet_free(NnSheet *sheet);

/** nn_sheet_bytes: memory of a sheet of so many cells, about. */
double nn_sheet_bytes(int64_t cells, int cell_width, int cell_height);

/**
 * nn_sheet_check:
 * @held: whether the run holds the sheet's memory already, as its estimate tells of it
 *
 * Whether a sheet of so many cells keeps to what is left of the context's memory budget, or to the
 * budget, where it is @held; %NN_ERROR_MEMORY says what to do.
 */
bool nn_sheet_check(NnContext *context, int64_t cells, int cell_width, int cell_height, bool held,
                    GError **error);

/** nn_sheet_image: (transfer none): the sheet as it is, RGB. */
const NnImage *nn_sheet_image(const NnSheet *sheet);

/** nn_sheet_cell: where cell @index lies, in px of the sheet, without its caption. */
NnRectangle nn_sheet_cell(const NnSheet *sheet, int index);

/**
 * nn_sheet_put:
 * @picture: of any number of channels, no larger than the cells; what it has of alpha lies over the
 *   paper. It is centred in its cell.
 */
void nn_sheet_put(NnSheet *sheet, int index, const NnImage *picture);

/**
 * nn_sheet_fit:
 * @picture: of any number of channels
 * @cell_px: at least 1
 *
 * Returns: (transfer full): @picture as it goes into a square cell: magnified by the largest whole
 *   factor that it has room for, each pixel a square, or made smaller (image/resample.h) and clipped
 *   to 0..1. %NULL with %NN_ERROR_MEMORY.
 */
NnImage *nn_sheet_fit(NnContext *context, const NnImage *picture, int cell_px, GError **error);

/** nn_sheet_fit_size: the size that nn_sheet_fit() gives a picture of @width x @height px. */
void nn_sheet_fit_size(int cell_px, int *width, int *height);

/** nn_sheet_write: takes @text, which stands in the middle of the cell in place of a picture. */
void nn_sheet_write(NnSheet *sheet, int index, char *text);

/** nn_sheet_caption: takes @text; nothing where the sheet has no captions. */
void nn_sheet_caption(NnSheet *sheet, int index, char *text);

/** nn_sheet_shorten: leaves out the cells from @cells on, which are empty: their rows are cut off and,
 * where one row stays, their columns. In place, so that it takes no memory. Comes before texts. */
void nn_sheet_shorten(NnSheet *sheet, int cells);

/** nn_sheet_finish: makes a new image of @results of it, called @label (taken), and frees @sheet. */
void nn_sheet_finish(NnSheet *sheet, GArray *results, char *label);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnSheet, nn_sheet_free)
