/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every effect, in the order of the menu. Adding one is a file and a line here (and in
 * effect-table.h). */
#include "nncore/effects/effect-table.h"

static const NnEffect *const effects[] = {
    &nn_effect_deepdream,         &nn_effect_style_transfer, &nn_effect_texture_synthesis,
    &nn_effect_fast_style,        &nn_effect_what_is_it,     &nn_effect_saliency,
    &nn_effect_occlusion,         &nn_effect_select_subject, &nn_effect_adversarial,
    &nn_effect_filters,           &nn_effect_activations,    &nn_effect_top_patches,
    &nn_effect_feature_inversion, &nn_effect_visualise,      &nn_effect_nearest_images,
    &nn_effect_image_map,
};

const NnEffect *
nn_effect_at(int index)
{
  return index >= 0 && index < (int)G_N_ELEMENTS(effects) ? effects[index] : NULL;
}
