/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows of the effect table, each the end of its own file. */
#pragma once

#include "nncore/effects/effect.h"

extern const NnEffect nn_effect_activations;
extern const NnEffect nn_effect_adversarial;
extern const NnEffect nn_effect_deepdream;
extern const NnEffect nn_effect_style_transfer;
extern const NnEffect nn_effect_fast_style;
extern const NnEffect nn_effect_feature_inversion;
extern const NnEffect nn_effect_filters;
extern const NnEffect nn_effect_visualise;
extern const NnEffect nn_effect_image_map;
extern const NnEffect nn_effect_nearest_images;
extern const NnEffect nn_effect_texture_synthesis;
extern const NnEffect nn_effect_occlusion;
extern const NnEffect nn_effect_saliency;
extern const NnEffect nn_effect_top_patches;
extern const NnEffect nn_effect_select_subject;
extern const NnEffect nn_effect_what_is_it;
