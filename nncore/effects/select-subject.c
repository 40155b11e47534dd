/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Selecting the subject: what a network sees in the picture, or what lies in a person's rough selection.
 * The row of the table; the work is in effects/subject.h. */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/effects/attribution.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/subject.h"
#include "nncore/effects/view.h"

#define NETWORK_PART 0.5 /* of the time that a map takes */
#define LOOK_PART 0.01 /* the same: that the first look takes */
#define MOST_SURE 99.95 /* %, of subject and background together; the dialog has tenths */
#define GAUSSIANS 5
#define SAMPLES 30
#define NOISE 0.15
#define STEPS 32

typedef enum { OUTPUT_SELECTION, OUTPUT_MASK, OUTPUT_LAYER } Output;

static const NnChoice maps[] = {
    {"smoothgrad", N_("SmoothGrad")},
    {"integrated-gradients", N_("Integrated gradients")},
    {"grad-cam", N_("Grad-CAM")},
    {NULL, NULL},
};

static const NnMethod methods[] = {NN_METHOD_SMOOTHGRAD, NN_METHOD_INTEGRATED, NN_METHOD_GRAD_CAM};

/* in the order of NnOutline */
static const NnChoice meanings[] = {
    {"around", N_("The subject lies within")},
    {"inside", N_("All of it is subject")},
    {NULL, NULL},
};

/* in the order of Output */
static const NnChoice outputs[] = {
    {"selection", N_("A selection")},
    {"mask", N_("The layer's mask")},
    {"layer", N_("A layer with the subject alone")},
    {NULL, NULL},
};

#define SECTION_WHAT N_("What the subject is")
#define SECTION_WHERE N_("Where the subject is")
#define SECTION_CUT N_("Cut")
#define SECTION_RESULT N_("Result")

static const NnParam params[] = {
    NN_NETWORK_PARAM(SECTION_WHAT),
    {
        .key = "class",
        .label = N_("C_lass"),
        .help =
            N_("Name or number of the class that the subject is of. Empty takes what the network "
               "holds the picture to be."),
        .section = SECTION_WHAT,
        .kind = NN_PARAM_CLASS,
        .when_empty = NN_FIRST_CHOICE,
    },
    {
        .key = "selection-means",
        .label = N_("_Selection"),
        .help = N_("What the image's selection says of the subject, if there is one: that it lies "
                   "somewhere within, or that all that is selected belongs to it. The network is "
                   "not asked then. Without a selection, the subject is what the network sees."),
        .section = SECTION_WHERE,
        .kind = NN_PARAM_CHOICE,
        .choices = meanings,
    },
    {
        .key = "map",
        .label = N_("_Map"),
        .help = N_("How the network is asked what speaks for the class. Without a selection only."),
        .section = SECTION_WHERE,
        .kind = NN_PARAM_CHOICE,
        .choices = maps,
    },
    {
        .key = "sure-subject",
        .label = N_("Surely subje_ct"),
        .help = N_("This part of the picture, where the map is highest, is taken for subject "
                   "whatever it looks like. More finds more of a large subject."),
        .unit = N_("%"),
        .section = SECTION_WHERE,
        .kind = NN_PARAM_FLOAT,
        .min = 0.1,
        .max = 90,
        .initial = 5,
        .digits = 1,
    },
    {
        .key = "sure-background",
        .label = N_("Surely _background"),
        .help = N_("This part of the picture, where the map is lowest, is taken for background. "
                   "More keeps the subject smaller."),
        .unit = N_("%"),
        .section = SECTION_WHERE,
        .kind = NN_PARAM_FLOAT,
        .min = 0.1,
        .max = 90,
        .initial = 30,
        .digits = 1,
    },
    {
        .key = "smoothness",
        .label = N_("Smoot_hness"),
        .help = N_("How much an edge costs that follows nothing in the picture. More gives shorter "
                   "edges and fewer specks, less keeps thin and ragged things."),
        .section = SECTION_CUT,
        .kind = NN_PARAM_FLOAT,
        .max = 1000,
        .initial = 50,
        .digits = 1,
    },
    {
        .key = "iterations",
        .label = N_("_Iterations"),
        .help = N_("How often colors are learnt from the cut and it is cut again, at most. It ends "
                   "by itself when nothing changes any more."),
        .section = SECTION_CUT,
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 100,
        .initial = 10,
    },
    {
        .key = "connected",
        .label = N_("Only _pieces with sure subject"),
        .help = N_("Drop pieces in which nothing is surely subject: things elsewhere that only "
                   "look alike. A selection within which the subject lies makes nothing sure; then "
                   "all pieces stay."),
        .section = SECTION_CUT,
        .kind = NN_PARAM_BOOL,
        .max = 1,
        .initial = 1,
    },
    {
        .key = "working-size",
        .label = N_("_Working size"),
        .help =
            N_("Longest side of the picture that is cut first; from there the edge is followed up "
               "to full size. Larger ones find thinner things, and take longer in proportion to "
               "the area. 0 takes the full size."),
        .unit = N_("px"),
        .section = SECTION_CUT,
        .kind = NN_PARAM_INT,
        .min = 0,
        .max = 32768,
        .initial = 512,
    },
    {
        .key = "output",
        .label = N_("_Output"),
        .help =
            N_("What becomes of the subject: a selection, the layer's mask, or a new layer that "
               "is transparent elsewhere."),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_CHOICE,
        .choices = outputs,
    },
    {
        .key = "softness",
        .label = N_("So_ft edge"),
        .help = N_("Width of the edge, in pixels of the layer. 0 is hard and has steps."),
        .unit = N_("px"),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_FLOAT,
        .max = 500,
        .initial = 2,
        .digits = 1,
    },
    {.key = NULL},
};

/* ---- what the network sees ---- */

static NnAttributionSettings
map_settings(const NnEffectRun *run)
{
  return (NnAttributionSettings){.method = methods[nn_effect_argument(run, "map")->i],
                                 .samples = SAMPLES,
                                 .noise = NOISE,
                                 .steps = STEPS,
                                 .baseline = NN_BASELINE_BLUR,
                                 .cam_layer = ""};
}

static NnTargetChoice
subject_choice(const NnEffectRun *run)
{
  return (NnTargetChoice){
      .kind = NN_TARGET_CLASS, .class_text = nn_effect_argument(run, "class")->text, .layer = ""};
}

/* (transfer full): one channel */
static NnImage *
ask_network(NnEffectRun *run, NnTarget *target, GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  NnAttributionSettings settings = map_settings(run);
  NnProgressPart first = {.progress = run->progress, .to = LOOK_PART};
  NnProgressPart rest = {.progress = run->progress, .from = LOOK_PART, .to = NETWORK_PART};
  NnProgress look = nn_progress_of_part(&first), progress = nn_progress_of_part(&rest);
  g_autoptr(NnImage) view =
      nn_view_new(network, run->context, nn_target_program(target), run->content, 0, error);
  if (view == NULL)
    return NULL;
  NnAttribution told = {0};
  NnImage *map = NULL;
  int64_t held = NN_METHOD_PICTURES * (int64_t)(nn_image_samples(view) * sizeof(float));
  nn_context_hold_memory(run->context, held);
  if (nn_target_open_watched(target, view, &look, error))
    map = nn_attribute(network, run->context, target, view, &settings, &progress, &told, error);
  nn_context_hold_memory(run->context, -held);
  g_free(told.cam_layer);
  return map;
}

/* (transfer full): one channel; @name: (out) (transfer full): of what is seen */
static NnImage *
find_map(NnEffectRun *run, char **name, GError **error)
{
  NnMethod method = methods[nn_effect_argument(run, "map")->i];
  NnTargetChoice choice = subject_choice(run);
  if (!nn_progress_begin(run->progress, _("Reading the network"), error))
    return NULL;
  g_autoptr(NnTarget) target =
      nn_target_new(nn_effect_argument(run, "network")->network, run->context, &choice,
                    nn_method_options(method), error);
  NnImage *map = target != NULL ? ask_network(run, target, error) : NULL;
  if (map != NULL)
    *name = nn_target_describe(target);
  return map;
}

/* ---- results ---- */

/* (transfer full): the content where the mask is */
static NnImage *
cut_out(const NnImage *content, const NnImage *mask, GError **error)
{
  NnImage *layer = nn_image_copy(content, error);
  for (size_t i = 0; layer != NULL && i < nn_image_samples(mask); i++)
    layer->data[4 * i + 3] *= mask->data[i];
  return layer;
}

/* takes @mask */
static bool
add_results(NnEffectRun *run, NnImage *mask, const char *name, GError **error)
{
  static const NnPlace places[] = {[OUTPUT_SELECTION] = NN_PLACE_SELECTION,
                                   [OUTPUT_MASK] = NN_PLACE_MASK,
                                   [OUTPUT_LAYER] = NN_PLACE_LAYER};
  Output output = (Output)nn_effect_argument(run, "output")->i;
  g_autoptr(NnImage) image = mask;
  if (output == OUTPUT_LAYER) {
    image = cut_out(run->content, mask, error);
    nn_image_free(mask);
    if (image == NULL)
      return false;
  }
  char *label = name != NULL ? g_strdup_printf(_("Subject: %s"), name) : g_strdup(_("Subject"));
  nn_results_add(run->results, places[output], g_steal_pointer(&image), label)->own_alpha =
      output == OUTPUT_LAYER;
  return true;
}

static void
tell(NnEffectRun *run, const char *name, int iterations)
{
  g_autofree char *cuts = g_strdup_printf(
      g_dngettext(GETTEXT_PACKAGE, "%d cut", "%d cuts", (gulong)iterations), iterations);
  char *text = name == NULL ? g_strdup_printf(_("Subject of the selection, after %s."), cuts)
                            : g_strdup_printf(_("Subject: %s, after %s."), name, cuts);
  nn_results_add(run->results, NN_PLACE_TEXT, NULL, text);
}

/* ---- the run ---- */

/* whether the selection leaves something out: one of everything says nothing */
static bool
has_outline(const NnImage *selection)
{
  for (size_t i = 0; selection != NULL && i < nn_image_samples(selection); i++)
    if (!(selection->data[i] >= 1))
      return true;
  return false;
}

/* without an outline: that what is sure leaves something to be cut */
static bool
check_sure_parts(const NnEffectRun *run, GError **error)
{
  double sure =
      nn_effect_argument(run, "sure-subject")->d + nn_effect_argument(run, "sure-background")->d;
  if (sure < MOST_SURE)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("What is surely subject (sure-subject) and what is surely background "
                "(sure-background) are %.1f %% of the picture together, which leaves nothing to "
                "cut. Choose less of one of them, so that they are less than 100 %%."),
              sure);
  return false;
}

/* of the cut's pictures */
static bool
check_memory(const NnEffectRun *run, GError **error)
{
  int64_t bytes = (int64_t)nn_subject_held_bytes(run->content->width, run->content->height);
  nn_context_hold_memory(run->context, bytes);
  bool fits = nn_effect_check_memory(run->context, error);
  nn_context_hold_memory(run->context, -bytes);
  return fits;
}

/* before the network is asked, which takes its time */
static bool
check_run(const NnEffectRun *run, GError **error)
{
  return nn_effect_check(run->effect, run->arguments, error) &&
         (has_outline(run->selection) || check_sure_parts(run, error)) && check_memory(run, error);
}

static bool
run_select_subject(NnEffectRun *run, GError **error)
{
  if (!check_run(run, error))
    return false;
  NnSubjectHints hints = {
      .outline = has_outline(run->selection) ? run->selection : NULL,
      .meaning = (NnOutline)nn_effect_argument(run, "selection-means")->i,
      .sure_subject = nn_effect_argument(run, "sure-subject")->d / 100,
      .sure_background = nn_effect_argument(run, "sure-background")->d / 100,
  };
  NnSubjectSettings settings = {
      .cut = {.smoothness = nn_effect_argument(run, "smoothness")->d,
              .iterations = (int)nn_effect_argument(run, "iterations")->i,
              .gaussians = GAUSSIANS},
      .working_px = (int)nn_effect_argument(run, "working-size")->i,
      .seeded_only = nn_effect_argument(run, "connected")->i != 0,
      .soft_px = nn_effect_argument(run, "softness")->d,
  };
  g_autofree char *name = NULL;
  g_autoptr(NnImage) map = hints.outline == NULL ? find_map(run, &name, error) : NULL;
  if (hints.outline == NULL && map == NULL)
    return false;
  hints.map = map;
  NnProgressPart part = {
      .progress = run->progress, .from = map != NULL ? NETWORK_PART : 0, .to = 1};
  NnProgress progress = nn_progress_of_part(&part);
  int iterations;
  NnImage *mask =
      nn_subject_mask(run->context, run->content, &hints, &settings, &progress, &iterations, error);
  if (mask == NULL || !add_results(run, mask, name, error))
    return false;
  tell(run, name, iterations);
  return true;
}

/* what the network takes for the map */
static bool
add_map_cost(const NnEffectRun *run, int width, int height, NnEstimate *estimate, GError **error)
{
  NnTargetChoice choice = subject_choice(run);
  NnAttributionSettings settings = map_settings(run);
  NnPasses passes = nn_method_passes(&settings);
  if (!nn_target_add_cost_at(run, &choice, 0, &width, &height, passes, estimate, error))
    return false;
  nn_cost_add_pictures(estimate, NN_METHOD_PICTURES, width, height, 3);
  return true;
}

/* memory alone: of the time, most goes into the cuts, and how long these take hangs on the picture. The
 * network has given back what it took when cutting begins, which holds what it takes itself. */
static bool
estimate_select_subject(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                        GError **error)
{
  NnEstimate map = {0};
  int working_px = (int)nn_effect_argument(run, "working-size")->i;
  if (!add_map_cost(run, width, height, &map, error))
    return false;
  estimate->bytes = MAX(map.bytes, nn_subject_bytes(width, height, working_px));
  estimate->at_most = true;
  return true;
}

const NnEffect nn_effect_select_subject = {
    .id = "select-subject",
    .group = NN_GROUP_EXPLAIN,
    .label = N_("Sele_ct Subject..."),
    .blurb = N_("Select what a network sees in the picture, or what lies in a rough selection"),
    .help = N_(
        "GrabCut (Rother, Kolmogorov and Blake 2004): the colors of subject and background are "
        "learnt as mixtures of Gaussians, a minimal cut divides the picture by them and along its "
        "edges, and both in turn. It begins with a rough selection, if there is one: select the "
        "subject with some background around it. Else it begins where a network's verdict comes "
        "from, as in Simonyan, Vedaldi and Zisserman, “Deep Inside Convolutional Networks” "
        "(2014)."),
    .params = params,
    .selection = NN_SELECTION_INFORMS,
    .no_output = true,
    .run = run_select_subject,
    .estimate = estimate_select_subject,
};
