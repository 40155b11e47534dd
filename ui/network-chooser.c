/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GtkComboBoxText, with the value kept beside the rows: setting it selects a row, and only a
 * person's choice of another row changes it. */
#include "ui/network-chooser.h"

#include <glib/gi18n-lib.h>

struct _SomNetworkChooser {
  GtkComboBoxText parent_instance;
  char *value;
  char *default_name; /* (nullable): the name behind the empty value */
  gboolean selecting; /* rows change because the value did */
};

enum { PROP_VALUE = 1 };

G_DEFINE_FINAL_TYPE(SomNetworkChooser, som_network_chooser, GTK_TYPE_COMBO_BOX_TEXT)

static void
set_value(SomNetworkChooser *self, const char *value)
{
  GtkComboBox *combo = GTK_COMBO_BOX(self);
  const char *id = value;

  if (g_strcmp0(self->value, value) == 0)
    return;
  g_free(self->value);
  self->value = g_strdup(value);
  if (g_strcmp0(value, self->default_name) == 0)
    id = "";
  self->selecting = TRUE;
  if (!gtk_combo_box_set_active_id(combo, id)) {
    gtk_combo_box_text_append(GTK_COMBO_BOX_TEXT(self), id, id);
    gtk_combo_box_set_active_id(combo, id);
  }
  self->selecting = FALSE;
  g_object_notify(G_OBJECT(self), "value");
}

static void
on_changed(SomNetworkChooser *self)
{
  const char *id = gtk_combo_box_get_active_id(GTK_COMBO_BOX(self));

  if (self->selecting || !id)
    return;
  g_free(self->value);
  self->value = g_strdup(id);
  g_object_notify(G_OBJECT(self), "value");
}

static void
som_network_chooser_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  const char *text = g_value_get_string(value);

  set_value(SOM_NETWORK_CHOOSER(object), text ? text : "");
}

static void
som_network_chooser_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_string(value, SOM_NETWORK_CHOOSER(object)->value);
}

static void
som_network_chooser_finalize(GObject *object)
{
  SomNetworkChooser *self = SOM_NETWORK_CHOOSER(object);

  g_free(self->value);
  g_free(self->default_name);
  G_OBJECT_CLASS(som_network_chooser_parent_class)->finalize(object);
}

static void
som_network_chooser_class_init(SomNetworkChooserClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS(klass);

  object_class->set_property = som_network_chooser_set_property;
  object_class->get_property = som_network_chooser_get_property;
  object_class->finalize = som_network_chooser_finalize;
  g_object_class_install_property(
      object_class, PROP_VALUE,
      g_param_spec_string("value", "Value", "Name or path of a network", "",
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS));
}

static void
som_network_chooser_init(SomNetworkChooser *self)
{
  g_signal_connect(self, "changed", G_CALLBACK(on_changed), NULL);
}

/* The row of the empty value. */
static void
append_first(GtkComboBoxText *combo, const char *name, gboolean built_in)
{
  if (!name) {
    gtk_combo_box_text_append(combo, "", _("no network found"));
  } else if (built_in) {
    /* Translators: %s is the name of a neural network */
    g_autofree char *text = g_strdup_printf(_("%s (built in)"), name);
    gtk_combo_box_text_append(combo, "", text);
  } else {
    gtk_combo_box_text_append(combo, "", name);
  }
}

GtkWidget *
som_network_chooser_new(const char *const *names, gboolean built_in, gboolean optional)
{
  SomNetworkChooser *self = g_object_new(SOM_TYPE_NETWORK_CHOOSER, NULL);
  GtkComboBoxText *combo = GTK_COMBO_BOX_TEXT(self);

  if (optional) {
    gtk_combo_box_text_append(combo, "", _("none"));
  } else {
    append_first(combo, names[0], built_in);
    self->default_name = g_strdup(names[0]);
  }
  for (int i = optional ? 0 : 1; (optional || names[0]) && names[i]; i++)
    gtk_combo_box_text_append(combo, names[i], names[i]);
  set_value(self, "");
  return GTK_WIDGET(self);
}

/* ---- note ---- */

#define NOTE_WIDTH 50 /* characters; a network's guesses take a few lines */

static void
on_value_changed(SomNetworkChooser *chooser, GParamSpec *pspec, GtkWidget *note)
{
  const SomNetworks *networks = g_object_get_data(G_OBJECT(note), "somnium-networks");
  g_autoptr(GError) error = NULL;
  const char *name = *chooser->value ? chooser->value : chooser->default_name;
  g_autoptr(NnNetwork) network = name ? som_networks_look(networks, name, &error) : NULL;
  const char *text = network ? network->guessed : error ? error->message : NULL;

  gtk_label_set_text(GTK_LABEL(note), text ? text : "");
  gtk_widget_set_visible(note, text != NULL);
}

GtkWidget *
som_network_note_new(SomNetworkChooser *chooser, SomNetworks *networks)
{
  GtkWidget *note = gtk_label_new(NULL);

  gtk_label_set_line_wrap(GTK_LABEL(note), TRUE);
  gtk_label_set_line_wrap_mode(GTK_LABEL(note), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_max_width_chars(GTK_LABEL(note), NOTE_WIDTH);
  gtk_label_set_xalign(GTK_LABEL(note), 0);
  gtk_label_set_selectable(GTK_LABEL(note), TRUE); /* for names of layers */
  gtk_widget_set_no_show_all(note, TRUE);
  gtk_style_context_add_class(gtk_widget_get_style_context(note), GTK_STYLE_CLASS_DIM_LABEL);
  g_object_set_data_full(G_OBJECT(note), "somnium-networks", networks,
                         (GDestroyNotify)som_networks_free);
  g_signal_connect_object(chooser, "notify::value", G_CALLBACK(on_value_changed), note, 0);
  on_value_changed(chooser, NULL, note);
  return note;
}
