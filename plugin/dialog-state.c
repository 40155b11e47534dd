/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows hang on the config, so whatever changes it (the person, reset, saved settings) changes what is
 * grey and hidden. */
#include "plugin/dialog-state.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/search-path.h"

typedef struct {
  const NnParam *param;
  GtkWidget *label, *control; /* the label may be NULL */
} Row;

struct SomDialogState {
  gulong handler; /* of the config, which outlives the dialog; 0 before som_dialog_state_follow() */
  const NnEffect *effect;
  GimpImage *image;
  GimpProcedureConfig *config;
  GArray *rows;
  SomNetworks *networks;
  GHashTable *looked; /* value of a network's argument -> NnNetwork */
};

static void
state_free(gpointer data)
{
  SomDialogState *self = data;

  g_clear_signal_handler(&self->handler, self->config);
  g_array_unref(self->rows);
  g_hash_table_unref(self->looked);
  som_networks_free(self->networks);
  g_free(self);
}

SomDialogState *
som_dialog_state_new(GtkWidget *dialog, const NnEffect *effect, GimpImage *image,
                     GimpProcedureConfig *config)
{
  SomDialogState *self = g_new0(SomDialogState, 1);

  self->effect = effect;
  self->image = image;
  self->config = config;
  self->rows = g_array_new(FALSE, TRUE, sizeof(Row));
  self->networks = som_networks_new_for_gimp();
  self->looked =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)nn_network_free);
  g_object_set_data_full(G_OBJECT(dialog), "somnium-state", self, state_free);
  return self;
}

const NnEffect *
som_dialog_state_effect(SomDialogState *state)
{
  return state->effect;
}

GimpImage *
som_dialog_state_image(SomDialogState *state)
{
  return state->image;
}

GimpProcedureConfig *
som_dialog_state_config(SomDialogState *state)
{
  return state->config;
}

void
som_dialog_state_add_row(SomDialogState *state, const NnParam *param, GtkWidget *label,
                         GtkWidget *control)
{
  Row row = {param, label, control};

  g_array_append_val(state->rows, row);
}

/* ---- which rows count ---- */

static bool
is_given(const NnParam *param, GimpProcedureConfig *config)
{
  g_auto(GValue) value = G_VALUE_INIT;

  g_object_get_property(G_OBJECT(config), param->key, &value);
  if (G_VALUE_HOLDS_STRING(&value))
    return g_value_get_string(&value) && *g_value_get_string(&value);
  if (G_VALUE_HOLDS_BOOLEAN(&value))
    return g_value_get_boolean(&value);
  if (G_VALUE_HOLDS_INT(&value))
    return g_value_get_int(&value) != 0;
  if (G_VALUE_HOLDS_DOUBLE(&value))
    return g_value_get_double(&value) != 0;
  return G_VALUE_HOLDS_OBJECT(&value) && g_value_get_object(&value);
}

/* An NnParamIs. */
static bool
has_value(const NnParam *param, const char *nick, gpointer data)
{
  g_autofree char *value = NULL;

  if (!nick)
    return is_given(param, data);
  g_object_get(data, param->key, &value, NULL);
  return g_strcmp0(value, nick) == 0;
}

int
som_param_number(const NnParam *param, size_t *length)
{
  const char *dash = strchr(param->key, '-');
  char *end;

  for (; dash; dash = strchr(dash + 1, '-')) {
    long number = strtol(dash + 1, &end, 10);
    if (g_ascii_isdigit(dash[1]) && *end == '-') {
      if (length)
        *length = (size_t)(dash - param->key);
      return (int)number;
    }
  }
  return 0;
}

static bool
is_a_thing(const NnParam *param)
{
  return som_param_is_item(param) || param->kind == NN_PARAM_FILE ||
         param->kind == NN_PARAM_FOLDER || param->kind == NN_PARAM_TEXT;
}

/* Whether there are rows that have @param's name and @number, and, if @used, something is given in one. */
static bool
has_number(SomDialogState *self, const NnParam *param, int number, bool used)
{
  size_t length = 0, other_length = 0;

  som_param_number(param, &length);
  for (const NnParam *other = self->effect->params; other->key; other++) {
    if (som_param_number(other, &other_length) == number && other_length == length &&
        strncmp(param->key, other->key, length) == 0 &&
        (!used || (is_a_thing(other) && is_given(other, self->config))))
      return true;
  }
  return false;
}

/* Those of the lowest number always are. */
static bool
number_is_shown(SomDialogState *self, const NnParam *param)
{
  int number = som_param_number(param, NULL);

  return number <= 1 || !has_number(self, param, number - 1, false) ||
         has_number(self, param, number - 1, true) || has_number(self, param, number, true);
}

/* Sections of which no row is shown have no title either. */
static void
update_sections(SomDialogState *self)
{
  GtkWidget *frame = NULL;
  bool shown = false;

  for (guint i = 0; i < self->rows->len; i++) {
    GtkWidget *control = g_array_index(self->rows, Row, i).control;
    GtkWidget *own = gtk_widget_get_ancestor(control, GIMP_TYPE_FRAME);

    shown = (own == frame && shown) || gtk_widget_get_visible(control);
    frame = own;
    if (frame)
      gtk_widget_set_visible(frame, shown);
  }
}

static void
update_rows(SomDialogState *self)
{
  for (guint i = 0; i < self->rows->len; i++) {
    const Row *row = &g_array_index(self->rows, Row, i);
    bool enabled = nn_param_enabled(self->effect, row->param, has_value, self->config);
    bool shown = number_is_shown(self, row->param);

    gtk_widget_set_sensitive(row->control, enabled);
    gtk_widget_set_visible(row->control, shown);
    if (row->label) {
      gtk_widget_set_sensitive(row->label, enabled);
      gtk_widget_set_visible(row->label, shown);
    }
  }
  update_sections(self);
}

void
som_dialog_state_follow(SomDialogState *state)
{
  state->handler =
      g_signal_connect_swapped(state->config, "notify", G_CALLBACK(update_rows), state);
  update_rows(state);
}

/* ---- networks ---- */

const NnParam *
som_dialog_state_network_param(SomDialogState *state, const NnParam *param)
{
  const NnParam *found = NULL;

  for (const NnParam *other = state->effect->params; other->key; other++) {
    if (other->kind == NN_PARAM_NETWORK)
      found = other;
    if (other == param)
      return found;
  }
  return NULL;
}

const NnNetwork *
som_dialog_state_network(SomDialogState *state, const NnParam *param)
{
  const NnParam *chooser = som_dialog_state_network_param(state, param);
  g_autofree char *name = NULL;
  NnNetwork *network;

  if (!chooser)
    return NULL;
  g_object_get(state->config, chooser->key, &name, NULL);
  if (!name)
    name = g_strdup("");
  network = g_hash_table_lookup(state->looked, name);
  if (!network) {
    g_autofree char *usual = *name ? NULL : som_networks_default(state->networks, chooser, NULL);
    network = som_networks_look(state->networks, usual ? usual : name, NULL);
    if (network)
      g_hash_table_insert(state->looked, g_steal_pointer(&name), network);
  }
  return network;
}
