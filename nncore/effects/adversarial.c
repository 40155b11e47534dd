/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adversarial pictures: the row of the table; the search is in effects/deceive.h. */
#include <glib/gi18n-lib.h>

#include "nncore/effects/deceive.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/target.h"
#include "nncore/image/colour.h"

#define LEVELS 255 /* the bound is given in levels of 8-bit pictures */
#define BEST 3     /* classes that are told, before and after */

/* in the order of NnDeceptionMethod */
static const NnChoice methods[] = {
    {"pgd", N_("Many steps (PGD)")},
    {"fgsm", N_("One step (FGSM)")},
    {NULL, NULL},
};

#define SECTION_DECEIVED N_("What is deceived")
#define SECTION_ATTACK N_("Deception")
#define SECTION_RESULT N_("Result")

static const NnParam params[] = {
    NN_NETWORK_PARAM(SECTION_DECEIVED),
    {
        .key = "class",
        .label = N_("C_lass"),
        .help = N_("Name or number of the class that the network shall take the picture for. Empty "
                   "takes whatever is nearest, but what it sees now."),
        .section = SECTION_DECEIVED,
        .kind = NN_PARAM_CLASS,
        .when_empty = N_("whatever is nearest"),
    },
    NN_VIEW_PARAM(SECTION_DECEIVED),
    {
        .key = "method",
        .label = N_("_Method"),
        .help = N_("Many small steps (projected gradient descent) find smaller changes and reach "
                   "chosen classes; one step (fast gradient sign method) is quick."),
        .section = SECTION_ATTACK,
        .kind = NN_PARAM_CHOICE,
        .choices = methods,
    },
    {
        .key = "bound",
        .label = N_("_Bound"),
        .help = N_("By how much a value may change, in levels of 256. Larger deceives more surely, "
                   "and is easier to see."),
        .unit = N_("levels"),
        .section = SECTION_ATTACK,
        .kind = NN_PARAM_FLOAT,
        .min = 0.01,
        .max = 255,
        .initial = 4,
        .digits = 2,
    },
    {
        .key = "iterations",
        .label = N_("_Iterations"),
        .help = N_("Steps of PGD. More deceive more surely, and take longer."),
        .section = SECTION_ATTACK,
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 1000,
        .initial = 40,
        .enabled_by = "method=pgd",
    },
    {
        .key = "least",
        .label = N_("L_east change"),
        .help = N_("Look for the smallest bound that deceives the network, up to the one given. "
                   "Takes up to eight times as long."),
        .section = SECTION_ATTACK,
        .kind = NN_PARAM_BOOL,
        .max = 1,
        .initial = 1,
    },
    {
        .key = "confidence",
        .label = N_("Con_fidence"),
        .help = N_("How sure of the wrong class the network must be at least. 0: it has to come "
                   "first only. More needs larger changes."),
        .unit = N_("%"),
        .section = SECTION_ATTACK,
        .kind = NN_PARAM_FLOAT,
        .max = 99.9,
        .digits = 1,
    },
    {
        .key = "whole-levels",
        .label = N_("Whole le_vels"),
        .help =
            N_("Change values by whole levels of 256 only, so that pictures of 8 bits a channel "
               "hold the result. Off finds smaller changes, for 16 bits and more."),
        .section = SECTION_ATTACK,
        .kind = NN_PARAM_BOOL,
        .max = 1,
        .initial = 1,
    },
    {
        .key = "difference",
        .label = N_("_Difference layer"),
        .help = N_("Add a layer with the change, made visible: grey is no change."),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_BOOL,
        .max = 1,
        .initial = 1,
    },
    {
        .key = "amplify",
        .label = N_("_Amplify"),
        .help = N_("Factor on the change in the difference layer; 0 takes the largest that shows "
                   "all of it. Larger shows smaller changes."),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_FLOAT,
        .max = 10000,
        .digits = 1,
        .enabled_by = "difference",
    },
    {.key = NULL},
};

static bool
read_settings(const NnEffectRun *run, NnDeceptionSettings *settings, GError **error)
{
  const char *text = nn_effect_argument(run, "class")->text;
  g_autofree char *name = g_strstrip(g_strdup(text));
  *settings = (NnDeceptionSettings){
      .method = (NnDeceptionMethod)nn_effect_argument(run, "method")->i,
      .bound = nn_effect_argument(run, "bound")->d / LEVELS,
      .goal = -1,
      .iterations = (int)nn_effect_argument(run, "iterations")->i,
      .confidence = nn_effect_argument(run, "confidence")->d / 100,
      .least = nn_effect_argument(run, "least")->i != 0,
      .whole_levels = nn_effect_argument(run, "whole-levels")->i != 0,
      .working_px = (int)nn_effect_argument(run, "working-size")->i,
  };
  if (name[0] == '\0')
    return true;
  settings->goal = nn_network_find_class(nn_effect_argument(run, "network")->network, name, error);
  return settings->goal >= 0;
}

static bool
add_picture(NnEffectRun *run, const NnDeception *deception, GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  NnImage *layer = nn_image_new(run->content->width, run->content->height, 4, error);
  if (layer == NULL)
    return false;
  if (!nn_apply_change(run->context, run->content, deception->change, 1, false, layer, error)) {
    nn_image_free(layer);
    return false;
  }
  g_autofree char *before = nn_rank_describe(&deception->before->ranks[0], network);
  g_autofree char *after = nn_rank_describe(&deception->after->ranks[0], network);
  nn_results_add(run->results, NN_PLACE_LAYER, layer, g_strdup_printf("%s → %s", before, after));
  return true;
}

static bool
add_difference(NnEffectRun *run, const NnDeception *deception, GError **error)
{
  double factor = nn_effect_argument(run, "amplify")->d;
  NnImage *layer = nn_image_copy(run->content, error);
  if (layer == NULL)
    return false;
  if (factor <= 0)
    factor = deception->largest > 0 ? 0.5 / deception->largest : 1;
  for (size_t i = 0; i < nn_image_samples(layer) / 4; i++)
    for (size_t c = 0; c < 3; c++) {
      float value = 0.5f + (float)factor * deception->change->data[3 * i + c];
      layer->data[4 * i + c] = CLAMP(value, 0, 1);
    }
  nn_results_add(run->results, NN_PLACE_LAYER, layer,
                 g_strdup_printf(_("Change, %.0f times"), factor))
      ->own_alpha = true;
  return true;
}

/* @stopped: by the person, before it could do better */
static void
tell(NnEffectRun *run, const NnDeception *deception, bool stopped)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  g_autofree char *before = nn_ranking_describe(deception->before, network, BEST);
  g_autofree char *after = nn_ranking_describe(deception->after, network, BEST);
  GString *text = g_string_new(NULL);
  g_string_append_printf(text, _("Before:\n%s\nAfter:\n%s\n"), before, after);
  g_string_append_printf(text, _("No value changes by more than %.2f of 256 levels."),
                         deception->largest * LEVELS);
  if (!deception->done) {
    g_string_append_c(text, '\n');
    g_string_append(text, stopped ? _("Stopped before the network was deceived.")
                                  : _("That was not enough. Raise the bound or the iterations."));
  }
  nn_results_add(run->results, NN_PLACE_TEXT, NULL, g_string_free(text, FALSE));
}

static bool
run_adversarial(NnEffectRun *run, GError **error)
{
  NnDeceptionSettings settings;
  if (!nn_effect_check(run->effect, run->arguments, error) ||
      !nn_progress_begin(run->progress, _("Reading the network"), error) ||
      !read_settings(run, &settings, error))
    return false;
  NnProgressPart whole = {.progress = run->progress, .to = 1};
  NnProgress progress = nn_progress_of_part(&whole); /* tells whether it was stopped */
  g_autoptr(NnDeception) deception =
      nn_deceive(nn_effect_argument(run, "network")->network, run->context, run->content, &settings,
                 &progress, error);
  bool difference = nn_effect_argument(run, "difference")->i != 0;
  if (deception == NULL || !add_picture(run, deception, error) ||
      (difference && !add_difference(run, deception, error)))
    return false;
  tell(run, deception, whole.verdict == NN_STOP);
  return true;
}

static bool
estimate_adversarial(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                     GError **error)
{
  NnDeceptionSettings settings;
  NnTargetChoice choice = {.kind = NN_TARGET_CLASS};
  NnSize view = {width, height};
  if (!read_settings(run, &settings, error))
    return false;
  double steps = nn_deception_steps(&settings);
  NnPasses passes = {.forward = 1 + steps, .back = steps, .gradient = true};
  if (!nn_target_add_cost(run, &choice, &view.width, &view.height, passes, estimate, error))
    return false;
  nn_cost_add_held(estimate, nn_deception_bytes((NnSize){width, height}, view));
  estimate->at_most = true;
  return true;
}

const NnEffect nn_effect_adversarial = {
    .id = "adversarial",
    .group = NN_GROUP_EXPLAIN,
    .label = N_("_Adversarial Picture..."),
    .blurb = N_("Deceive a network with a change that can hardly be seen"),
    .help = N_("Changes the picture a little, within a bound for every value, so that the network "
               "takes it for something else: projected gradient descent (Madry et al. 2018) or the "
               "fast gradient sign method (Goodfellow et al. 2015)."),
    .params = params,
    .run = run_adversarial,
    .estimate = estimate_adversarial,
};
