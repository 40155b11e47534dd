/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Occlusion maps: the row of the table; the work is in effects/occlude.h. */
#include <glib/gi18n-lib.h>

#include "nncore/effects/effect-table.h"
#include "nncore/effects/map-output.h"
#include "nncore/effects/occlude.h"
#include "nncore/effects/view.h"

#define SECTION_PATCH N_("Patch")
#define LOOK_PART 0.05 /* of the time, for the first look; about */

static const NnParam params[] = {
    NN_TARGET_PARAMS,
    NN_VIEW_PARAM(NN_TARGET_SECTION),
    {
        .key = "patch",
        .label = N_("Pat_ch"),
        .help = N_("Side of the patch that covers the picture, in pixels of what the network sees. "
                   "Smaller ones show finer detail, but cover less of what counts. 0 takes a "
                   "fourteenth of the shorter side."),
        .unit = N_("px"),
        .section = SECTION_PATCH,
        .kind = NN_PARAM_INT,
        .max = 4096,
    },
    {
        .key = "stride",
        .label = N_("St_ride"),
        .help = N_("From one patch to the next. Smaller gives a finer map, and takes longer: half "
                   "of it four times as long. 0 takes half a patch."),
        .unit = N_("px"),
        .section = SECTION_PATCH,
        .kind = NN_PARAM_INT,
        .max = 4096,
    },
    {
        .key = "fill",
        .label = N_("_Fill"),
        .help = N_("What the patch is filled with. Mean color and blur hide what is there without "
                   "adding much of their own; black and grey are how papers do it."),
        .section = SECTION_PATCH,
        .kind = NN_PARAM_CHOICE,
        .choices = nn_baseline_choices,
        .initial = NN_BASELINE_MEAN,
    },
    NN_MAP_PARAMS,
    {.key = NULL},
};

static NnOcclusionSettings
read_settings(const NnEffectRun *run)
{
  return (NnOcclusionSettings){
      .patch_px = (int)nn_effect_argument(run, "patch")->i,
      .stride_px = (int)nn_effect_argument(run, "stride")->i,
      .fill = (NnBaseline)nn_effect_argument(run, "fill")->i,
  };
}

/* (transfer full): one channel; @stopped: (out): whether it is of a part of the patches alone */
static NnImage *
find_map(NnEffectRun *run, NnTarget *target, bool *stopped, int *patches, GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  NnOcclusionSettings settings = read_settings(run);
  NnProgressPart first = {.progress = run->progress, .to = LOOK_PART};
  NnProgressPart rest = {.progress = run->progress, .from = LOOK_PART, .to = 1};
  NnProgress first_progress = nn_progress_of_part(&first);
  NnProgress rest_progress = nn_progress_of_part(&rest);
  g_autoptr(NnImage) view =
      nn_view_new(network, run->context, nn_target_program(target), run->content,
                  (int)nn_effect_argument(run, "working-size")->i, error);
  if (view == NULL || !nn_target_open_watched(target, view, &first_progress, error))
    return NULL;
  NnImage *map =
      nn_occlude(network, run->context, target, view, &settings, &rest_progress, patches, error);
  *stopped = rest.verdict == NN_STOP;
  return map;
}

static void
tell(NnEffectRun *run, const NnTarget *target, int patches)
{
  g_autofree char *covered = g_strdup_printf(
      g_dngettext(GETTEXT_PACKAGE, "%d patch.", "%d patches.", (gulong)patches), patches);
  const NnRanking *ranking = nn_target_ranking(target);
  g_autofree char *best =
      ranking == NULL
          ? g_strdup("")
          : nn_ranking_describe(ranking, nn_effect_argument(run, "network")->network, 5);
  nn_results_add(run->results, NN_PLACE_TEXT, NULL,
                 g_strdup_printf("%s%s%s", best, ranking != NULL ? "\n" : "", covered));
}

static bool
run_occlusion(NnEffectRun *run, GError **error)
{
  if (!nn_effect_check(run->effect, run->arguments, error) ||
      !nn_progress_begin(run->progress, _("Reading the network"), error))
    return false;
  NnTargetChoice choice = nn_target_choice(run);
  g_autoptr(NnTarget) target =
      nn_target_new(nn_effect_argument(run, "network")->network, run->context, &choice,
                    (NnProgramOptions){.separate = true}, error);
  bool stopped = false;
  int patches = 0;
  g_autoptr(NnImage) map = target != NULL ? find_map(run, target, &stopped, &patches, error) : NULL;
  if (map == NULL)
    return false;
  g_autofree char *what = nn_target_describe(target);
  g_autofree char *label = g_strdup_printf(_("Occlusion: %s"), what);
  if (!nn_map_results(run, map, label, stopped, error))
    return false;
  tell(run, target, patches);
  return true;
}

static bool
estimate_occlusion(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                   GError **error)
{
  NnTargetChoice choice = nn_target_choice(run);
  NnOcclusionSettings settings = read_settings(run);
  NnPasses passes = {.forward = 2, .batch = NN_OCCLUSION_BATCH, .separate = true};
  NnSize full = {width, height};
  int w = width, h = height;
  nn_view_size(nn_effect_argument(run, "network")->network,
               (int)nn_effect_argument(run, "working-size")->i, &w, &h);
  passes.patches = nn_occlusion_patches(&settings, w, h, &passes.patch_px);
  if (!nn_target_add_cost(run, &choice, &width, &height, passes, estimate, error))
    return false;
  NnSize view = {width, height};
  nn_cost_add_pictures(estimate, 3, width, height, 3);
  return nn_target_add_ends(run, &choice, full, view, false, nn_map_result_bytes(run, view, full),
                            estimate, error);
}

const NnEffect nn_effect_occlusion = {
    .id = "occlusion",
    .group = NN_GROUP_EXPLAIN,
    .label = N_("_Occlusion Map..."),
    .blurb = N_("Show which parts of the picture a network cannot do without"),
    .help =
        N_("Covers the picture with a patch, everywhere in turn, and shows by how much a class's "
           "score (or a channel, or a neuron) falls (Zeiler and Fergus, “Visualizing and "
           "Understanding Convolutional Networks”, 2014). Of each covered picture only what the "
           "patch can reach is computed; the map is the same as if all of it were."),
    .params = params,
    .no_output = true,
    .run = run_occlusion,
    .estimate = estimate_occlusion,
};
