/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the effects must know of a network, from the file's own metadata ("somnium.*" properties)
 * or from a guess that says so. */
#pragma once

#include "nncore/effects/network.h"

/** som_describe: fills in @network from its model. */
void som_describe(NnNetwork *network);
