/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Controls are GIMP's own where it has them, so that they look and behave as everywhere in GIMP. */
#include "plugin/dialog-rows.h"

#include <glib/gi18n-lib.h>

#include "plugin/procedure.h"
#include "plugin/search-path.h"
#include "ui/file-picker.h"
#include "ui/network-chooser.h"
#include "ui/network-entry.h"

/* Scales of ranges wider than the first get finer steps near their lower end; wider than the
 * second, a scale is of no use. */
#define WIDE_RANGE 500
#define HUGE_RANGE 2000

static GtkWidget *
number_new(const NnParam *param, GObject *config)
{
  int digits = param->kind == NN_PARAM_FLOAT ? param->digits : 0;
  double range = param->max - param->min;
  double step = digits == 0 ? 1 : MAX(range / 100, digits == 1 ? 0.1 : 0.01);
  GtkWidget *scale;

  if (range > HUGE_RANGE)
    return gimp_prop_spin_button_new(config, param->key, step, 10 * step, digits);
  scale = gimp_prop_spin_scale_new(config, param->key, step, MAX(step, range / 10), digits);
  gimp_spin_scale_set_label(GIMP_SPIN_SCALE(scale), NULL);
  if (range > WIDE_RANGE)
    gimp_spin_scale_set_gamma(GIMP_SPIN_SCALE(scale), 2);
  return scale;
}

static void
on_new_seed(GtkButton *button, GObject *config)
{
  const NnParam *param = g_object_get_data(G_OBJECT(button), "somnium-param");

  /* g_random_int_range() leaves out its end */
  g_object_set(config, param->key, g_random_int_range((int)param->min, (int)param->max), NULL);
}

static GtkWidget *
seed_new(const NnParam *param, GObject *config, GtkWidget **focus)
{
  GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 4);
  GtkWidget *button = gtk_button_new_with_mnemonic(_("N_ew Seed"));

  *focus = gimp_prop_spin_button_new(config, param->key, 1, 10, 0);
  gtk_widget_set_tooltip_text(button, _("Draw another random number"));
  g_object_set_data(G_OBJECT(button), "somnium-param", (gpointer)param);
  g_signal_connect_object(button, "clicked", G_CALLBACK(on_new_seed), config, 0);
  gtk_box_pack_start(GTK_BOX(box), *focus, TRUE, TRUE, 0);
  gtk_box_pack_start(GTK_BOX(box), button, FALSE, FALSE, 0);
  return box;
}

static GtkWidget *
text_new(const NnParam *param, GObject *config)
{
  GtkWidget *entry = gimp_prop_entry_new(config, param->key, -1);

  gtk_entry_set_activates_default(GTK_ENTRY(entry), TRUE);
  if (param->when_empty)
    gtk_entry_set_placeholder_text(GTK_ENTRY(entry), _(param->when_empty));
  return entry;
}

static void
on_network_set(GObject *config, GParamSpec *pspec, SomNetworkEntry *entry)
{
  SomDialogState *state = g_object_get_data(G_OBJECT(entry), "somnium-state");
  const NnParam *param = g_object_get_data(G_OBJECT(entry), "somnium-param");

  som_network_entry_set_network(entry, som_dialog_state_network(state, param));
}

/* Layers or a class of the network whose row comes last before this one. */
static GtkWidget *
network_entry_new(SomDialogState *state, const NnParam *param, GObject *config, GtkWidget **focus)
{
  const NnParam *network = som_dialog_state_network_param(state, param);
  GtkWidget *widget = som_network_entry_new(
      param->kind == NN_PARAM_LAYERS ? SOM_NETWORK_LAYERS : SOM_NETWORK_CLASSES, param->use,
      param->when_empty ? _(param->when_empty) : NULL);
  SomNetworkEntry *entry = SOM_NETWORK_ENTRY(widget);

  g_object_bind_property(config, param->key, entry, "text",
                         G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  g_object_set_data(G_OBJECT(entry), "somnium-state", state);
  g_object_set_data(G_OBJECT(entry), "somnium-param", (gpointer)param);
  if (network) {
    g_autofree char *signal = g_strconcat("notify::", network->key, NULL);
    g_signal_connect_object(config, signal, G_CALLBACK(on_network_set), entry, 0);
    on_network_set(config, NULL, entry);
  }
  *focus = som_network_entry_get_entry(entry);
  return widget;
}

static GtkWidget *
choice_new(const NnParam *param, GObject *config)
{
  GtkWidget *combo = gtk_combo_box_text_new();

  for (const NnChoice *choice = param->choices; choice->nick; choice++)
    gtk_combo_box_text_append(GTK_COMBO_BOX_TEXT(combo), choice->nick, _(choice->label));
  g_object_bind_property(config, param->key, combo, "active-id",
                         G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  return combo;
}

/* the chooser, and below it what had to be guessed about the network */
static GtkWidget *
network_new(const NnParam *param, GObject *config, GtkWidget **focus)
{
  SomNetworks *networks = som_networks_new_for_gimp();
  g_auto(GStrv) names = som_networks_pick(networks, param);
  GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *chooser =
      som_network_chooser_new((const char *const *)names, !param->feed_forward, param->optional);
  GtkWidget *note = som_network_note_new(SOM_NETWORK_CHOOSER(chooser), networks);

  g_object_bind_property(config, param->key, chooser, "value",
                         G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  gtk_box_pack_start(GTK_BOX(box), chooser, FALSE, FALSE, 0);
  gtk_box_pack_start(GTK_BOX(box), note, FALSE, FALSE, 0);
  *focus = chooser;
  return box;
}

static void
on_layer_chosen(GimpIntComboBox *combo, GObject *config)
{
  const NnParam *param = g_object_get_data(G_OBJECT(combo), "somnium-param");
  int id = -1;

  gimp_int_combo_box_get_active(combo, &id);
  g_object_set(config, param->key, id >= 0 ? gimp_item_get_by_id(id) : NULL, NULL);
}

static void
on_drawable_set(GObject *config, GParamSpec *pspec, GimpIntComboBox *combo)
{
  g_autoptr(GObject) drawable = NULL;

  g_object_get(config, pspec->name, &drawable, NULL);
  gimp_int_combo_box_set_active(combo, drawable ? gimp_item_get_id(GIMP_ITEM(drawable)) : -1);
}

/* A combo box of items that follows the config. GIMP's own chooser has no way back to none. */
static GtkWidget *
bind_items(const NnParam *param, GObject *config, GtkWidget *combo)
{
  g_autofree char *signal = g_strconcat("notify::", param->key, NULL);
  GParamSpec *pspec = g_object_class_find_property(G_OBJECT_GET_CLASS(config), param->key);

  gimp_int_combo_box_prepend(GIMP_INT_COMBO_BOX(combo), GIMP_INT_STORE_VALUE, -1,
                             GIMP_INT_STORE_LABEL, _("None"), -1);
  gimp_int_combo_box_set_layout(GIMP_INT_COMBO_BOX(combo), GIMP_INT_COMBO_BOX_LAYOUT_ABBREVIATED);
  g_object_set(combo, "ellipsize", PANGO_ELLIPSIZE_MIDDLE, NULL); /* file names can be long */
  on_drawable_set(config, pspec, GIMP_INT_COMBO_BOX(combo));
  g_object_set_data(G_OBJECT(combo), "somnium-param", (gpointer)param);
  g_signal_connect_object(combo, "changed", G_CALLBACK(on_layer_chosen), config, 0);
  g_signal_connect_object(config, signal, G_CALLBACK(on_drawable_set), combo, 0);
  return combo;
}

static void
add_item(GtkWidget *combo, GimpItem *item)
{
  g_autofree char *name = gimp_item_get_name(item);

  gimp_int_combo_box_append(GIMP_INT_COMBO_BOX(combo), GIMP_INT_STORE_VALUE, gimp_item_get_id(item),
                            GIMP_INT_STORE_LABEL, name, -1);
}

/* Channels, masks and layers of the image, in this order: what is most likely a region comes first. */
static GtkWidget *
region_new(SomDialogState *state, const NnParam *param, GObject *config)
{
  GtkWidget *combo = g_object_new(GIMP_TYPE_INT_COMBO_BOX, NULL);
  GimpImage *image = som_dialog_state_image(state);
  g_autofree GimpChannel **channels = image ? gimp_image_get_channels(image) : NULL;
  g_autofree GimpLayer **layers = image ? gimp_image_get_layers(image) : NULL;

  for (int i = 0; channels && channels[i]; i++)
    add_item(combo, GIMP_ITEM(channels[i]));
  for (int i = 0; layers && layers[i]; i++) {
    GimpLayerMask *mask = gimp_layer_get_mask(layers[i]);
    if (mask)
      add_item(combo, GIMP_ITEM(mask));
  }
  for (int i = 0; layers && layers[i]; i++)
    add_item(combo, GIMP_ITEM(layers[i]));
  return bind_items(param, config, combo);
}

/* Layers of all open images. */
static GtkWidget *
layer_new(const NnParam *param, GObject *config)
{
  return bind_items(param, config, gimp_layer_combo_box_new(NULL, NULL, NULL));
}

static gboolean
is_none(GBinding *binding, const GValue *file, GValue *none, gpointer data)
{
  g_value_set_boolean(none, !g_value_get_object(file));
  return TRUE;
}

/* What stands below a chooser while nothing is chosen. */
static GtkWidget *
none_note_new(GtkWidget *picker, const char *text)
{
  GtkWidget *note = gtk_label_new(text);

  gtk_label_set_xalign(GTK_LABEL(note), 0);
  gtk_widget_set_no_show_all(note, TRUE);
  gtk_style_context_add_class(gtk_widget_get_style_context(note), GTK_STYLE_CLASS_DIM_LABEL);
  g_object_bind_property_full(picker, "file", note, "visible", G_BINDING_SYNC_CREATE, is_none, NULL,
                              NULL, NULL);
  return note;
}

static GtkWidget *
file_new(const NnParam *param, GObject *config, GtkWidget **focus)
{
  g_autofree char *title = som_label_plain(param->label);
  GtkWidget *picker = som_file_picker_new(title, param->kind == NN_PARAM_FOLDER);
  GtkWidget *box;

  *focus = picker;
  g_object_bind_property(config, param->key, picker, "file",
                         G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  if (!param->open_images)
    return picker;
  box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 3);
  gtk_box_pack_start(GTK_BOX(box), picker, FALSE, FALSE, 0);
  gtk_box_pack_start(GTK_BOX(box),
                     none_note_new(picker, _("Without a folder, the open images are taken.")),
                     FALSE, FALSE, 0);
  return box;
}

/* The control, and what gets the focus when the label's mnemonic is pressed. */
static GtkWidget *
control_new(SomDialogState *state, const NnParam *param, GtkWidget **focus)
{
  GObject *config = G_OBJECT(som_dialog_state_config(state));

  switch (param->kind) {
  case NN_PARAM_INT:
  case NN_PARAM_FLOAT:
    return *focus = number_new(param, config);
  case NN_PARAM_CHOICE:
    return *focus = choice_new(param, config);
  case NN_PARAM_SEED:
    return seed_new(param, config, focus);
  case NN_PARAM_NETWORK:
    return network_new(param, config, focus);
  case NN_PARAM_LAYERS:
  case NN_PARAM_CLASS:
    return network_entry_new(state, param, config, focus);
  case NN_PARAM_DRAWABLE:
    return *focus = layer_new(param, config);
  case NN_PARAM_REGION:
    return *focus = region_new(state, param, config);
  case NN_PARAM_FILE:
  case NN_PARAM_FOLDER:
    return file_new(param, config, focus);
  default:
    return *focus = text_new(param, config);
  }
}

/* Returns the label. */
static GtkWidget *
attach_row(GtkGrid *grid, int row, const char *label_text, const char *help, GtkWidget *control,
           GtkWidget *focus, GtkSizeGroup *labels)
{
  GtkWidget *label = gtk_label_new_with_mnemonic(label_text);

  gtk_label_set_mnemonic_widget(GTK_LABEL(label), focus);
  gtk_label_set_xalign(GTK_LABEL(label), 0);
  gtk_size_group_add_widget(labels, label);
  if (focus != control) { /* which stands beside the first line of what is below each other */
    g_autoptr(GtkSizeGroup) line = gtk_size_group_new(GTK_SIZE_GROUP_VERTICAL);
    gtk_size_group_add_widget(line, label);
    gtk_size_group_add_widget(line, focus);
    gtk_widget_set_valign(label, GTK_ALIGN_START);
  }
  gtk_widget_set_hexpand(control, TRUE);
  gimp_help_set_help_data(label, help, NULL);
  gimp_help_set_help_data(focus, help, NULL);
  gtk_grid_attach(grid, label, 0, row, 1, 1);
  gtk_grid_attach(grid, control, 1, row, 1, 1);
  return label;
}

void
som_dialog_add_row(SomDialogState *state, GtkGrid *grid, int row, const NnParam *param,
                   GtkSizeGroup *labels)
{
  g_autofree char *text = som_param_label(param);
  GtkWidget *control, *focus, *label = NULL;

  if (param->kind == NN_PARAM_BOOL) {
    control =
        gimp_prop_check_button_new(G_OBJECT(som_dialog_state_config(state)), param->key, text);
    gimp_help_set_help_data(control, _(param->help), NULL);
    gtk_grid_attach(grid, control, 0, row, 2, 1);
  } else {
    control = control_new(state, param, &focus);
    label = attach_row(grid, row, text, _(param->help), control, focus, labels);
  }
  som_dialog_state_add_row(state, param, label, control);
}
