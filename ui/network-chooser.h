/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A combo box of the networks that were found. Its string property "value" is what effects take:
 * a name, empty for the bundled default, or anything else that a script or saved settings brought
 * along (a path, a network that is gone), which then has a row of its own. */
#pragma once

#include <gtk/gtk.h>

#include "weights/networks.h"

#define SOM_TYPE_NETWORK_CHOOSER (som_network_chooser_get_type())
G_DECLARE_FINAL_TYPE(SomNetworkChooser, som_network_chooser, SOM, NETWORK_CHOOSER, GtkComboBoxText)

/**
 * som_network_chooser_new:
 * @names: as from som_networks_pick(): the one that the empty value stands for first
 * @built_in: whether that one is the bundled default
 * @optional: the empty value stands for none
 */
GtkWidget *som_network_chooser_new(const char *const *names, gboolean built_in, gboolean optional);

/**
 * som_network_note_new:
 * @networks: (transfer full): where the names are looked up
 *
 * A label for the place below @chooser: what had to be guessed about the chosen network, or why it
 * cannot be used; hidden where there is nothing to say.
 */
GtkWidget *som_network_note_new(SomNetworkChooser *chooser, SomNetworks *networks);
