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
  GimpProcedureConfig *config;
  GtkWidget *columns; /* a horizontal box of vertical ones */
  GtkWidget *column;
  GtkSizeGroup *labels; /* of the current column */
  int columns_made;
  int rows;             /* in the current column, with titles */
  int rows_left;        /* in all, of those not yet in it */
} Layout;

static void
start_column(Layout *layout)
{
  layout->column = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12);
  gtk_box_pack_start(GTK_BOX(layout->columns), layout->column, TRUE, TRUE, 0);
  g_clear_object(&layout->labels);
  layout->labels = gtk_size_group_new(GTK_SIZE_GROUP_HORIZONTAL);
  layout->columns_made++;
  layout->rows = 0;
}

/* A frame with the rows of @params: labels at the left, controls at the right. */
static void
add_section(Layout *layout, const GPtrArray *params)
{
  const NnParam *first = params->pdata[0];
  GtkWidget *frame = gimp_frame_new(first->section ? _(first->section) : NULL);
  GtkWidget *grid = gtk_grid_new();
  int rows = (int)params->len + 1;

  /* one break at most: where the columns come closest to one height */
  if (layout->rows + layout->rows_left > MAX_ROWS_PER_COLUMN && layout->columns_made == 1 &&
      layout->rows > 0 && layout->rows + rows / 2 >= layout->rows_left - rows / 2)
    start_column(layout);
  layout->rows += rows;
  layout->rows_left -= rows;
  gtk_grid_set_row_spacing(GTK_GRID(grid), 4);
  gtk_grid_set_column_spacing(GTK_GRID(grid), 8);
  gtk_container_add(GTK_CONTAINER(frame), grid);
  gtk_box_pack_start(GTK_BOX(layout->column), frame, FALSE, FALSE, 0);
  for (guint i = 0; i < params->len; i++)
    som_dialog_add_row(GTK_GRID(grid), i, params->pdata[i], layout->config, layout->labels);
}

/* Neighbours with the same title, and last the plug-in's own parameter. */
static GPtrArray *
collect_sections(const NnEffect *effect)
{
  GPtrArray *sections = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
  GPtrArray *section = NULL;
  const char *title = NULL;

  const NnParam *param;

  for (int i = 0; (param = som_param_at(effect, i)); i++) {
    if (param == &som_param_memory)
      continue;
    if (!section || g_strcmp0(title, param->section) != 0) {
      section = g_ptr_array_new();
      g_ptr_array_add(sections, section);
      title = param->section;
    }
    g_ptr_array_add(section, (gpointer)param);
  }
  return sections;
}

GtkWidget *
som_dialog_new(const NnEffect *effect, GimpProcedure *procedure, GimpProcedureConfig *config)
{
  g_autofree char *title = som_label_plain(effect->label);
  GtkWidget *dialog = gimp_procedure_dialog_new(procedure, config, title);
  GtkWidget *content = gtk_dialog_get_content_area(GTK_DIALOG(dialog));
  g_autoptr(GPtrArray) sections = collect_sections(effect);
  Layout layout = {.config = config};

  layout.columns = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 24);
  gtk_box_set_homogeneous(GTK_BOX(layout.columns), TRUE);
  start_column(&layout);
  layout.rows_left = nn_effect_n_params(effect) + 1 + (int)sections->len;
  for (guint i = 0; i < sections->len; i++)
    add_section(&layout, sections->pdata[i]);
  g_object_unref(layout.labels);
  gtk_box_pack_start(GTK_BOX(content), layout.columns, TRUE, TRUE, 0);
  gtk_box_set_spacing(GTK_BOX(content), 12);
  gtk_widget_show_all(layout.columns);
  return dialog;
}
