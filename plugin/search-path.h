/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where networks are looked for. */
#pragma once

#include "weights/networks.h"

/**
 * som_networks_new_for_gimp:
 *
 * Returns: (transfer full): the networks in, best first: networks/ beside the plug-in; somnium/
 *   networks in the user's GIMP folder; the folders of the environment variable
 *   SOMNIUM_NETWORK_PATH; those of somnium-network-path in gimprc; those of the preferences (all of
 *   these lists are separated as PATH).
 */
SomNetworks *som_networks_new_for_gimp(void);
