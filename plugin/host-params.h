/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parameters of a procedure: those of its effect, then those that the plug-in adds to every
 * effect that they mean something to. */
#pragma once

#include "nncore/effects/effect.h"

/* a choice */
extern const NnParam som_param_output;
enum { SOM_OUTPUT_NEW_LAYER, SOM_OUTPUT_IN_PLACE };

/* a bool: each open image, with the layers that are chosen in it */
extern const NnParam som_param_all_images;

/* an int, MB; 0: what the preferences say. For scripts; the dialog has no row for it */
extern const NnParam som_param_memory;

/** som_param_at: (nullable): in the order of the arguments; %NULL past the end. */
const NnParam *som_param_at(const NnEffect *effect, int index);

/** som_param_applies: whether @effect has the plug-in's @param. */
bool som_param_applies(const NnEffect *effect, const NnParam *param);

/** som_param_is_item: whether its value is a drawable of GIMP's, which GIMP does not remember. */
bool som_param_is_item(const NnParam *param);
