/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text in columns for a terminal. Widths are those that the terminal shows: Chinese characters
 * take two places. Nothing is cut off. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

typedef struct SomTable SomTable;

/** som_table_new: @right: which of the @n_columns are flush right (numbers). */
SomTable *som_table_new(int n_columns, const bool *right);
void som_table_free(SomTable *table);

/** som_table_add: a row; @cells are copied, control characters (names come from files) become
 * U+FFFD. */
void som_table_add(SomTable *table, const char *const *cells);

/** som_table_to_string: (transfer full): all rows, each with a line end. */
char *som_table_to_string(const SomTable *table);

/** som_printable: (transfer full): @text as a table shows it; g_free(). */
char *som_printable(const char *text);

/** som_count_text: (transfer full): in three digits, like "1.85 G". */
char *som_count_text(int64_t count);

/** som_bytes_text: (transfer full): like "12.5 MiB". */
char *som_bytes_text(int64_t bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SomTable, som_table_free)
