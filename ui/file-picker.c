/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GtkFileChooserButton with a clear button. The file is kept here, since GTK's button reports
 * what it was told to show late, from its own idle handlers. */
#include "ui/file-picker.h"

#include <glib/gi18n-lib.h>

struct _SomFilePicker {
  GtkBox parent_instance;
  GtkWidget *chooser, *clear;
  GFile *file; /* (nullable) */
};

enum { PROP_FILE = 1 };

G_DEFINE_FINAL_TYPE(SomFilePicker, som_file_picker, GTK_TYPE_BOX)

static void
set_file(SomFilePicker *self, GFile *file, gboolean show)
{
  if (file == self->file || (file && self->file && g_file_equal(file, self->file)))
    return;
  g_set_object(&self->file, file);
  if (file && show)
    gtk_file_chooser_set_file(GTK_FILE_CHOOSER(self->chooser), file, NULL);
  else if (!file)
    gtk_file_chooser_unselect_all(GTK_FILE_CHOOSER(self->chooser));
  gtk_widget_set_sensitive(self->clear, file != NULL);
  g_object_notify(G_OBJECT(self), "file");
}

static void
on_file_set(SomFilePicker *self)
{
  g_autoptr(GFile) file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(self->chooser));

  set_file(self, file, FALSE);
}

static void
on_clear(SomFilePicker *self)
{
  set_file(self, NULL, TRUE);
}

static void
som_file_picker_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  set_file(SOM_FILE_PICKER(object), g_value_get_object(value), TRUE);
}

static void
som_file_picker_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_object(value, SOM_FILE_PICKER(object)->file);
}

static void
som_file_picker_finalize(GObject *object)
{
  g_clear_object(&SOM_FILE_PICKER(object)->file);
  G_OBJECT_CLASS(som_file_picker_parent_class)->finalize(object);
}

/* Focus (by a label's mnemonic, say) goes to the part that chooses. */
static gboolean
som_file_picker_mnemonic_activate(GtkWidget *widget, gboolean cycling)
{
  return gtk_widget_mnemonic_activate(SOM_FILE_PICKER(widget)->chooser, cycling);
}

static void
som_file_picker_class_init(SomFilePickerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS(klass);

  object_class->set_property = som_file_picker_set_property;
  object_class->get_property = som_file_picker_get_property;
  object_class->finalize = som_file_picker_finalize;
  GTK_WIDGET_CLASS(klass)->mnemonic_activate = som_file_picker_mnemonic_activate;
  g_object_class_install_property(
      object_class, PROP_FILE,
      g_param_spec_object("file", "File", "The chosen file", G_TYPE_FILE,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS));
}

static void
som_file_picker_init(SomFilePicker *self)
{
  gtk_box_set_spacing(GTK_BOX(self), 4);
}

static void
add_filters(GtkFileChooser *chooser)
{
  GtkFileFilter *pictures = gtk_file_filter_new();
  GtkFileFilter *all = gtk_file_filter_new();

  gtk_file_filter_set_name(pictures, _("Pictures"));
  gtk_file_filter_add_mime_type(pictures, "image/*");
  gtk_file_chooser_add_filter(chooser, pictures);
  gtk_file_filter_set_name(all, _("All files"));
  gtk_file_filter_add_pattern(all, "*");
  gtk_file_chooser_add_filter(chooser, all);
}

GtkWidget *
som_file_picker_new(const char *title, gboolean folder)
{
  SomFilePicker *self = g_object_new(SOM_TYPE_FILE_PICKER, NULL);

  self->chooser = gtk_file_chooser_button_new(title, folder ? GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER
                                                            : GTK_FILE_CHOOSER_ACTION_OPEN);
  if (!folder)
    add_filters(GTK_FILE_CHOOSER(self->chooser));
  gtk_box_pack_start(GTK_BOX(self), self->chooser, TRUE, TRUE, 0);
  self->clear = gtk_button_new_from_icon_name("edit-clear", GTK_ICON_SIZE_MENU);
  gtk_widget_set_tooltip_text(self->clear, folder ? _("Choose no folder") : _("Choose no file"));
  gtk_widget_set_sensitive(self->clear, FALSE);
  gtk_box_pack_start(GTK_BOX(self), self->clear, FALSE, FALSE, 0);
  g_signal_connect_swapped(self->chooser, "file-set", G_CALLBACK(on_file_set), self);
  g_signal_connect_swapped(self->clear, "clicked", G_CALLBACK(on_clear), self);
  gtk_widget_show_all(GTK_WIDGET(self));
  return GTK_WIDGET(self);
}
