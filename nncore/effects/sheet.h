/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contact sheets: many small pictures of one size as one new image, in rows from the top left, on
 * dark paper, with captions under them. */
#pragma once

#include "nncore/effects/effect.h"

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

/** nn_sheet_cell: where cell @index lies, in px of the sheet, without its caption. */
NnRectangle nn_sheet_cell(const NnSheet *sheet, int index);

/**
 * nn_sheet_put:
 * @picture: of any number of channels, no larger than the cells; what it has of alpha lies over the
 *   paper. It is centred in its cell.
 */
void nn_sheet_put(NnSheet *sheet, int index, const NnImage *picture);

/** nn_sheet_caption: takes @text; nothing where the sheet has no captions. */
void nn_sheet_caption(NnSheet *sheet, int index, char *text);

/** nn_sheet_finish: makes a new image of @results of it, called @label (taken), and frees @sheet. */
void nn_sheet_finish(NnSheet *sheet, GArray *results, char *label);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NnSheet, nn_sheet_free)
