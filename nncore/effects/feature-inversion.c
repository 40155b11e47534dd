/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feature inversion: the row of the table, and how its arguments become an inversion
 * (effects/inversion.h). */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/effects/cost.h"
#include "nncore/effects/descent-params.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/inversion.h"
#include "nncore/effects/working.h"
#include "nncore/image/spectrum.h"

#define SECTION_NETWORK N_("What to remember")
#define SECTION_PICTURE N_("What pictures are like")

static const NnParam params[] = {
    {
        .key = "network",
        .label = N_("_Network"),
        .help = N_("The network whose memory is looked into."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_NETWORK,
    },
    {
        .key = "layers",
        .label = N_("_Layers"),
        .help = N_("The layer, or layers with weights, whose features the picture is made from. "
                   "Near the input nearly everything comes back; the deeper, the more is lost of "
                   "colors and places. Empty takes what suits the network."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_LAYERS,
        .use = "content",
    },
    {
        .key = "working-size",
        .label = N_("_Working size"),
        .help = N_("Longest side of the picture that is worked on, which is then enlarged to the "
                   "layer. Larger takes longer. 0 works at full size."),
        .unit = N_("px"),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_INT,
        .max = 32768,
        .initial = 512,
    },
    {
        .key = "smoothness",
        .label = N_("_Smoothness"),
        .help = N_("Weight of total variation. Larger makes a cleaner picture, which remembers "
                   "less of fine detail. 0 leaves all the noise in that the layer does not see."),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_FLOAT,
        .max = 100,
        .initial = 0.01,
        .digits = 4,
    },
    {
        .key = "smoothness-exponent",
        .label = N_("Smoothness _exponent"),
        .help = N_("Of total variation: 1 keeps edges sharp and areas flat, 2 makes soft changes, "
                   "more goes against spikes above all."),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_FLOAT,
        .min = 1,
        .max = 4,
        .initial = 2,
        .digits = 2,
        .enabled_by = "smoothness",
    },
    {
        .key = "range",
        .label = N_("_Range"),
        .help = N_("Weight of the norm that keeps values from running to black and white. Larger "
                   "makes a grayer picture."),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_FLOAT,
        .max = 100,
        .initial = 0.01,
        .digits = 4,
    },
    {
        .key = "range-exponent",
        .label = N_("Range e_xponent"),
        .help = N_("Exponent p of that norm. Larger lets all values be but the outermost."),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_FLOAT,
        .min = 1,
        .max = 16,
        .initial = 6,
        .digits = 1,
        .enabled_by = "range",
    },
    {
        .key = "parametrization",
        .label = N_("What _changes"),
        .help = N_("What the steps change: pixels one by one, or waves over the whole picture, of "
                   "which long ones and lightness count most, as in photos. Waves make for "
                   "smoother pictures of deep layers."),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_CHOICE,
        .choices = nn_descent_parametrizations,
        .initial = 1,
    },
    NN_DESCENT_ITERATIONS(N_("_Iterations"),
                          N_("Steps at most. More come closer to the features, and take longer in "
                             "proportion."),
                          200),
    NN_DESCENT_OPTIMIZER(N_("Optimi_zer"),
                         N_("L-BFGS comes closest in the same time. Adam needs less memory.")),
    NN_DESCENT_STEP(N_("Ste_p"), 10),
    NN_DESCENT_AVERAGE(N_("_Average iterations"), false),
    NN_DESCENT_TOLERANCE(
        N_("Ends early when ten iterations make the loss smaller by less than this part of "
           "it. 0 never does."),
        0.5),
    NN_DESCENT_SEED(N_("Of the noise to start from; another number gives another picture that the "
                       "layer takes for the same."),
                    NULL),
    {.key = NULL},
};

static NnInversionSettings
read_settings(const NnEffectRun *run)
{
  return (NnInversionSettings){
      .layers = nn_effect_argument(run, "layers")->text,
      .working_px = (int)nn_effect_argument(run, "working-size")->i,
      .frequencies = nn_effect_argument(run, "parametrization")->i != 0,
      .variation = nn_effect_argument(run, "smoothness")->d,
      .variation_exponent = nn_effect_argument(run, "smoothness-exponent")->d,
      .norm = nn_effect_argument(run, "range")->d,
      .norm_exponent = nn_effect_argument(run, "range-exponent")->d,
      .seed = (uint64_t)nn_effect_argument(run, "seed")->i,
      .descent = nn_descent_read_settings(run),
  };
}

static bool
run_feature_inversion(NnEffectRun *run, GError **error)
{
  if (!nn_effect_check(run->effect, run->arguments, error))
    return false;
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  NnInversionSettings settings = read_settings(run);
  NnImage *result = nn_invert(network, run->context, run->content, &settings, run->progress, error);
  if (result == NULL)
    return false;
  char *label = settings.layers[0] == '\0'
                    ? g_strdup(_("Feature inversion"))
                    : g_strdup_printf(_("Feature inversion %s"), settings.layers);
  nn_results_add(run->results, NN_PLACE_LAYER, result, label);
  return true;
}

static int
count_pictures(const NnInversionSettings *settings)
{
  return settings->frequencies ? NN_INVERSION_PICTURES : NN_INVERSION_PICTURES - 4;
}

/* by what the canvas of frequencies is larger than the picture */
static void
add_canvas(const NnInversionSettings *settings, int width, int height, NnEstimate *estimate)
{
  int w, h;
  if (!settings->frequencies)
    return;
  nn_spectrum_canvas(width, height, &w, &h);
  double larger = (double)w * h / MAX((double)width * height, 1) - 1;
  int pictures = nn_descent_pictures(&settings->descent) + count_pictures(settings);
  nn_cost_add_pictures(estimate, larger * pictures, width, height, 3);
}

static bool
estimate_feature_inversion(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                           GError **error)
{
  NnInversionSettings settings = read_settings(run);
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  if (!nn_cost_add_layers(names, nn_effect_argument(run, "network")->network, settings.layers,
                          "content", error))
    return false;
  g_auto(GStrv) layers = g_strv_builder_end(names);
  NnSize full = {width, height};
  nn_working_size(settings.working_px, &width, &height);
  if (!nn_descent_add_cost(run, (const char *const *)layers, &settings.descent,
                           &(NnSize){width, height}, 1, false, false, 0, count_pictures(&settings),
                           estimate, error) ||
      !nn_cost_add_remembered(estimate, nn_effect_argument(run, "network")->network,
                              (const char *const *)layers, width, height, error))
    return false;
  nn_cost_add_result(estimate, width, height, full.width, full.height);
  add_canvas(&settings, width, height, estimate);
  return true;
}

const NnEffect nn_effect_feature_inversion = {
    .id = "feature-inversion",
    .group = NN_GROUP_LOOK_INSIDE,
    .label = N_("Feature In_version..."),
    .blurb = N_("Make the picture that a layer of a network remembers"),
    .help = N_("Feature inversion (Mahendran and Vedaldi, 2015) begins with noise and looks for a "
               "picture whose features at a layer are those of this one. What the layer does not "
               "remember is missing: fine detail first, then colors, then where things are."),
    .params = params,
    .run = run_feature_inversion,
    .estimate = estimate_feature_inversion,
};
