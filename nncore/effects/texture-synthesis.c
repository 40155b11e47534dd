/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texture synthesis: the row of the table, and how its arguments and the selection become exemplars,
 * a style model (effects/style.h) and a texture (effects/texture.h). */
#include <glib/gi18n-lib.h>

#include "nncore/base/error.h"
#include "nncore/effects/cost.h"
#include "nncore/effects/descent-params.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/texture.h"
#include "nncore/effects/torus.h"
#include "nncore/image/crop.h"

typedef enum { PLACE_NEW_IMAGE, PLACE_LAYER } Place;

/* in the order of Place */
static const NnChoice places[] = {
    {"new-image", N_("A new image")},
    {"layer", N_("Over the layer, of its size")},
    {NULL, NULL},
};

#define SECTION_EXEMPLAR N_("Exemplar")
#define SECTION_TEXTURE N_("Texture")
#define SECTION_NETWORK N_("Network")

/* the three parameters of exemplar number @n */
#define EXEMPLAR(n, layer_label, file_label, weight_label) \
  { \
      .key = "exemplar-" n "-layer", \
      .label = layer_label, \
      .help = N_("A layer of any open image that is mixed in, or, where no image is open, the " \
                 "exemplar itself."), \
      .section = SECTION_EXEMPLAR, \
      .kind = NN_PARAM_DRAWABLE, \
  }, \
      { \
          .key = "exemplar-" n "-file", \
          .label = file_label, \
          .help = N_("The same from a picture file. An exemplar layer goes before it."), \
          .section = SECTION_EXEMPLAR, \
          .kind = NN_PARAM_FILE, \
      }, \
  { \
    .key = "exemplar-" n "-weight", .label = weight_label, \
    .help = N_("How much of this exemplar there is beside the others."), \
    .section = SECTION_EXEMPLAR, .kind = NN_PARAM_FLOAT, .min = 0.01, .max = 100, .initial = 1, \
    .digits = 2, .enabled_by = "exemplar-" n "-layer|exemplar-" n "-file", \
  }

static const NnParam params[] = {
    {
        .key = "own-weight",
        .label = N_("Layer _weight"),
        .help = N_("How much of the chosen layer, or of what is selected in it, there is in the "
                   "texture beside other exemplars. 0 leaves it out."),
        .section = SECTION_EXEMPLAR,
        .kind = NN_PARAM_FLOAT,
        .max = 100,
        .initial = 1,
        .digits = 2,
    },
    EXEMPLAR("2", N_("Second exemplar _layer"), N_("Second exemplar _file"),
             N_("Second exemplar weight")),
    EXEMPLAR("3", N_("Third exemplar layer"), N_("Third exemplar file"),
             N_("Third exemplar weight")),
    {
        .key = "exemplar-size",
        .label = N_("_Exemplar size"),
        .help = N_("Longest side at which exemplars are seen beside the texture. Larger makes "
                   "everything in the texture larger, until they are seen at their own size. 0 is "
                   "their own size."),
        .unit = N_("px"),
        .section = SECTION_EXEMPLAR,
        .kind = NN_PARAM_INT,
        .max = 32768,
        .initial = 512,
    },
    {
        .key = "place",
        .label = N_("_Place"),
        .help = N_("Where the texture goes."),
        .section = SECTION_TEXTURE,
        .kind = NN_PARAM_CHOICE,
        .choices = places,
    },
    {
        .key = "width",
        .label = N_("W_idth"),
        .help = N_("Of the texture. 0 takes the exemplar's."),
        .unit = N_("px"),
        .section = SECTION_TEXTURE,
        .kind = NN_PARAM_INT,
        .max = 32768,
        .initial = 512,
        .enabled_by = "place=new-image",
    },
    {
        .key = "height",
        .label = N_("_Height"),
        .help = N_("Of the texture. 0 takes the exemplar's."),
        .unit = N_("px"),
        .section = SECTION_TEXTURE,
        .kind = NN_PARAM_INT,
        .max = 32768,
        .initial = 512,
        .enabled_by = "place=new-image",
    },
    {
        .key = "tileable",
        .label = N_("_Tileable"),
        .help = N_("Make a texture whose copies go side by side without seams."),
        .section = SECTION_TEXTURE,
        .kind = NN_PARAM_BOOL,
        .max = 1,
    },
    {
        .key = "working-size",
        .label = N_("Working si_ze"),
        .help = N_("Longest side of the texture that is worked on, which is then enlarged. Larger "
                   "takes longer. 0 works at full size."),
        .unit = N_("px"),
        .section = SECTION_TEXTURE,
        .kind = NN_PARAM_INT,
        .max = 32768,
        .initial = 1024,
    },
    {
        .key = "network",
        .label = N_("_Network"),
        .help = N_("The network whose layers see what a texture is like."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_NETWORK,
        .use = "style",
    },
    {
        .key = "layers",
        .label = N_("L_ayers"),
        .help = N_("Layers whose statistics make the texture, with weights if you like: "
                   "relu1_1,relu2_1:0.5. Layers near the input see colors and grain, deeper ones "
                   "larger and larger parts. Empty takes what suits the network."),
        .section = SECTION_NETWORK,
        .kind = NN_PARAM_LAYERS,
        .use = "style",
    },
    NN_DESCENT_POOLING(
        SECTION_NETWORK, N_("P_ooling"),
        N_("How the network brings pictures to smaller sizes on the way. Average and L2 "
           "make smoother textures than the maximum that most networks take.")),
    NN_DESCENT_LOSS(
        SECTION_NETWORK, N_("Loss"),
        N_("What of the exemplar's features is compared: products of all pairs of channels "
           "(Gram), mean and covariance apart, or how far their distributions are from "
           "each other (Wasserstein)."),
        NN_STYLE_GRAM),
    NN_DESCENT_SMOOTHNESS(SECTION_NETWORK, 0),
    NN_DESCENT_SCALES(
        N_("_Sizes"),
        N_("At how many sizes it works, from small to large, each 1.4 times as large as "
           "the one before. More arrange larger shapes. 0 begins at about 64 px.")),
    NN_DESCENT_ITERATIONS(
        N_("Ite_rations"),
        N_("Steps at each size, at most. More come closer to the exemplar, and take longer "
           "in proportion."),
        80),
    NN_DESCENT_OPTIMIZER(
        N_("Optimizer"),
        N_("L-BFGS comes closest in the same time. Adam needs less memory and leaves a "
           "softer, more even picture.")),
    NN_DESCENT_STEP(N_("Step"), 10),
    NN_DESCENT_AVERAGE(N_("A_verage iterations"), false),
    NN_DESCENT_TOLERANCE(
        N_("Ends a size early when ten iterations make the loss smaller by less than this "
           "part of it. 0 never does."),
        2),
    NN_DESCENT_SEED(
        N_("Of the noise to start from; another number gives another texture of the same "
           "kind."),
        NULL),
    {.key = NULL},
};

/**
 * Exemplars:
 * @own_picture, @own_mask: what is selected of the layer, where not all is
 */
typedef struct {
  NnExemplar list[NN_TEXTURE_EXEMPLARS];
  int n;
  NnImage *own_picture, *own_mask;
} Exemplars;

static void
exemplars_clear(Exemplars *exemplars)
{
  nn_image_free(exemplars->own_picture);
  nn_image_free(exemplars->own_mask);
}

/* the layer, or what is selected in it */
static bool
add_own(Exemplars *exemplars, const NnEffectRun *run, GError **error)
{
  double weight = nn_effect_argument(run, "own-weight")->d;
  const NnImage *selection = run->selection;
  if (run->content == NULL || weight == 0)
    return true;
  NnExemplar *own = &exemplars->list[exemplars->n++];
  *own = (NnExemplar){run->content, selection, weight};
  if (selection == NULL)
    return true;
  NnRectangle bounds = nn_mask_bounds(selection);
  exemplars->own_picture = nn_image_crop(run->content, bounds, error);
  exemplars->own_mask = nn_image_crop(selection, bounds, error);
  own->picture = exemplars->own_picture;
  own->mask = exemplars->own_mask;
  return own->picture != NULL && own->mask != NULL;
}

static const NnArgument *
exemplar_argument(const NnEffectRun *run, int number, const char *what)
{
  g_autofree char *key = g_strdup_printf("exemplar-%d-%s", number, what);
  return nn_effect_argument(run, key);
}

static bool
find_exemplars(Exemplars *exemplars, const NnEffectRun *run, GError **error)
{
  if (!add_own(exemplars, run, error))
    return false;
  for (int i = 2; i <= NN_TEXTURE_EXEMPLARS; i++) {
    const NnImage *picture = exemplar_argument(run, i, "layer")->image;
    if (picture == NULL)
      picture = exemplar_argument(run, i, "file")->image;
    if (picture != NULL)
      exemplars->list[exemplars->n++] =
          (NnExemplar){picture, NULL, exemplar_argument(run, i, "weight")->d};
  }
  if (exemplars->n == 0)
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("There is nothing to make a texture of. Open a picture, or choose a layer or a "
                  "file as the second exemplar (exemplar-2-layer or exemplar-2-file)."));
  return exemplars->n > 0;
}

/* @content, @first: sizes of the layer and of the first exemplar; 0 where there is none */
static NnTextureSettings
read_settings(const NnEffectRun *run, NnSize content, NnSize first)
{
  bool over_layer = nn_effect_argument(run, "place")->i == PLACE_LAYER;
  int width = (int)nn_effect_argument(run, "width")->i;
  int height = (int)nn_effect_argument(run, "height")->i;
  return (NnTextureSettings){
      .width = over_layer  ? content.width
               : width > 0 ? width
                           : first.width,
      .height = over_layer   ? content.height
                : height > 0 ? height
                             : first.height,
      .working_px = (int)nn_effect_argument(run, "working-size")->i,
      .exemplar_px = (int)nn_effect_argument(run, "exemplar-size")->i,
      .scales = (int)nn_effect_argument(run, "scales")->i,
      .smoothness = nn_effect_argument(run, "smoothness")->d,
      .tileable = nn_effect_argument(run, "tileable")->i != 0,
      .seed = (uint64_t)nn_effect_argument(run, "seed")->i,
      .descent = nn_descent_read_settings(run),
  };
}

static NnSize
size_of(const NnImage *image)
{
  return image != NULL ? (NnSize){image->width, image->height} : (NnSize){0, 0};
}

/* (transfer full) */
static NnImage *
make_texture(NnEffectRun *run, const Exemplars *exemplars, GError **error)
{
  if (nn_effect_argument(run, "place")->i == PLACE_LAYER && run->content == NULL) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("There is no layer to put the texture over. Open a picture, or have the texture "
                  "made as a new image."));
    return NULL;
  }
  NnTextureSettings settings =
      read_settings(run, size_of(run->content), size_of(exemplars->list[0].picture));
  g_autoptr(NnStyleModel) model = nn_descent_read_style_model(run, "layers", NULL, error);
  if (model == NULL)
    return NULL;
  return nn_texture(run->context, model, exemplars->list, exemplars->n, &settings, run->progress,
                    error);
}

static bool
run_texture_synthesis(NnEffectRun *run, GError **error)
{
  if (!nn_effect_check(run->effect, run->arguments, error))
    return false;
  NnReport start = {.text = _("Reading the network")};
  if (nn_progress_report(run->progress, &start) == NN_CANCEL) {
    nn_set_cancelled(error);
    return false;
  }
  Exemplars exemplars = {0};
  NnImage *result = NULL;
  if (find_exemplars(&exemplars, run, error))
    result = make_texture(run, &exemplars, error);
  exemplars_clear(&exemplars);
  if (result == NULL)
    return false;
  bool over_layer = nn_effect_argument(run, "place")->i == PLACE_LAYER;
  nn_results_add(
      run->results, over_layer ? NN_PLACE_LAYER : NN_PLACE_NEW_IMAGE, result,
      g_strdup_printf(_("Texture (%s)"), nn_effect_argument(run, "network")->network->title));
  return true;
}

/* px that the network is shown around a texture without borders; -1 with an error */
static int
find_margin(const NnEffectRun *run, char **layers, GError **error)
{
  if (nn_effect_argument(run, "tileable")->i == 0)
    return 0;
  g_autoptr(NnTorus) torus =
      nn_torus_new(nn_effect_argument(run, "network")->network, (const char *const *)layers,
                   (int)g_strv_length(layers), error);
  return torus != NULL ? nn_torus_margin(torus) : -1;
}

static bool
estimate_texture_synthesis(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                           GError **error)
{
  NnTextureSettings settings = read_settings(run, (NnSize){width, height}, (NnSize){width, height});
  NnSize sizes[NN_MAX_SCALES];
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  if (!nn_cost_add_layers(names, nn_effect_argument(run, "network")->network,
                          nn_effect_argument(run, "layers")->text, "style", error))
    return false;
  g_auto(GStrv) layers = g_strv_builder_end(names);
  int margin = find_margin(run, layers, error);
  if (margin < 0)
    return false;
  if (settings.width == 0 || settings.height == 0)
    return true; /* as large as an exemplar that is not known */
  int n_sizes = nn_texture_sizes(&settings, sizes);
  NnSize last = sizes[n_sizes - 1];
  if (!nn_descent_add_cost(run, (const char *const *)layers, &settings.descent, sizes, n_sizes,
                           nn_descent_pools_otherwise(run), true, margin, NN_TEXTURE_PICTURES,
                           estimate, error))
    return false;
  nn_cost_add_result(estimate, last.width, last.height, settings.width, settings.height);
  /* the layer as an exemplar: filled, with what counts of it; others are told by descent-params.h */
  if (nn_effect_argument(run, "own-weight")->d > 0)
    nn_cost_add_pictures(estimate, 1, width, height, 4);
  return true;
}

const NnEffect nn_effect_texture_synthesis = {
    .id = "texture-synthesis",
    .group = NN_GROUP_STYLE,
    .label = N_("_Texture Synthesis..."),
    .blurb = N_("Make more of a texture: of any size, and tileable"),
    .help = N_("Texture synthesis (Gatys, Ecker and Bethge, 2015) makes a new picture from noise "
               "whose features, in the layers of a network, have the statistics of an exemplar's: "
               "the layer, what is selected in it, or several pictures mixed. What is large in it "
               "is arranged anew."),
    .params = params,
    .content = NN_CONTENT_OPTIONAL,
    .selection = NN_SELECTION_INFORMS,
    .run = run_texture_synthesis,
    .estimate = estimate_texture_synthesis,
};
