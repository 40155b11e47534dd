/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pictures that excite channels, neurons or classes most: the row of the table, the list of them,
 * and the sheet on which they are laid out. The climb to each is effects/climb.h. */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/effects/climb.h"
#include "nncore/effects/cost.h"
#include "nncore/effects/descent-params.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/number-list.h"
#include "nncore/effects/sheet.h"

#define USUAL_PICTURES 16 /* where the list is empty */
#define PICTURES_PART 0.75 /* of the memory budget that pictures may take */

static const NnChoice objectives[] = {
    {"mean", N_("Mean")},
    {"square", N_("Mean of squares")},
    {NULL, NULL},
};

/* in the order of NnClimbMethod */
static const NnChoice optimizers[] = {
    {"adam", N_("Adam")},
    {"normalized", N_("Normalized gradient ascent")},
    {NULL, NULL},
};

#define SECTION_WHAT N_("What to excite")
#define SECTION_PICTURE N_("Picture")
#define SECTION_VIEWS N_("Seen in many ways")
#define SECTION_NATURAL N_("What pictures are like")
#define SECTION_SHEET N_("Sheet")

static const NnParam params[] = {
    {
        .key = "network",
        .label = N_("_Network"),
        .help = N_("The network that is looked into. What it was trained on is what it knows."),
        .section = SECTION_WHAT,
        .kind = NN_PARAM_NETWORK,
    },
    {
        .key = "target",
        .label = N_("_Target"),
        .help =
            N_("What is excited: a channel, all over the picture; a single neuron of it, in the "
               "middle; or a class, by its score before softmax."),
        .section = SECTION_WHAT,
        .kind = NN_PARAM_CHOICE,
        .choices = nn_target_choices,
        .initial = NN_TARGET_CHANNEL,
    },
    {
        .key = "layer",
        .label = N_("La_yer"),
        .help = N_("The layer of the channels or neurons. Near the input they want edges and "
                   "textures, deep ones parts of things. Empty takes what suits the network."),
        .section = SECTION_WHAT,
        .kind = NN_PARAM_LAYERS,
        .use = "dream",
        .enabled_by = "!target=class",
    },
    {
        .key = "channels",
        .label = N_("C_hannels"),
        .help = N_("Their numbers, from 0: “7”, “0-15” or “3, 7, 12”. Several make a sheet. Empty "
                   "takes 16 of the layer's."),
        .section = SECTION_WHAT,
        .kind = NN_PARAM_TEXT,
        .when_empty = N_("16 of the layer's"),
        .enabled_by = "!target=class",
    },
    {
        .key = "classes",
        .label = N_("C_lasses"),
        .help = N_("Names or numbers of classes, between semicolons: “goldfish; tabby”. Several "
                   "make a sheet. Empty takes 16 of the network's."),
        .section = SECTION_WHAT,
        .kind = NN_PARAM_CLASS,
        .when_empty = N_("16 of the network's"),
        .enabled_by = "target=class",
    },
    {
        .key = "objective",
        .label = N_("O_bjective"),
        .help = N_("What of a channel is to grow: its mean, or the mean of its squares, to which "
                   "few strong responses give more than many weak ones."),
        .section = SECTION_WHAT,
        .kind = NN_PARAM_CHOICE,
        .choices = objectives,
        .enabled_by = "target=channel",
    },
    {
        .key = "variants",
        .label = N_("_Pictures of each"),
        .help = N_("How many pictures are made of each channel or class. More show more of what "
                   "excites it, and take longer in proportion."),
        .section = SECTION_WHAT,
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 64,
        .initial = 1,
    },
    {
        .key = "diversity",
        .label = N_("_Diversity"),
        .help = N_("How much several pictures of the same shall differ, in what the layer sees in "
                   "them. Larger ones differ more, and excite less. 0 leaves it to chance."),
        .section = SECTION_WHAT,
        .kind = NN_PARAM_FLOAT,
        .max = 10,
        .initial = 1,
        .digits = 2,
    },
    {
        .key = "size",
        .label = N_("_Size"),
        .help = N_("Side of each picture. Larger ones show more, not larger, figures, and take "
                   "longer. 0 takes what suits the layer, from 128 to 224."),
        .unit = N_("px"),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_INT,
        .max = 4096,
    },
    {
        .key = "parametrization",
        .label = N_("What chan_ges"),
        .help = N_("What the steps change: pixels one by one, or waves over the whole picture, of "
                   "which long ones and lightness count most, as in photos. Waves make for clearer "
                   "pictures."),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_CHOICE,
        .choices = nn_descent_parametrizations,
        .initial = 1,
    },
    {
        .key = "iterations",
        .label = N_("_Iterations"),
        .help = N_("Steps for each picture. More make it clearer and stronger, and take longer in "
                   "proportion."),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 10000,
        .initial = 256,
    },
    {
        .key = "optimizer",
        .label = N_("Optimi_zer"),
        .help = N_("Adam gives each value a pace of its own. Normalized gradient ascent follows "
                   "the gradient alone."),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_CHOICE,
        .choices = optimizers,
    },
    {
        .key = "step",
        .label = N_("St_ep"),
        .help = N_("About how far a step moves the picture's values at first; it falls to a tenth. "
                   "Larger makes for more contrast."),
        .unit = N_("levels"),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_FLOAT,
        .min = 0.01,
        .max = 64,
        .initial = 6,
        .digits = 2,
    },
    {
        .key = "seed",
        .label = N_("_Random seed"),
        .help = N_("Another number gives other pictures of the same; the same number gives the "
                   "same ones."),
        .section = SECTION_PICTURE,
        .kind = NN_PARAM_SEED,
        .max = G_MAXINT32,
    },
    {
        .key = "jitter",
        .label = N_("_Jitter"),
        .help =
            N_("The network sees the picture shifted at random by up to this in each step. More "
               "gives fewer fine patterns that only fool it, and softer pictures."),
        .unit = N_("px"),
        .section = SECTION_VIEWS,
        .kind = NN_PARAM_INT,
        .max = 256,
        .initial = 12,
    },
    {
        .key = "rescale",
        .label = N_("Resc_ale"),
        .help = N_("And larger or smaller by up to this."),
        .unit = N_("%"),
        .section = SECTION_VIEWS,
        .kind = NN_PARAM_FLOAT,
        .max = 100,
        .initial = 10,
        .digits = 1,
    },
    {
        .key = "rotation",
        .label = N_("R_otation"),
        .help = N_("And turned by up to this."),
        .unit = N_("°"),
        .section = SECTION_VIEWS,
        .kind = NN_PARAM_FLOAT,
        .max = 180,
        .initial = 10,
        .digits = 1,
    },
    {
        .key = "decay",
        .label = N_("L_2 decay"),
        .help = N_("How much of all that is not grey each step takes away. More keeps colors from "
                   "running to the extremes, and leaves grey what does not count."),
        .unit = N_("%"),
        .section = SECTION_NATURAL,
        .kind = NN_PARAM_FLOAT,
        .max = 50,
        .digits = 2,
    },
    {
        .key = "smoothness",
        .label = N_("S_moothness"),
        .help = N_("Weight of total variation. Larger makes a cleaner picture with less detail."),
        .section = SECTION_NATURAL,
        .kind = NN_PARAM_FLOAT,
        .max = 100,
        .initial = 0.2,
        .digits = 2,
    },
    {
        .key = "blur",
        .label = N_("Bl_ur deviation"),
        .help =
            N_("Of the Gaussian blur that the picture gets now and then. Larger takes away more "
               "of fine patterns. 0 does not blur. Pixels only, as what follows."),
        .unit = N_("px"),
        .section = SECTION_NATURAL,
        .kind = NN_PARAM_FLOAT,
        .max = 32,
        .initial = 0.5,
        .digits = 2,
        .enabled_by = "parametrization=pixels",
    },
    {
        .key = "blur-every",
        .label = N_("Blur e_very"),
        .help = N_("How many steps there are from one blur to the next. Fewer blur more."),
        .unit = N_("steps"),
        .section = SECTION_NATURAL,
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 1000,
        .initial = 8,
        .enabled_by = "parametrization=pixels blur",
    },
    {
        .key = "clear-small",
        .label = N_("Clear small pi_xels"),
        .help = N_("How many of the pixels become grey after each step: those that are nearest to "
                   "it. More leaves only the main figure."),
        .unit = N_("%"),
        .section = SECTION_NATURAL,
        .kind = NN_PARAM_FLOAT,
        .max = 99,
        .digits = 1,
        .enabled_by = "parametrization=pixels",
    },
    {
        .key = "clear-idle",
        .label = N_("Clear _weak contributions"),
        .help = N_("The same of those that give the least to the excitement, as far as the "
                   "gradient tells."),
        .unit = N_("%"),
        .section = SECTION_NATURAL,
        .kind = NN_PARAM_FLOAT,
        .max = 99,
        .digits = 1,
        .enabled_by = "parametrization=pixels",
    },
    {
        .key = "columns",
        .label = N_("_Columns"),
        .help = N_("Pictures in a row of the sheet. 0 makes it about square, or gives each channel "
                   "a row."),
        .section = SECTION_SHEET,
        .kind = NN_PARAM_INT,
        .max = 256,
    },
    {
        .key = "captions",
        .label = N_("Captions"),
        .help = N_("Write under each picture of a sheet what it excites."),
        .section = SECTION_SHEET,
        .kind = NN_PARAM_BOOL,
        .max = 1,
        .initial = 1,
    },
    {.key = NULL},
};

/**
 * Show: a run.
 * @numbers: (element-type int): channels or classes
 * @variants: pictures of each; picture @variants i + k is the k-th of number i
 * @at: which of @numbers is being made; those before are on the sheet
 */
typedef struct {
  NnEffectRun *run;
  NnExcitationSettings what;
  NnClimbSettings how;
  NnExcitation *excitation;
  NnClimb *climb;
  GArray *numbers;
  guint at;
  NnSheet *sheet;
  NnVerdict verdict;
} Show;

static void
show_clear(Show *show)
{
  nn_climb_free(show->climb);
  nn_excitation_free(show->excitation);
  g_clear_pointer(&show->numbers, g_array_unref);
  nn_sheet_free(show->sheet);
}

static void
read_settings(const NnEffectRun *run, Show *show)
{
  show->what = (NnExcitationSettings){
      .kind = (NnTargetKind)nn_effect_argument(run, "target")->i,
      .layer = nn_effect_argument(run, "layer")->text,
      .squared = nn_effect_argument(run, "objective")->i != 0,
      .size_px = (int)nn_effect_argument(run, "size")->i,
      .frequencies = nn_effect_argument(run, "parametrization")->i != 0,
      .variation = nn_effect_argument(run, "smoothness")->d,
      .variants = (int)nn_effect_argument(run, "variants")->i,
      .diversity = nn_effect_argument(run, "diversity")->d,
  };
  show->how = (NnClimbSettings){
      .iterations = (int)nn_effect_argument(run, "iterations")->i,
      .method = (NnClimbMethod)nn_effect_argument(run, "optimizer")->i,
      .step = nn_effect_argument(run, "step")->d / 255,
      .range = {.jitter_px = (int)nn_effect_argument(run, "jitter")->i,
                .angle = nn_effect_argument(run, "rotation")->d * G_PI / 180,
                .rescale = nn_effect_argument(run, "rescale")->d / 100},
      .decay = nn_effect_argument(run, "decay")->d / 100,
      .blur_sigma_px = nn_effect_argument(run, "blur")->d,
      .blur_every = (int)nn_effect_argument(run, "blur-every")->i,
      .clear_norms = nn_effect_argument(run, "clear-small")->d / 100,
      .clear_contributions = nn_effect_argument(run, "clear-idle")->d / 100,
      .seed = (uint64_t)nn_effect_argument(run, "seed")->i,
  };
}

/* (transfer full): the channels or classes asked for, of @count; @layer: for people */
static GArray *
read_numbers(const NnEffectRun *run, int count, const char *layer, GError **error)
{
  if (nn_effect_argument(run, "target")->i != NN_TARGET_CLASS)
    return nn_parse_numbers(nn_effect_argument(run, "channels")->text, layer, count, USUAL_PICTURES,
                            error);
  return nn_parse_classes(nn_effect_argument(run, "network")->network,
                          nn_effect_argument(run, "classes")->text, layer, count, USUAL_PICTURES,
                          error);
}

/* ---- the sheet ---- */

/* (transfer full) */
static NnSheet *
make_sheet(const Show *show, GError **error)
{
  int side = nn_excitation_size(show->excitation), variants = show->what.variants;
  guint count = show->numbers->len;
  int columns = (int)nn_effect_argument(show->run, "columns")->i;
  if (columns == 0 && variants > 1 && count > 1)
    columns = variants;
  if (!nn_sheet_check(show->run->context, (int64_t)count * variants, side, side, true, error))
    return NULL;
  return nn_sheet_new((int)count * variants, columns, side, side,
                      nn_effect_argument(show->run, "captions")->i != 0, error);
}

static bool
is_single(const Show *show)
{
  return show->numbers->len == 1 && show->what.variants == 1;
}

/* the pictures of the number at hand, as they are now */
static void
lay_out(Show *show)
{
  for (int k = 0; k < show->what.variants; k++)
    nn_sheet_put(show->sheet, (int)show->at * show->what.variants + k,
                 nn_climb_picture(show->climb, k));
}

/* NnReport.render */
static NnImage *
render(gconstpointer data, GError **error)
{
  Show *show = (Show *)data;
  if (is_single(show))
    return nn_image_copy(nn_climb_picture(show->climb, 0), error);
  lay_out(show);
  return nn_image_copy(nn_sheet_image(show->sheet), error);
}

static char *
describe(const Show *show, guint i)
{
  return nn_excitation_describe(show->excitation, g_array_index(show->numbers, int, i));
}

static void
finish_sheet(Show *show, guint count)
{
  for (guint i = 0; i < count; i++)
    for (int k = 0; k < show->what.variants; k++)
      nn_sheet_caption(show->sheet, (int)i * show->what.variants + k, describe(show, i));
  g_autofree char *what =
      count == 1 ? describe(show, 0) : nn_excitation_describe(show->excitation, -1);
  nn_sheet_finish(g_steal_pointer(&show->sheet), show->run->results,
                  g_strdup_printf(_("What excites %s"), what));
}

/* of @count numbers, the last of which may not have been finished */
static bool
finish(Show *show, guint count, GError **error)
{
  if (is_single(show)) {
    NnImage *picture = nn_image_copy(nn_climb_picture(show->climb, 0), error);
    g_autofree char *what = describe(show, 0);
    if (picture != NULL)
      nn_results_add(show->run->results, NN_PLACE_NEW_IMAGE, picture,
                     g_strdup_printf(_("What excites %s"), what));
    return picture != NULL;
  }
  nn_sheet_shorten(show->sheet, (int)count * show->what.variants);
  finish_sheet(show, count);
  return true;
}

/* ---- memory ---- */

/* of @count numbers' pictures, and what is needed to make them */
static double
picture_bytes(const Show *show, guint count, int side)
{
  int64_t pictures = (int64_t)count * show->what.variants;
  NnEstimate estimate = {.bytes = pictures > 1 ? nn_sheet_bytes(pictures, side, side) : 0};
  nn_cost_add_pictures(&estimate, NN_EXCITATION_PICTURES + nn_climb_pictures(show->what.variants),
                       side, side, 3);
  return estimate.bytes;
}

/* how many numbers there are; those that are not understood are told of later */
static guint
count_asked(const Show *show, int channels)
{
  g_autoptr(GArray) numbers = read_numbers(show->run, channels, show->what.layer, NULL);
  return numbers != NULL ? numbers->len : 1;
}

/* whether the budget does for the pictures and leaves something for the network */
static bool
check_pictures(Show *show, guint count, int side, GError **error)
{
  int64_t budget = nn_context_memory_budget(show->run->context);
  double bytes = picture_bytes(show, count, side);
  if (!nn_sheet_check(show->run->context, (int64_t)count * show->what.variants, side, side, true,
                      error))
    return false;
  if (bytes <= PICTURES_PART * (double)budget)
    return true;
  g_autofree char *wanted = g_format_size((guint64)bytes), *given = g_format_size((guint64)budget);
  g_set_error(
      error, NN_ERROR, NN_ERROR_MEMORY,
      _("Pictures of %d × %d px would take %s of memory, and the run may take %s for all it "
        "does. Choose a smaller size, fewer pictures of each, or fewer channels or classes."),
      side, side, wanted, given);
  return false;
}

/* ---- the run ---- */

/* NnClimbWatch */
static bool
watch(gpointer data, int iteration, double fraction)
{
  Show *show = data;
  g_autofree char *what = describe(show, show->at);
  g_autofree char *text = g_strdup_printf(_("%s (%u of %u): step %d of %d"), what, show->at + 1,
                                          show->numbers->len, iteration, show->how.iterations);
  NnReport news = {
      .fraction = (show->at + fraction) / show->numbers->len,
      .text = text,
      .render = render,
      .render_data = show,
  };
  show->verdict = nn_progress_report(show->run->progress, &news);
  return show->verdict == NN_CONTINUE;
}

static bool
make_ready(Show *show, GError **error)
{
  const NnNetwork *network = nn_effect_argument(show->run, "network")->network;
  NnExcitationForesight foresight = {0};
  if (!nn_excitation_foresee(network, &show->what, &foresight, error))
    return false;
  g_autofree char *layer = foresight.layer;
  guint most = count_asked(show, foresight.channels);
  if (!check_pictures(show, most, foresight.size_px, error))
    return false;
  show->excitation = nn_excitation_new(network, show->run->context, &show->what, error);
  if (show->excitation == NULL)
    return false;
  g_autofree char *name = nn_excitation_describe(show->excitation, -1);
  show->numbers = read_numbers(show->run, nn_excitation_channels(show->excitation), name, error);
  if (show->numbers == NULL)
    return false;
  show->climb = nn_climb_new(show->run->context, show->excitation, &show->what, &show->how, error);
  if (show->climb == NULL || is_single(show))
    return show->climb != NULL;
  show->sheet = make_sheet(show, error);
  return show->sheet != NULL;
}

static bool
make_pictures(Show *show, GError **error)
{
  for (show->at = 0; show->at < show->numbers->len; show->at++) {
    int number = g_array_index(show->numbers, int, show->at);
    if (!nn_climb_run(show->climb, number, watch, show, error))
      return false;
    if (show->verdict == NN_CANCEL) {
      nn_set_cancelled(error);
      return false;
    }
    if (show->sheet != NULL)
      lay_out(show);
    if (show->verdict == NN_STOP)
      return finish(show, show->at + 1, error);
  }
  show->at = show->numbers->len - 1;
  return finish(show, show->numbers->len, error);
}

static bool
run_visualise(NnEffectRun *run, GError **error)
{
  if (!nn_effect_check(run->effect, run->arguments, error) ||
      !nn_progress_begin(run->progress, _("Reading the network"), error))
    return false;
  Show show = {.run = run};
  read_settings(run, &show);
  bool ok = make_ready(&show, error) && make_pictures(&show, error);
  show_clear(&show);
  return ok;
}

static bool
estimate_visualise(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                   GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  Show show = {0};
  NnExcitationForesight foresight = {0};
  read_settings(run, &show);
  if (!nn_excitation_foresee(network, &show.what, &foresight, error))
    return false;
  g_autofree char *layer = foresight.layer;
  g_autoptr(GArray) numbers = read_numbers(run, foresight.channels, show.what.layer, error);
  if (numbers == NULL)
    return false;
  double evaluations = (double)numbers->len * show.what.variants * show.how.iterations;
  const char *layers[] = {layer, NULL};
  NnPasses passes = {.network = network,
                     .layers = layers,
                     .width = foresight.size_px,
                     .height = foresight.size_px,
                     .forward = evaluations,
                     .back = evaluations,
                     .gradient = true};
  if (!nn_cost_add_passes(estimate, run->context, &passes, error))
    return false;
  nn_cost_add_held(estimate, picture_bytes(&show, numbers->len, foresight.size_px));
  return true;
}

const NnEffect nn_effect_visualise = {
    .id = "visualise",
    .group = NN_GROUP_LOOK_INSIDE,
    .label = N_("_Visualise Neurons..."),
    .blurb = N_("Make the pictures that channels, neurons or classes of a network want to see"),
    .help =
        N_("Begins with noise and changes it, step by step, into the picture that excites a "
           "channel, a neuron or a class most: by the gradient (Simonyan et al., Deep Inside "
           "Convolutional Networks, 2013), kept natural by decay, blur and clearing (Yosinski et "
           "al., Understanding Neural Networks Through Deep Visualization, 2015), by frequencies "
           "as strong as in photos, by being seen shifted, turned and scaled, and, where there are "
           "several of one, by differing (Olah et al., Feature Visualization, 2017)."),
    .params = params,
    .content = NN_CONTENT_NONE,
    .no_output = true,
    .run = run_visualise,
    .estimate = estimate_visualise,
};
