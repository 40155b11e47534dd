/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DeepDream (Mordvintsev, Olah and Tyka 2015, "Inceptionism"): a picture is changed so that what a
 * layer of a network already responds to in it grows stronger. The row of the table, and how its
 * arguments become an objective (effects/objective.h) and a dream (effects/dream.h). */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/effects/cost.h"
#include "nncore/effects/dream.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/working.h"

/* in the order of NnObjectiveKind */
static const NnChoice objectives[] = {
    {"l2", N_("All of the layer (L2)")},
    {"mean", N_("Mean of the layer")},
    {"channel", N_("One channel")},
    {"class", N_("A class")},
    {NULL, NULL},
};

/* in the order of NnHead */
static const NnChoice heads[] = {
    {"pooled", N_("Pooled: what is found all over is averaged")},
    {"resized", N_("Resized: the whole picture at the head's size")},
    {NULL, NULL},
};

/* in the order of NnSmoothing */
static const NnChoice smoothings[] = {
    {"none", N_("None")},
    {"blur", N_("Gaussian blur")},
    {"laplacian", N_("Laplacian pyramid")},
    {NULL, NULL},
};

#define SECTION_NETWORK N_("What to see")
#define SECTION_OCTAVES N_("Octaves")
#define SECTION_ASCENT N_("Gradient ascent")
#define SECTION_GUIDE N_("Guide")
#define SECTION_RESULT N_("Result")

static const NnParam params[] = {
    {
        .key = "network",
        .label = N_("_Network"),
        .help = N_("The network that dreams. What it was trained on is what it sees."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_NETWORK,
    },
    {
        .key = "layers",
        .label = N_("_Layers"),
        .help = N_("Which layers are excited, with weights if you like: relu4_2:0.5,relu5_1. "
                   "Layers near the input give strokes and textures, deep ones eyes, heads and "
                   "buildings. Empty takes what suits the network."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_LAYERS,
        .use = "dream",
        .enabled_by = "!objective=class",
    },
    {
        .key = "objective",
        .label = N_("_Objective"),
        .help = N_("What is to grow: all that the layer responds to, the strongest most (L2); all "
                   "of it alike (mean); one channel of it; or how sure the network is of a class, "
                   "for which the layers do not matter."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_CHOICE,
        .choices = objectives,
        .enabled_by = "!guide !guide-file",
    },
    {
        .key = "channel",
        .label = N_("C_hannel"),
        .help = N_("Number of the channel, from 0, for the objective “One channel”. -1 takes the "
                   "one that responds most to the picture."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_INT,
        .min = -1,
        .max = 65535,
        .initial = -1,
        .enabled_by = "objective=channel",
    },
    {
        .key = "class",
        .label = N_("_Class"),
        .help = N_("Name or number of the class for the objective “A class”. Empty takes what the "
                   "network holds the picture to be."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_CLASS,
        .when_empty = N_("what the network sees"),
        .enabled_by = "objective=class",
    },
    {
        .key = "head",
        .label = N_("He_ad"),
        .help = N_("For the last layers of a classifier that was made for one size of picture. "
                   "Pooled averages what is found all over a picture of any size: many small "
                   "figures. Resized shows these layers the picture at their own size: few large "
                   "ones. Other networks and layers do not care."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_CHOICE,
        .choices = heads,
    },
    {
        .key = "working-size",
        .label = N_("_Working size"),
        .help = N_("Longest side of the picture that the network works on; the change is then "
                   "enlarged onto the full picture. Larger takes longer and makes the shapes "
                   "smaller. 0 works at full size."),
        .unit = N_("px"),
        .section = SECTION_OCTAVES,
        .kind = NN_PARAM_INT,
        .min = 0,
        .max = 32768,
        .initial = 1024,
    },
    {
        .key = "octaves",
        .label = N_("Oc_taves"),
        .help = N_("Number of sizes at which the picture is dreamt on, from small to large. More "
                   "add larger shapes. 0 takes as many as bring the smallest to about 200 px."),
        .section = SECTION_OCTAVES,
        .kind = NN_PARAM_INT,
        .min = 0,
        .max = 32,
        .initial = 0,
    },
    {
        .key = "octave-scale",
        .label = N_("Octave _scale"),
        .help = N_("How much larger each octave is than the one before."),
        .section = SECTION_OCTAVES,
        .kind = NN_PARAM_FLOAT,
        .min = 1.05,
        .max = 4,
        .initial = 1.4,
        .digits = 2,
    },
    {
        .key = "iterations",
        .label = N_("_Iterations"),
        .help = N_("Steps in each octave. More dream deeper, and take longer in proportion."),
        .section = SECTION_ASCENT,
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 1000,
        .initial = 10,
    },
    {
        .key = "step",
        .label = N_("Ste_p"),
        .help =
            N_("How far a step changes the average value, in levels of 256: each band of the "
               "Laplacian pyramid, or else all of the gradient. Larger is stronger and coarser."),
        .unit = N_("levels"),
        .section = SECTION_ASCENT,
        .kind = NN_PARAM_FLOAT,
        .min = 0.01,
        .max = 64,
        .initial = 1.5,
        .digits = 2,
    },
    {
        .key = "jitter",
        .label = N_("_Jitter"),
        .help = N_("The picture is shifted at random by up to this before each step, which keeps "
                   "the network's grid from showing."),
        .unit = N_("px"),
        .section = SECTION_ASCENT,
        .kind = NN_PARAM_INT,
        .min = 0,
        .max = 1024,
        .initial = 32,
    },
    {
        .key = "smoothing",
        .label = N_("S_moothing"),
        .help = N_("How the gradient is treated before each step. The Laplacian pyramid brings "
                   "fine and coarse to equal strength: larger shapes, stronger colors. Blur "
                   "leaves out the finest grain. None follows the network."),
        .section = SECTION_ASCENT,
        .kind = NN_PARAM_CHOICE,
        .initial = NN_SMOOTHING_LAPLACIAN,
        .choices = smoothings,
    },
    {
        .key = "smoothing-levels",
        .label = N_("Pyramid le_vels"),
        .help = N_("Bands of the Laplacian pyramid. More favour larger shapes and larger patches "
                   "of color."),
        .section = SECTION_ASCENT,
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 10,
        .initial = 3,
        .enabled_by = "smoothing=laplacian",
    },
    {
        .key = "smoothing-sigma",
        .label = N_("_Blur deviation"),
        .help = N_("Standard deviation of the blur. Larger leaves out more of the fine grain."),
        .unit = N_("px"),
        .section = SECTION_ASCENT,
        .kind = NN_PARAM_FLOAT,
        .min = 0,
        .max = 64,
        .initial = 1,
        .digits = 2,
        .enabled_by = "smoothing=blur",
    },
    {
        .key = "guide",
        .label = N_("_Guide layer"),
        .help = N_("A layer whose features are dreamt into the picture, each at the place that is "
                   "most like it. Takes the place of the objective."),
        .section = SECTION_GUIDE,
        .kind = NN_PARAM_DRAWABLE,
    },
    {
        .key = "guide-file",
        .label = N_("Guide _file"),
        .help = N_("The same from a picture file. A guide layer goes before it."),
        .section = SECTION_GUIDE,
        .kind = NN_PARAM_FILE,
        .enabled_by = "!guide",
    },
    {
        .key = "strength",
        .label = N_("St_rength"),
        .help = N_("How much of the change is added to the picture: 1 is all of it, more "
                   "exaggerates."),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_FLOAT,
        .min = 0,
        .max = 2,
        .initial = 1,
        .digits = 2,
    },
    {
        .key = "keep-colors",
        .label = N_("_Keep original colors"),
        .help = N_("Take the lightness only from the dream and leave the colors as they were."),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_BOOL,
        .max = 1,
    },
    {
        .key = "seed",
        .label = N_("Ran_dom seed"),
        .help = N_("Another number gives another dream of the same kind; the same number gives the "
                   "same picture."),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_SEED,
        .max = G_MAXINT32,
    },
    {.key = NULL},
};

static NnDreamSettings
read_settings(const NnEffectRun *run)
{
  return (NnDreamSettings){
      .working_px = (int)nn_effect_argument(run, "working-size")->i,
      .octaves = (int)nn_effect_argument(run, "octaves")->i,
      .octave_scale = nn_effect_argument(run, "octave-scale")->d,
      .iterations = (int)nn_effect_argument(run, "iterations")->i,
      .step_levels = nn_effect_argument(run, "step")->d,
      .jitter_px = (int)nn_effect_argument(run, "jitter")->i,
      .smoothing = (NnSmoothing)nn_effect_argument(run, "smoothing")->i,
      .smoothing_levels = (int)nn_effect_argument(run, "smoothing-levels")->i,
      .smoothing_sigma_px = nn_effect_argument(run, "smoothing-sigma")->d,
      .strength = nn_effect_argument(run, "strength")->d,
      .keep_colours = nn_effect_argument(run, "keep-colors")->i != 0,
      .seed = (uint64_t)nn_effect_argument(run, "seed")->i,
  };
}

static const NnImage *
find_guide(const NnEffectRun *run)
{
  const NnImage *guide = nn_effect_argument(run, "guide")->image;
  return guide != NULL ? guide : nn_effect_argument(run, "guide-file")->image;
}

/* (transfer full) */
static NnObjective *
make_objective(const NnEffectRun *run, const NnNetwork *network, GError **error)
{
  const NnImage *guide = find_guide(run);
  NnObjectiveKind kind = (NnObjectiveKind)nn_effect_argument(run, "objective")->i;
  g_autoptr(NnObjective) objective = nn_objective_new(
      network, run->context, guide == NULL ? kind : NN_OBJECTIVE_GUIDE,
      nn_effect_argument(run, "layers")->text, "dream", nn_effect_argument(run, "channel")->i,
      nn_effect_argument(run, "class")->text, (NnHead)nn_effect_argument(run, "head")->i, error);
  if (objective == NULL || (guide != NULL && !nn_objective_set_guide(objective, guide, error)))
    return NULL;
  return g_steal_pointer(&objective);
}

/* (transfer full): the layer's name */
static char *
describe(const NnEffectRun *run, const NnObjective *objective)
{
  g_autofree char *what = nn_objective_describe(objective);
  if (nn_objective_head_note(objective) == NULL)
    return g_strdup_printf(_("DeepDream %s"), what);
  if (nn_effect_argument(run, "head")->i == NN_HEAD_RESIZED)
    return g_strdup_printf(_("DeepDream %s (head resized)"), what);
  return g_strdup_printf(_("DeepDream %s (head pooled)"), what);
}

static bool
run_deepdream(NnEffectRun *run, GError **error)
{
  if (!nn_effect_check(run->effect, run->arguments, error))
    return false;
  NnReport start = {.text = _("Reading the network")};
  if (nn_progress_report(run->progress, &start) == NN_CANCEL) {
    nn_set_cancelled(error);
    return false;
  }
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  g_autoptr(NnObjective) objective = make_objective(run, network, error);
  if (objective == NULL)
    return false;
  NnDreamSettings settings = read_settings(run);
  NnImage *result =
      nn_dream(network, run->context, objective, run->content, &settings, run->progress, error);
  if (result == NULL)
    return false;
  const char *note = nn_objective_head_note(objective);
  nn_results_add(run->results, NN_PLACE_LAYER, result, describe(run, objective));
  if (note != NULL)
    nn_results_add(run->results, NN_PLACE_TEXT, NULL, g_strdup(note));
  return true;
}

/* what a guide costs is not counted: most of it goes by pictures that are not there yet */
static bool
estimate_deepdream(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                   GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  NnDreamSettings settings = read_settings(run);
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  bool of_class = nn_effect_argument(run, "objective")->i == NN_OBJECTIVE_CLASS;
  const char *scores = of_class ? nn_network_class_target(network, error) : NULL;
  if (scores != NULL)
    g_strv_builder_add(names, scores);
  else if (of_class || !nn_cost_add_layers(names, network, nn_effect_argument(run, "layers")->text,
                                           "dream", error))
    return false;
  g_auto(GStrv) layers = g_strv_builder_end(names);
  double evaluations = nn_dream_evaluations(&settings, width, height);
  NnSize full = {width, height};
  nn_working_size(settings.working_px, &width, &height);
  NnPasses passes = {.network = network,
                     .layers = (const char *const *)layers,
                     .width = width,
                     .height = height,
                     .forward = evaluations,
                     .back = evaluations,
                     .gradient = true};
  if (!nn_cost_add_passes(estimate, run->context, &passes, error))
    return false;
  nn_cost_add_pictures(estimate, NN_DREAM_PICTURES, width, height, 3);
  nn_cost_add_result(estimate, width, height, full.width, full.height);
  return true;
}

const NnEffect nn_effect_deepdream = {
    .id = "deepdream",
    .group = NN_GROUP_DREAM,
    .label = N_("_DeepDream..."),
    .blurb = N_("Bring out what a neural network sees in the picture"),
    .help =
        N_("DeepDream (Mordvintsev, Olah and Tyka, “Inceptionism”, 2015) changes the picture so "
           "that whatever a layer of the network responds to in it grows stronger: eyes, heads, "
           "arches, fur. It works from a small size to a large one, carrying the detail along."),
    .params = params,
    .run = run_deepdream,
    .estimate = estimate_deepdream,
};
