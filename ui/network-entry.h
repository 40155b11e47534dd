/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A line of text that names layers or a class of a network, as scripts do, and a button beside it
 * that lists what the network has: layers to be ticked and weighted, or classes to be picked, with a
 * field that narrows the list down. The property "text" is what effects take. */
#pragma once

#include <gtk/gtk.h>

#include "nncore/effects/network.h"

typedef enum { SOM_NETWORK_LAYERS, SOM_NETWORK_CLASSES } SomNetworkEntryKind;

#define SOM_TYPE_NETWORK_ENTRY (som_network_entry_get_type())
G_DECLARE_FINAL_TYPE(SomNetworkEntry, som_network_entry, SOM, NETWORK_ENTRY, GtkBox)

/** som_network_entry_new: @use: (nullable): of layers: whose preset an empty text takes; @when_empty:
 * (nullable): what it takes where there is none, for people. */
GtkWidget *som_network_entry_new(SomNetworkEntryKind kind, const char *use, const char *when_empty);

/** som_network_entry_set_network: @network: (nullable): what is listed from now on; must live until
 * the next call. The text stays. */
void som_network_entry_set_network(SomNetworkEntry *entry, const NnNetwork *network);

/** som_network_entry_get_entry: (transfer none): the line itself, for a label's mnemonic. */
GtkWidget *som_network_entry_get_entry(SomNetworkEntry *entry);
