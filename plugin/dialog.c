/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sections become frames, in one column or, where that would be too high for a laptop's screen,
 * in two. GimpProcedureDialog brings the buttons, reset and saved settings; our rows hang on its
 * config, so they follow all of these. */
#include "plugin/dialog.h"

#include <glib/gi18n-lib.h>

#include "plugin/dialog-estimate.h"
#include "plugin/dialog-rows.h"
#include "plugin/procedure.h"

#define MAX_ROWS_PER_COLUMN 13
#define MAX_HEIGHT_PX 640 /* of the rows: with title and buttons, less than 768 */

typedef struct {
  SomDialogState *state;
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

/* Those that are shown at first: of numbered rows only the first. */
static int
count_rows(const GPtrArray *params)
{
  int n = 0;

  for (guint i = 0; i < params->len; i++)
    n += som_param_number(params->pdata[i], NULL) <= 1;
  return n;
}

/* A frame with the rows of @params: labels at the left, controls at the right. */
static void
add_section(Layout *layout, const GPtrArray *params)
{
  const NnParam *first = params->pdata[0];
  GtkWidget *frame = gimp_frame_new(first->section ? _(first->section) : NULL);
  GtkWidget *grid = gtk_grid_new();
  int rows = count_rows(params) + 1;

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
    som_dialog_add_row(layout->state, GTK_GRID(grid), i, params->pdata[i], layout->labels);
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

static gboolean
show_whole(gpointer data)
{
  GtkScrolledWindow *scrolled = data;
  int height;

  gtk_widget_get_preferred_height(gtk_bin_get_child(GTK_BIN(scrolled)), NULL, &height);
  gtk_scrolled_window_set_min_content_height(scrolled, MIN(height, MAX_HEIGHT_PX));
  return G_SOURCE_REMOVE;
}

/* Rows become higher once they have their texts, and the window does not follow by itself. */
static void
on_size_allocated(GtkWidget *content, GdkRectangle *allocation, gpointer scrolled)
{
  g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, show_whole, g_object_ref(scrolled), g_object_unref);
}

/* As high as the rows, or as a laptop's screen allows. */
static GtkWidget *
scrolled_new(GtkWidget *content)
{
  GtkWidget *scrolled = gtk_scrolled_window_new(NULL, NULL);

  gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER,
                                 GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height(GTK_SCROLLED_WINDOW(scrolled), TRUE);
  gtk_scrolled_window_set_max_content_height(GTK_SCROLLED_WINDOW(scrolled), MAX_HEIGHT_PX);
  gtk_scrolled_window_set_overlay_scrolling(GTK_SCROLLED_WINDOW(scrolled), FALSE);
  gtk_container_add(GTK_CONTAINER(scrolled), content);
  g_signal_connect(content, "size-allocate", G_CALLBACK(on_size_allocated), scrolled);
  return scrolled;
}

GtkWidget *
som_dialog_new(const NnEffect *effect, GimpImage *image, GeglRectangle size,
               GimpProcedure *procedure, GimpProcedureConfig *config)
{
  g_autofree char *title = som_label_plain(effect->label);
  GtkWidget *dialog = gimp_procedure_dialog_new(procedure, config, title);
  GtkWidget *content = gtk_dialog_get_content_area(GTK_DIALOG(dialog));
  g_autoptr(GPtrArray) sections = collect_sections(effect);
  Layout layout = {.state = som_dialog_state_new(dialog, effect, image, config)};
  GtkWidget *scrolled;

  layout.columns = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 24);
  gtk_box_set_homogeneous(GTK_BOX(layout.columns), TRUE);
  start_column(&layout);
  layout.rows_left = (int)sections->len;
  for (guint i = 0; i < sections->len; i++)
    layout.rows_left += count_rows(sections->pdata[i]);
  for (guint i = 0; i < sections->len; i++)
    add_section(&layout, sections->pdata[i]);
  g_object_unref(layout.labels);
  scrolled = scrolled_new(layout.columns);
  gtk_box_pack_start(GTK_BOX(content), scrolled, TRUE, TRUE, 0);
  gtk_box_set_spacing(GTK_BOX(content), 12);
  gtk_widget_show_all(scrolled);
  if (effect->estimate)
    gtk_box_pack_start(GTK_BOX(content), som_estimate_label_new(layout.state, size), FALSE, FALSE,
                       0);
  som_dialog_state_follow(layout.state);
  return dialog;
}
