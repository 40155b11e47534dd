/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of channels and classes as people write them: "0-15", "3, 7, 12", "goldfish; tabby". */
#pragma once

#include "nncore/effects/network.h"

/** NN_NUMBERS_AT_MOST: of one list. */
#define NN_NUMBERS_AT_MOST 4096

/**
 * nn_parse_numbers:
 * @text: numbers and ranges of them between commas; empty: @some of all, evenly spread
 * @what: for people: whose numbers they are ("relu4_1")
 * @count: they go from 0 to @count - 1
 *
 * Returns: (transfer full) (element-type int): in the order written, each once; %NULL with %NN_ERROR_ARGUMENT
 *   where @text is no list, a number is not below @count, or there are too many.
 */
GArray *nn_parse_numbers(const char *text, const char *what, int count, int some, GError **error);

/**
 * nn_parse_classes:
 * @text: classes between semicolons, as nn_network_find_class() takes them, or lists of numbers;
 *   between commas, too, where that is not itself a class's name
 *
 * The rest as nn_parse_numbers().
 */
GArray *nn_parse_classes(const NnNetwork *network, const char *text, const char *what, int count,
                         int some, GError **error);
