/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sections become frames, in one column or, where that would be too high for a laptop's screen,
 * in two. GimpProcedureDialog brings the buttons, reset and saved settings; our rows hang on its
 * config, so they follow all of these. */
#include "plugin/dialog.h"

#include <glib/gi18n-lib.h>

#include "plugin/dialog-rows.h"
#include "plugin/procedure.h"

#define MAX_ROWS_PER_COLUMN 13

typedef struct {
  GtkWidget *columns; /* a horizontal box of vertical ones */
  GtkWidget *column;
  GtkSizeGroup *labels; /* of the current column */
  int rows, rows_wanted;
} Layout;

static void
start_column(Layout *layout)
{
  layout->column = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12);
  gtk_box_pack_start(GTK_BOX(layout->columns), layout->column, TRUE, TRUE, 0);
  g_clear_object(&layout->labels);
  layout->labels = gtk_size_group_new(GTK_SIZE_GROUP_HORIZONTAL);
  layout->rows = 0;
}

/* A frame whose grid takes rows: labels at the left, controls at the right. */
static GtkWidget *
add_section(Layout *layout, const char *title, int n_rows)
{
  GtkWidget *frame = gimp_frame_new(title);
  GtkWidget *grid = gtk_grid_new();

  if (layout->rows > 0 && layout->rows + n_rows / 2 >= layout->rows_wanted)
    start_column(layout);
  layout->rows += n_rows + 1;
  gtk_grid_set_row_spacing(GTK_GRID(grid), 4);
  gtk_grid_set_column_spacing(GTK_GRID(grid), 8);
  gtk_container_add(GTK_CONTAINER(frame), grid);
  gtk_box_pack_start(GTK_BOX(layout->column), frame, FALSE, FALSE, 0);
  return grid;
}

/* The number of params from @param on that share its section. */
static int
count_section(const NnParam *param)
{
  int n = 0;

  while (param[n].key && g_strcmp0(param[n].section, param->section) == 0)
    n++;
  return n;
}

static int
count_rows(const NnEffect *effect)
{
  int rows = 2; /* the section with the output */
  int n;

  for (const NnParam *param = effect->params; param->key; param += n) {
    n = count_section(param);
    rows += n + 1;
  }
  return rows;
}

GtkWidget *
som_dialog_new(const NnEffect *effect, GimpProcedure *procedure, GimpProcedureConfig *config)
{
  g_autofree char *title = som_label_plain(effect->label);
  GtkWidget *dialog = gimp_procedure_dialog_new(procedure, config, title);
  GtkWidget *content = gtk_dialog_get_content_area(GTK_DIALOG(dialog));
  int rows = count_rows(effect);
  Layout layout = {.rows_wanted = rows <= MAX_ROWS_PER_COLUMN ? rows : (rows + 1) / 2};
  GtkWidget *grid;
  int n;

  layout.columns = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 24);
  gtk_box_set_homogeneous(GTK_BOX(layout.columns), TRUE);
  start_column(&layout);
  for (const NnParam *param = effect->params; param->key; param += n) {
    n = count_section(param);
    grid = add_section(&layout, param->section ? _(param->section) : NULL, n);
    for (int i = 0; i < n; i++)
      som_dialog_add_row(GTK_GRID(grid), i, &param[i], config, layout.labels);
  }
  grid = add_section(&layout, _(som_param_output.section), 1);
  som_dialog_add_row(GTK_GRID(grid), 0, &som_param_output, config, layout.labels);
  g_object_unref(layout.labels);
  gtk_box_pack_start(GTK_BOX(content), layout.columns, TRUE, TRUE, 0);
  gtk_box_set_spacing(GTK_BOX(content), 12);
  gtk_widget_show_all(layout.columns);
  return dialog;
}
