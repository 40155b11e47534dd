/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Style transfer: the row of the table, and how its arguments become a style model
 * (effects/style.h) and a transfer (effects/transfer.h). */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/effects/cost.h"
#include "nncore/effects/descent-params.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/transfer.h"

/* in the order of NnTransferStart */
static const NnChoice starts[] = {
    {"content", N_("The picture")},
    {"noise", N_("Gray noise")},
    {"style", N_("Noise in the style's colors")},
    {NULL, NULL},
};

/* in the order of NnTransferColours */
static const NnChoice colours[] = {
    {"style", N_("The style's")},
    {"luminance", N_("The picture's: only lightness changes")},
    {"match-style", N_("The picture's: the style is matched to them beforehand")},
    {"match-content", N_("The style's: the picture is matched to them beforehand")},
    {NULL, NULL},
};

#define SECTION_STYLE N_("Style")
#define SECTION_MORE N_("More styles")
#define SECTION_NETWORK N_("Network")
#define SECTION_LOSSES N_("What matters")
#define SECTION_RESULT N_("Result")

/* whether a style is given, as NnParam.enabled_by says it */
#define GIVEN(n) "style-" n "-layer|style-" n "-file"

/* the four parameters of style number @n */
#define STYLE(n, in, layer_label, file_label, weight_label, region_label) \
  { \
      .key = "style-" n "-layer", \
      .label = layer_label, \
      .help = N_("A layer of any open image whose style is taken."), \
      .section = in, \
      .kind = NN_PARAM_DRAWABLE, \
  }, \
      { \
          .key = "style-" n "-file", \
          .label = file_label, \
          .help = N_("The same from a picture file. A style layer goes before it."), \
          .section = in, \
          .kind = NN_PARAM_FILE, \
      }, \
      { \
          .key = "style-" n "-weight", \
          .label = weight_label, \
          .help = N_("How much of this style there is beside the others."), \
          .section = in, \
          .kind = NN_PARAM_FLOAT, \
          .min = 0.01, \
          .max = 100, \
          .initial = 1, \
          .digits = 2, \
          .enabled_by = GIVEN(n), \
      }, \
  { \
    .key = "style-" n "-region", .label = region_label, \
    .help = N_("Where this style goes: a layer, channel or mask, white where it does. Styles " \
               "without a region share what is left."), \
    .section = in, .kind = NN_PARAM_REGION, .enabled_by = GIVEN(n), \
  }

static const NnParam params[] = {
    STYLE("1", SECTION_STYLE, N_("_Style layer"), N_("Style _file"), N_("Style weight"),
          N_("Style re_gion")),
    {
        .key = "style-scale",
        .label = N_("Style s_cale"),
        .help = N_("Size of the style's picture beside this one. Larger makes larger strokes."),
        .section = SECTION_STYLE,
        .kind = NN_PARAM_FLOAT,
        .min = 0.1,
        .max = 4,
        .initial = 1,
        .digits = 2,
    },
    STYLE("2", SECTION_MORE, N_("Second style layer"), N_("Second style file"),
          N_("Second style weight"), N_("Second style region")),
    STYLE("3", SECTION_MORE, N_("Third style layer"), N_("Third style file"),
          N_("Third style weight"), N_("Third style region")),
    STYLE("4", SECTION_MORE, N_("Fourth style layer"), N_("Fourth style file"),
          N_("Fourth style weight"), N_("Fourth style region")),
    {
        .key = "network",
        .label = N_("_Network"),
        .help = N_("The network through whose layers content and style are seen."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_NETWORK,
        .use = "style",
    },
    {
        .key = "style-layers",
        .label = N_("St_yle layers"),
        .help = N_("Layers whose statistics are the style, with weights if you like: "
                   "relu1_1,relu2_1:0.5. Layers near the input see colors and grain, deeper ones "
                   "strokes and shapes. Empty takes what suits the network."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_LAYERS,
        .use = "style",
    },
    {
        .key = "content-layers",
        .label = N_("C_ontent layers"),
        .help = N_("Layers whose features are the content. Layers near the input keep every "
                   "detail, deeper ones the arrangement. Empty takes what suits the network."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_LAYERS,
        .use = "content",
    },
    NN_DESCENT_POOLING(
        SECTION_NETWORK, N_("_Pooling"),
        N_("How the network brings pictures to smaller sizes on the way. Average and L2 "
           "make smoother strokes than the maximum that most networks take.")),
    NN_DESCENT_LOSS(
        SECTION_LOSSES, N_("_Loss"),
        N_("What of the style's features is compared: products of all pairs of channels "
           "(Gram), mean and covariance apart, or how far their distributions are from "
           "each other (Wasserstein), which takes longer with wide layers."),
        NN_STYLE_COVARIANCE),
    {
        .key = "content-weight",
        .label = N_("Content _weight"),
        .help = N_("How much the picture stays what it shows. Larger keeps more of it."),
        .section = SECTION_LOSSES,
        .kind = NN_PARAM_FLOAT,
        .min = 0,
        .max = 1000,
        .initial = 1,
        .digits = 2,
    },
    {
        .key = "style-weight",
        .label = N_("Style weigh_t"),
        .help = N_("How much it takes the style. Larger paints more over it."),
        .section = SECTION_LOSSES,
        .kind = NN_PARAM_FLOAT,
        .min = 0.01,
        .max = 1000,
        .initial = 30,
        .digits = 2,
    },
    NN_DESCENT_SMOOTHNESS(SECTION_LOSSES, 10),
    {
        .key = "working-size",
        .label = N_("Work_ing size"),
        .help = N_("Longest side of the picture that is worked on; the change is then enlarged "
                   "onto the full picture. Larger takes longer and makes finer strokes. 0 works "
                   "at full size."),
        .unit = N_("px"),
        .section = NN_DESCENT_SECTION,
        .kind = NN_PARAM_INT,
        .min = 0,
        .max = 32768,
        .initial = 512,
    },
    NN_DESCENT_SCALES(
        N_("Sizes"),
        N_("At how many sizes it works, from small to large, each 1.4 times as large as "
           "the one before. More bring out larger shapes of the style. 0 begins at about "
           "128 px.")),
    NN_DESCENT_ITERATIONS(
        N_("It_erations"),
        N_("Steps at each size, at most. More come closer to the style, and take longer in "
           "proportion."),
        60),
    NN_DESCENT_OPTIMIZER(
        N_("Optimi_zer"),
        N_("L-BFGS comes closest in the same time. Adam needs less memory and leaves a "
           "softer, more even picture.")),
    NN_DESCENT_STEP(N_("Step"), 5),
    NN_DESCENT_AVERAGE(N_("_Average iterations"), true),
    NN_DESCENT_TOLERANCE(
        N_("Ends a size early when ten iterations make the loss smaller by less than this "
           "part of it. 0 never does."),
        1),
    {
        .key = "start",
        .label = N_("Start f_rom"),
        .help = N_("What it begins with. From the picture it stays close to it; from noise the "
                   "style has more of its own way."),
        .section = NN_DESCENT_SECTION,
        .kind = NN_PARAM_CHOICE,
        .choices = starts,
    },
    NN_DESCENT_SEED(N_("Of the noise to start from; the same number gives the same picture."),
                    "start=noise,style"),
    {
        .key = "colors",
        .label = N_("Colors"),
        .help = N_("Whose colors the result has."),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_CHOICE,
        .choices = colours,
    },
    {
        .key = "strength",
        .label = N_("Strengt_h"),
        .help = N_("How much of the change is added to the picture: 1 is all of it."),
        .section = SECTION_RESULT,
        .kind = NN_PARAM_FLOAT,
        .min = 0,
        .max = 2,
        .initial = 1,
        .digits = 2,
    },
    {.key = NULL},
};

static NnTransferSettings
read_settings(const NnEffectRun *run)
{
  return (NnTransferSettings){
      .working_px = (int)nn_effect_argument(run, "working-size")->i,
      .scales = (int)nn_effect_argument(run, "scales")->i,
      .style_scale = nn_effect_argument(run, "style-scale")->d,
      .content_weight = nn_effect_argument(run, "content-weight")->d,
      .style_weight = nn_effect_argument(run, "style-weight")->d,
      .smoothness = nn_effect_argument(run, "smoothness")->d,
      .start = (NnTransferStart)nn_effect_argument(run, "start")->i,
      .colours = (NnTransferColours)nn_effect_argument(run, "colors")->i,
      .strength = nn_effect_argument(run, "strength")->d,
      .seed = (uint64_t)nn_effect_argument(run, "seed")->i,
      .descent = nn_descent_read_settings(run),
  };
}

static const NnArgument *
style_argument(const NnEffectRun *run, int number, const char *what)
{
  g_autofree char *key = g_strdup_printf("style-%d-%s", number, what);
  return nn_effect_argument(run, key);
}

/* returns how many are given; 0 with an error where none is */
static int
find_styles(const NnEffectRun *run, NnTransferStyle styles[NN_TRANSFER_STYLES], GError **error)
{
  int n = 0;
  for (int i = 1; i <= NN_TRANSFER_STYLES; i++) {
    const NnImage *picture = style_argument(run, i, "layer")->image;
    if (picture == NULL)
      picture = style_argument(run, i, "file")->image;
    if (picture != NULL)
      styles[n++] = (NnTransferStyle){picture, style_argument(run, i, "region")->image,
                                      style_argument(run, i, "weight")->d};
  }
  if (n == 0)
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("There is no style to take. Choose a layer of an open image or a picture file as "
                  "the style (style-1-layer or style-1-file)."));
  return n;
}

static bool
run_style_transfer(NnEffectRun *run, GError **error)
{
  NnTransferStyle styles[NN_TRANSFER_STYLES];
  if (!nn_effect_check(run->effect, run->arguments, error))
    return false;
  int n_styles = find_styles(run, styles, error);
  NnReport start = {.text = _("Reading the network")};
  if (n_styles == 0)
    return false;
  if (nn_progress_report(run->progress, &start) == NN_CANCEL) {
    nn_set_cancelled(error);
    return false;
  }
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  g_autoptr(NnStyleModel) model =
      nn_descent_read_style_model(run, "style-layers", "content-layers", error);
  if (model == NULL)
    return false;
  NnTransferSettings settings = read_settings(run);
  NnImage *result = nn_transfer(run->context, model, run->content, styles, n_styles, &settings,
                                run->progress, error);
  if (result == NULL)
    return false;
  nn_results_add(run->results, NN_PLACE_LAYER, result,
                 g_strdup_printf(_("Style transfer (%s)"), network->title));
  return true;
}

/* what the content's features take */
static bool
add_content(const NnEffectRun *run, NnSize size, NnEstimate *estimate, GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  if (!nn_cost_add_layers(names, network, nn_effect_argument(run, "content-layers")->text,
                          "content", error))
    return false;
  g_auto(GStrv) layers = g_strv_builder_end(names);
  return nn_cost_add_remembered(estimate, network, (const char *const *)layers, size.width,
                                size.height, error);
}

/* what the network takes for a style of @size */
static bool
add_style(const NnEffectRun *run, const char *const *layers, NnSize size, NnEstimate *estimate,
          GError **error)
{
  NnPasses passes = {
      .network = nn_effect_argument(run, "network")->network,
      .layers = layers,
      .width = size.width,
      .height = size.height,
      .gradient = true,
      .separate = nn_descent_pools_otherwise(run),
  };
  return nn_cost_add_passes(estimate, run->context, &passes, error);
}

/* styles at the last of the sizes, about; of those that are not known there is one */
static int
count_styles(const NnEffectRun *run, NnSize last, NnSize *size)
{
  NnTransferStyle styles[NN_TRANSFER_STYLES];
  double scale = nn_effect_argument(run, "style-scale")->d;
  *size =
      (NnSize){MAX(1, (int)lround(last.width * scale)), MAX(1, (int)lround(last.height * scale))};
  return MAX(find_styles(run, styles, NULL), 1);
}

static bool
estimate_style_transfer(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                        GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  NnTransferSettings settings = read_settings(run);
  NnSize sizes[NN_MAX_SCALES];
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  if (!nn_cost_add_layers(names, network, nn_effect_argument(run, "style-layers")->text, "style",
                          error) ||
      !nn_cost_add_layers(names, network, nn_effect_argument(run, "content-layers")->text,
                          "content", error))
    return false;
  g_auto(GStrv) layers = g_strv_builder_end(names);
  int n_sizes = nn_transfer_sizes(&settings, width, height, sizes);
  NnSize last = sizes[n_sizes - 1], style;
  int n_styles = count_styles(run, last, &style);
  if (!add_style(run, (const char *const *)layers, style, estimate, error) ||
      !nn_descent_add_cost(run, (const char *const *)layers, &settings.descent, sizes, n_sizes,
                           nn_descent_pools_otherwise(run), false, 0, NN_TRANSFER_PICTURES,
                           estimate, error) ||
      !add_content(run, last, estimate, error))
    return false;
  nn_cost_add_pictures(estimate, n_styles, style.width, style.height, 3);
  nn_cost_add_result(estimate, last.width, last.height, width, height);
  return true;
}

const NnEffect nn_effect_style_transfer = {
    .id = "style-transfer",
    .group = NN_GROUP_STYLE,
    .label = N_("_Style Transfer..."),
    .blurb = N_("Paint the picture in the style of others"),
    .help = N_("Style transfer (Gatys, Ecker and Bethge, 2016) makes a picture that a network sees "
               "the same things in as in this one, with the statistics of another picture's "
               "features: its colors, strokes and textures. It works from a small size to a large "
               "one."),
    .params = params,
    .run = run_style_transfer,
    .estimate = estimate_style_transfer,
};
