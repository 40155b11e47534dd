/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the plug-in adds to the effects' own parameters, as rows like theirs. */
#include "plugin/host-params.h"

#include <glib/gi18n-lib.h>

#include "plugin/preferences.h"

static const NnChoice outputs[] = {
    [SOM_OUTPUT_NEW_LAYER] = {"new-layer", N_("New layer above")},
    [SOM_OUTPUT_IN_PLACE] = {"in-place", N_("In place")},
    {NULL, NULL},
};

#define SECTION_RESULT N_("Result")

const NnParam som_param_output = {
    .key = "output",
    .label = N_("O_utput"),
    .help = N_("Where the picture goes: to a new layer above the chosen one, or into the layer "
               "itself"),
    .section = SECTION_RESULT,
    .kind = NN_PARAM_CHOICE,
    .choices = outputs,
};

const NnParam som_param_all_images = {
    .key = "all-images",
    .label = N_("All open images"),
    .help = N_("Work on every image that is open, on the layers that are chosen in each. Each is "
               "finished and can be undone by itself."),
    .section = SECTION_RESULT,
    .kind = NN_PARAM_BOOL,
    .max = 1,
};

const NnParam som_param_memory = {
    .key = "memory-mb",
    .label = N_("Memory"),
    .help = N_("How much memory the run may take. 0 takes what the preferences say: half of what "
               "is available, unless they were changed."),
    .unit = N_("MB"),
    .section = SECTION_RESULT,
    .kind = NN_PARAM_INT,
    .max = SOM_MAX_MEMORY_MB,
};

static const NnParam *const host_params[] = {&som_param_output, &som_param_all_images,
                                             &som_param_memory};

bool
som_param_applies(const NnEffect *effect, const NnParam *param)
{
  if (param == &som_param_output)
    return effect->content != NN_CONTENT_NONE && !effect->no_output;
  if (param == &som_param_all_images)
    return effect->content == NN_CONTENT_REQUIRED;
  return true;
}

const NnParam *
som_param_at(const NnEffect *effect, int index)
{
  int n = nn_effect_n_params(effect);

  if (index < n)
    return &effect->params[index];
  for (gsize i = 0; i < G_N_ELEMENTS(host_params); i++) {
    if (som_param_applies(effect, host_params[i]) && n++ == index)
      return host_params[i];
  }
  return NULL;
}

bool
som_param_is_item(const NnParam *param)
{
  return param->kind == NN_PARAM_DRAWABLE || param->kind == NN_PARAM_REGION;
}
