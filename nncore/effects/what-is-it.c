/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a classifier takes the picture for: the five best classes and how sure it is of each, as
 * text. */
#include <glib/gi18n-lib.h>

#include "nncore/effects/effect-table.h"
#include "nncore/effects/target.h"
#include "nncore/effects/view.h"

#define BEST 5

#define SECTION_NETWORK N_("Network")

static const NnParam params[] = {
    NN_NETWORK_PARAM(SECTION_NETWORK),
    NN_VIEW_PARAM(SECTION_NETWORK),
    {.key = NULL},
};

static bool
run_what_is_it(NnEffectRun *run, GError **error)
{
  if (!nn_effect_check(run->effect, run->arguments, error) ||
      !nn_progress_begin(run->progress, _("Reading the network"), error))
    return false;
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  NnTargetChoice choice = {.kind = NN_TARGET_CLASS, .class_text = "", .layer = ""};
  g_autoptr(NnTarget) target =
      nn_target_new(network, run->context, &choice, (NnProgramOptions){.gradient = false}, error);
  if (target == NULL)
    return false;
  g_autoptr(NnImage) view =
      nn_view_new(network, run->context, nn_target_program(target), run->content,
                  (int)nn_effect_argument(run, "working-size")->i, error);
  if (view == NULL || !nn_target_open_watched(target, view, run->progress, error))
    return false;
  nn_results_add(run->results, NN_PLACE_TEXT, NULL,
                 nn_ranking_describe(nn_target_ranking(target), network, BEST));
  return true;
}

static bool
estimate_what_is_it(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                    GError **error)
{
  NnTargetChoice choice = {.kind = NN_TARGET_CLASS};
  NnSize full = {width, height};
  if (!nn_target_add_cost(run, &choice, &width, &height, (NnPasses){.forward = 1}, estimate, error))
    return false;
  nn_cost_add_pictures(estimate, 1, width, height, 3);
  return nn_target_add_ends(run, &choice, full, (NnSize){width, height}, false, 0, estimate, error);
}

const NnEffect nn_effect_what_is_it = {
    .id = "what-is-it",
    .group = NN_GROUP_EXPLAIN,
    .label = N_("_What Is It?..."),
    .blurb = N_("Name the five things that a network most probably sees in the picture"),
    .help = N_("Shows the picture to a classifier and tells its five best classes with their "
               "probabilities (softmax of its scores). Scripts get them as text. A network only "
               "knows the classes it was trained on, and is often surer than it should be."),
    .params = params,
    .no_output = true,
    .run = run_what_is_it,
    .estimate = estimate_what_is_it,
};
