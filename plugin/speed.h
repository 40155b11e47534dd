/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How fast this machine is: what times are foretold by. */
#pragma once

#include "nncore/effects/effect.h"
#include "weights/networks.h"

/**
 * som_speed:
 * Takes a tenth of a second or so the first time, when nothing was measured yet: a small picture goes
 * through the bundled network. On any thread.
 *
 * Returns: multiply-adds a second of @effect; 0 where it cannot be told.
 */
double som_speed(const NnEffect *effect, const SomNetworks *networks, NnContext *context);

/** som_speed_learn: a run of @effect with @multiply_adds took @seconds; short ones teach nothing. Thin
 * networks and what else an effect does make some several times as slow as others. */
void som_speed_learn(const NnEffect *effect, double multiply_adds, double seconds);
