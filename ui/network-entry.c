/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GtkEntry and a GtkMenuButton whose popover holds the list. The text alone is the state: the list
 * is made from it each time that it opens. */
#include "ui/network-entry.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIST_WIDTH 320
#define LIST_HEIGHT 300

enum { COLUMN_CHECKED, COLUMN_NAME, COLUMN_FOLDED, COLUMN_KEY, COLUMN_WEIGHT, N_COLUMNS };

struct _SomNetworkEntry {
  GtkBox parent_instance;
  SomNetworkEntryKind kind;
  char *use, *when_empty; /* (nullable) */
  const NnNetwork *network; /* (nullable) */
  GtkWidget *entry, *button, *popover, *search;
  GtkListStore *store;
  GtkTreeModel *filter;
};

enum { PROP_TEXT = 1 };

G_DEFINE_FINAL_TYPE(SomNetworkEntry, som_network_entry, GTK_TYPE_BOX)

static void
som_network_entry_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  const char *text = g_value_get_string(value);

  gtk_entry_set_text(GTK_ENTRY(SOM_NETWORK_ENTRY(object)->entry), text ? text : "");
}

static void
som_network_entry_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_string(value, gtk_entry_get_text(GTK_ENTRY(SOM_NETWORK_ENTRY(object)->entry)));
}

static void
som_network_entry_finalize(GObject *object)
{
  SomNetworkEntry *self = SOM_NETWORK_ENTRY(object);

  g_free(self->use);
  g_free(self->when_empty);
  g_object_unref(self->store);
  g_object_unref(self->filter);
  G_OBJECT_CLASS(som_network_entry_parent_class)->finalize(object);
}

static void
som_network_entry_class_init(SomNetworkEntryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS(klass);

  object_class->set_property = som_network_entry_set_property;
  object_class->get_property = som_network_entry_get_property;
  object_class->finalize = som_network_entry_finalize;
  g_object_class_install_property(object_class, PROP_TEXT,
                                  g_param_spec_string("text", "Text",
                                                      "Layers with weights, or a class", "",
                                                      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
}

static void
som_network_entry_init(SomNetworkEntry *self)
{
  gtk_box_set_spacing(GTK_BOX(self), 4);
}

/* ---- the list from the text ---- */

static void
add_name(SomNetworkEntry *self, const char *name, const char *key, bool checked, double weight)
{
  g_autofree char *folded = g_utf8_casefold(name, -1);
  g_autofree char *weight_text = g_strdup_printf("%g", weight);

  gtk_list_store_insert_with_values(self->store, NULL, -1, COLUMN_CHECKED, checked, COLUMN_NAME,
                                    name, COLUMN_FOLDED, folded, COLUMN_KEY, key, COLUMN_WEIGHT,
                                    weight_text, -1);
}

static const NnLayer *
find_layer(GArray *layers, const char *tensor)
{
  for (guint i = 0; layers && i < layers->len; i++) {
    const NnLayer *layer = &g_array_index(layers, NnLayer, i);
    if (g_str_equal(layer->name, tensor))
      return layer;
  }
  return NULL;
}

/* What the text chooses is ticked, or what the preset does where there is none. */
static void
list_layers(SomNetworkEntry *self)
{
  const char *text = gtk_entry_get_text(GTK_ENTRY(self->entry));
  g_autoptr(GPtrArray) tensors = nn_network_layers(self->network);
  g_autoptr(GArray) chosen =
      nn_network_parse_layers(self->network, text, self->use ? self->use : "", NULL);

  for (guint i = 0; i < tensors->len; i++) {
    const char *tensor = tensors->pdata[i];
    const char *alias = nn_network_alias_of(self->network, tensor);
    const NnLayer *layer = find_layer(chosen, tensor);
    g_autofree char *both = alias ? g_strdup_printf("%s (%s)", alias, tensor) : NULL;

    if (strchr(tensor, ',') && !alias)
      continue; /* cannot stand in a list */
    add_name(self, both ? both : tensor, alias ? alias : tensor, layer != NULL,
             layer ? layer->weight : 1);
  }
}

static void
list_classes(SomNetworkEntry *self)
{
  const char *text = gtk_entry_get_text(GTK_ENTRY(self->entry));
  int chosen = *text ? nn_network_find_class(self->network, text, NULL) : -1;

  for (int i = 0; self->network->labels && self->network->labels[i]; i++) {
    g_autofree char *number = g_strdup_printf("%d", i);
    add_name(self, self->network->labels[i], number, i == chosen, 1);
  }
}

static void
on_toggled(GtkToggleButton *button, SomNetworkEntry *self)
{
  if (!gtk_toggle_button_get_active(button))
    return; /* the list stays to be seen while it closes */
  gtk_list_store_clear(self->store);
  gtk_entry_set_text(GTK_ENTRY(self->search), "");
  if (self->network && self->kind == SOM_NETWORK_LAYERS)
    list_layers(self);
  else if (self->network)
    list_classes(self);
}

/* ---- the text from the list ---- */

static void
write_layers(SomNetworkEntry *self)
{
  GtkTreeModel *model = GTK_TREE_MODEL(self->store);
  g_autoptr(GString) text = g_string_new(NULL);
  GtkTreeIter iter;

  for (gboolean more = gtk_tree_model_get_iter_first(model, &iter); more;
       more = gtk_tree_model_iter_next(model, &iter)) {
    g_autofree char *key = NULL, *weight = NULL;
    gboolean checked;

    gtk_tree_model_get(model, &iter, COLUMN_CHECKED, &checked, COLUMN_KEY, &key, COLUMN_WEIGHT,
                       &weight, -1);
    if (!checked)
      continue;
    g_string_append_printf(text, "%s%s", text->len ? "," : "", key);
    if (!g_str_equal(weight, "1"))
      g_string_append_printf(text, ":%s", weight);
  }
  gtk_entry_set_text(GTK_ENTRY(self->entry), text->str);
}

static bool
find_row(SomNetworkEntry *self, const char *path_text, GtkTreeIter *iter)
{
  GtkTreeIter shown;

  if (!gtk_tree_model_get_iter_from_string(self->filter, &shown, path_text))
    return false;
  gtk_tree_model_filter_convert_iter_to_child_iter(GTK_TREE_MODEL_FILTER(self->filter), iter,
                                                   &shown);
  return true;
}

static void
on_checked(GtkCellRendererToggle *cell, char *path, SomNetworkEntry *self)
{
  GtkTreeIter iter;
  gboolean checked;

  if (!find_row(self, path, &iter))
    return;
  gtk_tree_model_get(GTK_TREE_MODEL(self->store), &iter, COLUMN_CHECKED, &checked, -1);
  gtk_list_store_set(self->store, &iter, COLUMN_CHECKED, !checked, -1);
  write_layers(self);
}

/* A weight is any number but 0, in the spelling of scripts or of the person's language. */
static void
on_weight_edited(GtkCellRendererText *cell, char *path, char *text, SomNetworkEntry *self)
{
  GtkTreeIter iter;
  char *end;
  double weight = g_strtod(text, &end);

  if (end == text || *end || !isfinite(weight) || weight == 0 || !find_row(self, path, &iter))
    return;
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  gtk_list_store_set(self->store, &iter, COLUMN_CHECKED, TRUE, COLUMN_WEIGHT,
                     g_ascii_formatd(buffer, sizeof buffer, "%g", weight), -1);
  write_layers(self);
}

/* The name where it means this class alone, else the number. */
static void
on_row_activated(GtkTreeView *tree, GtkTreePath *path, GtkTreeViewColumn *column,
                 SomNetworkEntry *self)
{
  g_autofree char *name = NULL, *key = NULL;
  GtkTreeIter iter;

  if (self->kind != SOM_NETWORK_CLASSES || !gtk_tree_model_get_iter(self->filter, &iter, path))
    return;
  gtk_tree_model_get(self->filter, &iter, COLUMN_NAME, &name, COLUMN_KEY, &key, -1);
  bool clear = nn_network_find_class(self->network, name, NULL) == atoi(key);
  gtk_entry_set_text(GTK_ENTRY(self->entry), clear ? name : key);
  gtk_popover_popdown(GTK_POPOVER(self->popover));
}

/* ---- the widgets ---- */

static gboolean
is_visible(GtkTreeModel *model, GtkTreeIter *iter, gpointer data)
{
  SomNetworkEntry *self = data;
  g_autofree char *wanted = g_utf8_casefold(gtk_entry_get_text(GTK_ENTRY(self->search)), -1);
  g_autofree char *name = NULL;

  gtk_tree_model_get(model, iter, COLUMN_FOLDED, &name, -1);
  return !*wanted || (name && strstr(name, wanted));
}

static void
on_search(SomNetworkEntry *self)
{
  gtk_tree_model_filter_refilter(GTK_TREE_MODEL_FILTER(self->filter));
}

static void
add_check_column(SomNetworkEntry *self, GtkTreeView *tree)
{
  GtkCellRenderer *cell = gtk_cell_renderer_toggle_new();

  gtk_tree_view_insert_column_with_attributes(tree, -1, NULL, cell, "active", COLUMN_CHECKED, NULL);
  g_signal_connect(cell, "toggled", G_CALLBACK(on_checked), self);
}

static void
add_weight_column(SomNetworkEntry *self, GtkTreeView *tree)
{
  GtkCellRenderer *cell = gtk_cell_renderer_text_new();

  g_object_set(cell, "editable", TRUE, "xalign", 1.0, NULL);
  gtk_tree_view_insert_column_with_attributes(tree, -1, _("Weight"), cell, "text", COLUMN_WEIGHT,
                                              "sensitive", COLUMN_CHECKED, NULL);
  g_signal_connect(cell, "edited", G_CALLBACK(on_weight_edited), self);
}

static GtkWidget *
tree_new(SomNetworkEntry *self)
{
  GtkWidget *tree = gtk_tree_view_new_with_model(self->filter);
  GtkTreeView *view = GTK_TREE_VIEW(tree);
  bool layers = self->kind == SOM_NETWORK_LAYERS;

  if (layers)
    add_check_column(self, view);
  gtk_tree_view_insert_column_with_attributes(view, -1, layers ? _("Layer") : _("Class"),
                                              gtk_cell_renderer_text_new(), "text", COLUMN_NAME,
                                              NULL);
  gtk_tree_view_column_set_expand(gtk_tree_view_get_column(view, layers ? 1 : 0), TRUE);
  if (layers)
    add_weight_column(self, view);
  gtk_tree_view_set_headers_visible(view, layers);
  gtk_tree_view_set_enable_search(view, FALSE);
  gtk_tree_view_set_activate_on_single_click(view, !layers);
  g_signal_connect(tree, "row-activated", G_CALLBACK(on_row_activated), self);
  return tree;
}

static GtkWidget *
popover_new(SomNetworkEntry *self)
{
  GtkWidget *popover = gtk_popover_new(self->button);
  GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
  GtkWidget *scrolled = gtk_scrolled_window_new(NULL, NULL);

  self->search = gtk_search_entry_new();
  self->filter = gtk_tree_model_filter_new(GTK_TREE_MODEL(self->store), NULL);
  gtk_tree_model_filter_set_visible_func(GTK_TREE_MODEL_FILTER(self->filter), is_visible, self,
                                         NULL);
  g_signal_connect_swapped(self->search, "search-changed", G_CALLBACK(on_search), self);
  gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER,
                                 GTK_POLICY_AUTOMATIC);
  gtk_widget_set_size_request(scrolled, LIST_WIDTH, LIST_HEIGHT);
  gtk_container_add(GTK_CONTAINER(scrolled), tree_new(self));
  gtk_box_pack_start(GTK_BOX(box), self->search, FALSE, FALSE, 0);
  gtk_box_pack_start(GTK_BOX(box), scrolled, TRUE, TRUE, 0);
  gtk_container_set_border_width(GTK_CONTAINER(box), 6);
  gtk_container_add(GTK_CONTAINER(popover), box);
  gtk_widget_show_all(box);
  return popover;
}

static void
on_text_changed(SomNetworkEntry *self)
{
  g_object_notify(G_OBJECT(self), "text");
}

GtkWidget *
som_network_entry_new(SomNetworkEntryKind kind, const char *use, const char *when_empty)
{
  SomNetworkEntry *self = g_object_new(SOM_TYPE_NETWORK_ENTRY, NULL);
  const char *tip =
      kind == SOM_NETWORK_LAYERS ? _("List the network's layers") : _("List the network's classes");

  self->kind = kind;
  self->use = g_strdup(use);
  self->when_empty = g_strdup(when_empty);
  self->store = gtk_list_store_new(N_COLUMNS, G_TYPE_BOOLEAN, G_TYPE_STRING, G_TYPE_STRING,
                                   G_TYPE_STRING, G_TYPE_STRING);
  self->entry = gtk_entry_new();
  gtk_entry_set_activates_default(GTK_ENTRY(self->entry), TRUE);
  g_signal_connect_swapped(self->entry, "changed", G_CALLBACK(on_text_changed), self);
  gtk_box_pack_start(GTK_BOX(self), self->entry, TRUE, TRUE, 0);
  self->button = gtk_menu_button_new();
  gtk_widget_set_tooltip_text(self->button, tip);
  atk_object_set_name(gtk_widget_get_accessible(self->button), tip);
  self->popover = popover_new(self);
  gtk_menu_button_set_popover(GTK_MENU_BUTTON(self->button), self->popover);
  g_signal_connect(self->button, "toggled", G_CALLBACK(on_toggled), self);
  gtk_box_pack_start(GTK_BOX(self), self->button, FALSE, FALSE, 0);
  gtk_widget_show_all(GTK_WIDGET(self));
  som_network_entry_set_network(self, NULL);
  return GTK_WIDGET(self);
}

void
som_network_entry_set_network(SomNetworkEntry *entry, const NnNetwork *network)
{
  const char *hint =
      entry->kind == SOM_NETWORK_LAYERS ? _("as the network suggests") : _("name or number");
  const char *preset =
      network && entry->use ? g_hash_table_lookup(network->presets, entry->use) : NULL;

  entry->network = network;
  if (entry->when_empty)
    hint = entry->when_empty;
  gtk_entry_set_placeholder_text(GTK_ENTRY(entry->entry), preset ? preset : hint);
  gtk_widget_set_sensitive(entry->button,
                           network && (entry->kind == SOM_NETWORK_LAYERS || network->labels));
}

GtkWidget *
som_network_entry_get_entry(SomNetworkEntry *entry)
{
  return entry->entry;
}
