/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding networks and knowing what they are. Looks for *.onnx in a list of folders (the
 * plug-in's networks/, the user's, and any that the user adds); earlier folders win. */
#pragma once

#include "nncore/effects/effect.h"

typedef struct SomNetworks SomNetworks;

/**
 * som_networks_new:
 * @folders: (array zero-terminated=1): in order of preference; those that do not exist are fine
 */
SomNetworks *som_networks_new(const char *const *folders);
void som_networks_free(SomNetworks *networks);

/** som_networks_names: (transfer full): zero-terminated, sorted, the bundled default first;
 * g_strfreev(). */
char **som_networks_names(const SomNetworks *networks);

/**
 * som_networks_open:
 * @name: a name from the list, empty for the bundled default, or the path of an .onnx file
 *
 * A file of the size of one in the catalogue is read to its end once (four seconds a gigabyte) and
 * remembered.
 * Returns: (transfer full): nn_network_free(); or %NULL: the sentence for an unknown name lists
 *   the names and folders.
 */
NnNetwork *som_networks_open(const SomNetworks *networks, const char *name, GError **error);

/**
 * som_networks_look: the same for dialogs: never waits for a file to be read to its end. What it
 * says of a file that may be a known one is likely, and certain when it is asked again; runs use
 * som_networks_open(), so that what they see of a network never changes.
 */
NnNetwork *som_networks_look(const SomNetworks *networks, const char *name, GError **error);

/**
 * som_networks_pick:
 * @param: of the kind %NN_PARAM_NETWORK
 *
 * The names of those that will do, sorted, the one that an empty name stands for first. Looks into
 * every file (som_networks_look()) where not all will do; those that cannot be used are left out.
 * Returns: (transfer full): zero-terminated; g_strfreev()
 */
char **som_networks_pick(const SomNetworks *networks, const NnParam *param);

/** som_networks_default: (transfer full): the name that an empty one stands for; %NULL with a sentence
 * that says what to do where there is no such network. */
char *som_networks_default(const SomNetworks *networks, const NnParam *param, GError **error);

/** som_network_open_file: som_networks_open() for a file. */
NnNetwork *som_network_open_file(const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SomNetworks, som_networks_free)
