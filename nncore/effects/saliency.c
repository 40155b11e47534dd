/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Saliency maps: where in the picture a network's verdict, or the excitement of a channel or neuron,
 * comes from. The row of the table; the methods are in effects/attribution.h. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/effects/attribution.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/map-output.h"
#include "nncore/effects/view.h"

/* in the order of NnMethod */
static const NnChoice methods[] = {
    {"gradient", N_("Gradient")},
    {"smoothgrad", N_("SmoothGrad")},
    {"integrated-gradients", N_("Integrated gradients")},
    {"input-x-gradient", N_("Input × gradient")},
    {"guided-backprop", N_("Guided backpropagation")},
    {"deconvnet", N_("Deconvnet")},
    {"grad-cam", N_("Grad-CAM")},
    {"guided-grad-cam", N_("Guided Grad-CAM")},
    {NULL, NULL},
};

#define SECTION_METHOD N_("Method")

static const NnParam params[] = {
    NN_TARGET_PARAMS,
    NN_VIEW_PARAM(NN_TARGET_SECTION),
    {
        .key = "method",
        .label = N_("Metho_d"),
        .help = N_("Gradient: which pixels would change the value most. SmoothGrad: the same with "
                   "less grain. Integrated gradients and input × gradient: what each pixel "
                   "contributes, compared with a baseline. Grad-CAM: the region that counts, "
                   "coarse and sure. Guided backpropagation, deconvnet and guided Grad-CAM: crisp "
                   "pictures, but the first two hardly depend on what is explained, nor on the "
                   "network's weights: they fail the sanity checks of Adebayo et al. (2018)."),
        .section = SECTION_METHOD,
        .kind = NN_PARAM_CHOICE,
        .choices = methods,
        .initial = NN_METHOD_SMOOTHGRAD,
    },
    {
        .key = "samples",
        .label = N_("S_amples"),
        .help = N_("Noisy pictures over which SmoothGrad takes the mean. More give less grain, and "
                   "take longer in proportion."),
        .section = SECTION_METHOD,
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 1000,
        .initial = 30,
        .enabled_by = "method=smoothgrad",
    },
    {
        .key = "noise",
        .label = N_("Noise"),
        .help = N_("Deviation of SmoothGrad's noise, of the range of the picture's values. More "
                   "gives smoother and coarser maps."),
        .unit = N_("%"),
        .section = SECTION_METHOD,
        .kind = NN_PARAM_FLOAT,
        .max = 100,
        .initial = 15,
        .digits = 1,
        .enabled_by = "method=smoothgrad",
    },
    {
        .key = "seed",
        .label = N_("_Random seed"),
        .help = N_("Another number gives other noise; the same number gives the same map."),
        .section = SECTION_METHOD,
        .kind = NN_PARAM_SEED,
        .max = G_MAXINT32,
        .enabled_by = "method=smoothgrad",
    },
    {
        .key = "steps",
        .label = N_("Steps"),
        .help = N_("Places on the way from the baseline to the picture at which integrated "
                   "gradients look; they are doubled as often as the sum needs to be right to 1 %. "
                   "More start out finer, and take longer."),
        .section = SECTION_METHOD,
        .kind = NN_PARAM_INT,
        .min = 2,
        .max = 1000,
        .initial = 64,
        .enabled_by = "method=integrated-gradients",
    },
    {
        .key = "baseline",
        .label = N_("_Baseline"),
        .help = N_("The picture that says nothing, with which the picture is compared. What has "
                   "the baseline's color gets nothing: black things with the black baseline."),
        .section = SECTION_METHOD,
        .kind = NN_PARAM_CHOICE,
        .choices = nn_baseline_choices,
        .initial = NN_BASELINE_BLUR,
        .enabled_by = "method=integrated-gradients,input-x-gradient",
    },
    {
        .key = "cam-layer",
        .label = N_("Grad-_CAM layer"),
        .help = N_("The layer whose maps Grad-CAM weighs. Earlier ones give finer maps that mean "
                   "less. Empty takes the last one that still is a map."),
        .section = SECTION_METHOD,
        .kind = NN_PARAM_TEXT,
        .when_empty = N_("the last one that still is a map"),
        .enabled_by = "method=grad-cam,guided-grad-cam",
    },
    NN_MAP_PARAMS,
    {.key = NULL},
};

static NnAttributionSettings
read_settings(const NnEffectRun *run)
{
  return (NnAttributionSettings){
      .method = (NnMethod)nn_effect_argument(run, "method")->i,
      .samples = (int)nn_effect_argument(run, "samples")->i,
      .noise = nn_effect_argument(run, "noise")->d / 100,
      .seed = (uint64_t)nn_effect_argument(run, "seed")->i,
      .steps = (int)nn_effect_argument(run, "steps")->i,
      .baseline = (NnBaseline)nn_effect_argument(run, "baseline")->i,
      .cam_layer = nn_effect_argument(run, "cam-layer")->text,
  };
}

/* (transfer full): what the person is told */
static char *
tell(const NnTarget *target, const NnNetwork *network, const NnAttribution *told,
     const NnAttributionSettings *settings)
{
  GString *text = g_string_new(NULL);
  if (nn_target_ranking(target) != NULL) {
    g_autofree char *best = nn_ranking_describe(nn_target_ranking(target), network, 5);
    g_string_append(text, best);
  }
  if (settings->method == NN_METHOD_INTEGRATED)
    g_string_append_printf(text,
                           _("\nIn %d steps, the pixels' parts add up to the difference to the "
                             "baseline with an error of %.2f %%."),
                           told->steps, 100 * told->gap);
  if (told->cam_layer != NULL)
    g_string_append_printf(text, _("\nGrad-CAM of the layer %s."), told->cam_layer);
  return g_string_free(text, FALSE);
}

/* the part of the run's time that the first look takes */
static double
look_part(const NnAttributionSettings *settings)
{
  NnPasses passes = nn_method_passes(settings);
  return 1 / (1 + passes.forward + passes.back);
}

/* (transfer full): one channel; adds nothing to the results, and closes the target; @stopped: (out):
 * whether more might have come */
static NnImage *
find_map(NnEffectRun *run, NnTarget *target, char **text, bool *stopped, GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  NnAttributionSettings settings = read_settings(run);
  NnProgressPart first = {.progress = run->progress, .to = look_part(&settings)};
  NnProgressPart rest = {.progress = run->progress, .from = first.to, .to = 1};
  NnProgress first_progress = nn_progress_of_part(&first);
  NnProgress rest_progress = nn_progress_of_part(&rest);
  g_autoptr(NnImage) view =
      nn_view_new(network, run->context, nn_target_program(target), run->content,
                  (int)nn_effect_argument(run, "working-size")->i, error);
  if (view == NULL || !nn_target_open_watched(target, view, &first_progress, error))
    return NULL;
  NnAttribution told;
  NnImage *map =
      nn_attribute(network, run->context, target, view, &settings, &rest_progress, &told, error);
  if (map != NULL)
    *text = tell(target, network, &told, &settings);
  *stopped = told.stopped;
  g_free(told.cam_layer);
  nn_target_close(target); /* what the results take is as large as the content */
  return map;
}

static bool
run_saliency(NnEffectRun *run, GError **error)
{
  if (!nn_effect_check(run->effect, run->arguments, error) ||
      !nn_progress_begin(run->progress, _("Reading the network"), error))
    return false;
  NnTargetChoice choice = nn_target_choice(run);
  int method = (int)nn_effect_argument(run, "method")->i;
  g_autoptr(NnTarget) target =
      nn_target_new(nn_effect_argument(run, "network")->network, run->context, &choice,
                    nn_method_options((NnMethod)method), error);
  g_autofree char *text = NULL;
  bool stopped = false;
  g_autoptr(NnImage) map = target != NULL ? find_map(run, target, &text, &stopped, error) : NULL;
  if (map == NULL)
    return false;
  g_autofree char *what = nn_target_describe(target);
  g_autofree char *label = g_strdup_printf("%s: %s", _(methods[method].label), what);
  if (!nn_map_results(run, map, label, stopped, error))
    return false;
  g_strchug(text);
  if (text[0] != '\0')
    nn_results_add(run->results, NN_PLACE_TEXT, NULL, g_steal_pointer(&text));
  return true;
}

static bool
estimate_saliency(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                  GError **error)
{
  NnTargetChoice choice = nn_target_choice(run);
  NnAttributionSettings settings = read_settings(run);
  NnPasses passes = nn_method_passes(&settings);
  NnSize full = {width, height};
  passes.forward += 1;
  if (!nn_target_add_cost(run, &choice, &width, &height, passes, estimate, error))
    return false;
  NnSize view = {width, height};
  nn_cost_add_pictures(estimate, NN_METHOD_PICTURES, width, height, 3);
  return nn_target_add_ends(run, &choice, full, view, nn_method_options(settings.method).gradient,
                            nn_map_result_bytes(run, view, full), estimate, error);
}

const NnEffect nn_effect_saliency = {
    .id = "saliency",
    .group = NN_GROUP_EXPLAIN,
    .label = N_("_Saliency Map..."),
    .blurb = N_("Show where in the picture a network's verdict comes from"),
    .help =
        N_("Maps of what counts for a class, a channel or a neuron, each by its paper: gradient "
           "(Simonyan et al. 2014), SmoothGrad (Smilkov et al. 2017), integrated gradients "
           "(Sundararajan et al. 2017), guided backpropagation (Springenberg et al. 2015), "
           "deconvnet (Zeiler and Fergus 2014), Grad-CAM (Selvaraju et al. 2017). Not every map "
           "that looks good explains: see Adebayo et al., Sanity Checks for Saliency Maps "
           "(2018), which guided backpropagation and deconvnet fail."),
    .params = params,
    .no_output = true,
    .run = run_saliency,
    .estimate = estimate_saliency,
};
