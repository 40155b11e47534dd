/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text in columns. */
#include "weights/table.h"

#define GAP 2 /* places between columns */

struct SomTable {
  int n_columns;
  bool *right;
  int *widths;
  GPtrArray *cells; /* row by row */
};

SomTable *
som_table_new(int n_columns, const bool *right)
{
  SomTable *table = g_new0(SomTable, 1);
  table->n_columns = n_columns;
  table->right = g_memdup2(right, (gsize)n_columns * sizeof *right);
  table->widths = g_new0(int, n_columns);
  table->cells = g_ptr_array_new_with_free_func(g_free);
  return table;
}

void
som_table_free(SomTable *table)
{
  if (table == NULL)
    return;
  g_ptr_array_unref(table->cells);
  g_free(table->right);
  g_free(table->widths);
  g_free(table);
}

char *
som_printable(const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *shown = g_string_new(NULL);
  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    GUnicodeType type = g_unichar_type(c);
    bool hidden = type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT ||
                  type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR;
    g_string_append_unichar(shown, hidden ? 0xfffd : c);
  }
  return g_string_free(shown, FALSE);
}

static int
text_width(const char *text)
{
  int width = 0;
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
  }
  return width;
}

void
som_table_add(SomTable *table, const char *const *cells)
{
  for (int i = 0; i < table->n_columns; i++) {
    char *shown = som_printable(cells[i]);
    table->widths[i] = MAX(table->widths[i], text_width(shown));
    g_ptr_array_add(table->cells, shown);
  }
}

static void
append_cell(const SomTable *table, int column, const char *text, GString *line)
{
  int missing = table->widths[column] - text_width(text);
  bool last = column == table->n_columns - 1;
  if (table->right[column])
    g_string_append_printf(line, "%*s%s", missing, "", text);
  else
    g_string_append_printf(line, "%s%*s", text, last ? 0 : missing, "");
  g_string_append_printf(line, "%*s", last ? 0 : GAP, "");
}

static void
end_line(GString *text)
{
  gsize length = text->len;
  while (length > 0 && text->str[length - 1] == ' ')
    length--;
  g_string_truncate(text, length);
  g_string_append_c(text, '\n');
}

char *
som_table_to_string(const SomTable *table)
{
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < table->cells->len; i++) {
    int column = (int)(i % (guint)table->n_columns);
    append_cell(table, column, table->cells->pdata[i], text);
    if (column == table->n_columns - 1)
      end_line(text);
  }
  return g_string_free(text, FALSE);
}

char *
som_count_text(int64_t count)
{
  static const char *const units[] = {"", " k", " M", " G", " T", " P", " E"};
  double value = (double)count;
  int unit = 0;
  for (; value >= 999.5 && unit < 6; unit++)
    value /= 1000;
  int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return g_strdup_printf("%.*f%s", decimals, value, units[unit]);
}

char *
som_bytes_text(int64_t bytes)
{
  return g_format_size_full((guint64)bytes, G_FORMAT_SIZE_IEC_UNITS);
}
