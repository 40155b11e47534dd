/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the channels of a layer make of the picture: a sheet of maps, or one map over the picture. The
 * picture is looked at twice: for each channel's highest value, and for the maps of those channels
 * that are wanted, which are gathered at no more pixels than a cell has, so that memory does not go by
 * the size of the picture times the number of channels. */
#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/gather.h"
#include "nncore/effects/map-output.h"
#include "nncore/effects/probe.h"
#include "nncore/effects/sheet.h"

enum { SHOW_SHEET, SHOW_CHANNEL };
enum { ORDER_STRENGTH, ORDER_NUMBER };
enum { SCALE_EACH, SCALE_ALIKE };

static const NnChoice show_choices[] = {
    {"sheet", N_("Many channels, as a sheet")},
    {"channel", N_("One channel, over the picture")},
    {NULL, NULL},
};

static const NnChoice order_choices[] = {
    {"strength", N_("By highest value")},
    {"number", N_("By number")},
    {NULL, NULL},
};

static const NnChoice scale_choices[] = {
    {"each", N_("Each map by itself")},
    {"alike", N_("All alike")},
    {NULL, NULL},
};

/* grey, and then in the order of NnColormap */
static const NnChoice colour_choices[] = {
    {"grey", N_("Grey")},       {"viridis", N_("Viridis")}, {"magma", N_("Magma")},
    {"inferno", N_("Inferno")}, {"turbo", N_("Turbo")},     {NULL, NULL},
};

#define SECTION_LOOK N_("What to look at")

static const NnParam params[] = {
    {
        .key = "network",
        .label = N_("_Network"),
        .section = SECTION_LOOK,
        .help = N_("The network that looks at the picture."),
        .kind = NN_PARAM_NETWORK,
    },
    {
        .key = "layer",
        .label = N_("_Layer"),
        .section = SECTION_LOOK,
        .help = N_("The layer whose channels are shown. Early ones find edges and colors, in fine "
                   "maps; later ones parts of things, in coarse ones. Empty takes what suits the "
                   "network."),
        .kind = NN_PARAM_LAYERS,
        .use = "dream",
    },
    {
        .key = "working-size",
        .label = N_("_Working size"),
        .section = SECTION_LOOK,
        .help = N_("Longest side of the picture that the network sees. Larger gives finer maps, "
                   "and takes longer. 0 takes the size that it was made for, at which it knows "
                   "things best."),
        .unit = N_("px"),
        .kind = NN_PARAM_INT,
        .max = 32768,
        .initial = 448,
    },
    {
        .key = "show",
        .label = N_("S_how"),
        .section = SECTION_LOOK,
        .help = N_("A new image with the maps of many channels side by side, or the map of one "
                   "channel as a layer, mask or selection of this image."),
        .kind = NN_PARAM_CHOICE,
        .choices = show_choices,
    },
    {
        .key = "channel",
        .label = N_("_Channel"),
        .section = SECTION_LOOK,
        .help = N_("Number of the channel that is shown over the picture, from 0. -1 takes the one "
                   "that has the highest value."),
        .kind = NN_PARAM_INT,
        .min = -1,
        .max = 65535,
        .initial = -1,
        .enabled_by = "show=channel",
    },
    {
        .key = "order",
        .label = N_("Or_der"),
        .section = NN_SHEET_SECTION,
        .help = N_("Which channels come first: those with the highest values in this picture, or "
                   "those with the lowest numbers."),
        .kind = NN_PARAM_CHOICE,
        .choices = order_choices,
        .enabled_by = "show=sheet",
    },
    {
        .key = "first",
        .label = N_("_First"),
        .section = NN_SHEET_SECTION,
        .help = N_("Number of the first channel shown, from 0."),
        .kind = NN_PARAM_INT,
        .max = 65535,
        .enabled_by = "show=sheet order=number",
    },
    {
        .key = "count",
        .label = N_("N_umber"),
        .section = NN_SHEET_SECTION,
        .help = N_("How many channels are shown at most. 0 shows all."),
        .kind = NN_PARAM_INT,
        .max = 65535,
        .initial = 64,
        .enabled_by = "show=sheet",
    },
    {
        .key = "scale",
        .label = N_("Sc_ale"),
        .section = NN_SHEET_SECTION,
        .help = N_("Each map by itself: its highest value is the lightest. All alike: the highest "
                   "value of all maps is, so that weak channels look weak. What is 0, or below it "
                   "the lowest value, is the darkest."),
        .kind = NN_PARAM_CHOICE,
        .choices = scale_choices,
        .enabled_by = "show=sheet",
    },
    {
        .key = "sheet-colors",
        .label = N_("Colo_rs"),
        .section = NN_SHEET_SECTION,
        .help = N_("Viridis, magma and inferno grow lighter evenly; turbo tells more levels "
                   "apart."),
        .kind = NN_PARAM_CHOICE,
        .choices = colour_choices,
        .enabled_by = "show=sheet",
    },
    NN_SHEET_CELL_PARAM(96, "show=sheet"),
    NN_SHEET_CAPTIONS_PARAM(N_("Write each channel's number and its highest value under its map."),
                            "show=sheet"),
    NN_MAP_PARAMS_WHEN("show=channel"),
    {.key = NULL},
};

/**
 * Look: a run.
 * @peaks: of all channels
 * @chosen: channels; @n_chosen of them
 * @height, @width: of the layer
 * @pass: 0 or 1: how far the run is
 */
typedef struct {
  NnEffectRun *run;
  NnProbe *probe;
  NnImage *view;
  int64_t channels;
  int height, width;
  NnPeak *peaks;
  int64_t *chosen;
  int64_t n_chosen;
  int pass;
} Look;

static bool
proceed(gpointer data, double fraction)
{
  const Look *look = data;
  NnReport report = {.fraction = (look->pass + fraction) / 2, .text = _("Looking at the picture")};
  return nn_progress_report(look->run->progress, &report) != NN_CANCEL;
}

static void
look_clear(Look *look)
{
  nn_probe_free(look->probe);
  nn_image_free(look->view);
  nn_free(look->peaks);
  nn_free(look->chosen);
}

/* ---- which channels ---- */

static bool
find_peaks(Look *look, GError **error)
{
  NnLoss *loss = nn_loss_peaks(look->channels, 0, error);
  if (loss == NULL)
    return false;
  nn_probe_set_loss(look->probe, loss);
  if (!nn_probe_observe(look->probe, look->view, error))
    return false;
  look->peaks = nn_alloc((size_t)look->channels, sizeof(NnPeak), error);
  for (int64_t c = 0; look->peaks != NULL && c < look->channels; c++) {
    look->peaks[c] = *nn_loss_peaks_at(loss, c);
    if (!isfinite(look->peaks[c].value)) {
      nn_network_set_not_finite(nn_effect_argument(look->run, "network")->network, error);
      return false;
    }
  }
  return look->peaks != NULL;
}

/* Ranked: a channel and its highest value */
typedef struct {
  int64_t number;
  float value;
} Ranked;

static int
compare_ranked(const void *a, const void *b)
{
  const Ranked *x = a, *y = b;
  if (x->value != y->value)
    return x->value < y->value ? 1 : -1;
  return x->number < y->number ? -1 : 1;
}

static bool
sort_by_strength(Look *look, GError **error)
{
  Ranked *ranked = nn_alloc((size_t)look->channels, sizeof(Ranked), error);
  for (int64_t c = 0; ranked != NULL && c < look->channels; c++)
    ranked[c] = (Ranked){c, look->peaks[c].value};
  if (ranked == NULL)
    return false;
  qsort(ranked, (size_t)look->channels, sizeof(Ranked), compare_ranked);
  for (int64_t c = 0; c < look->channels; c++)
    look->chosen[c] = ranked[c].number;
  nn_free(ranked);
  return true;
}

/* the channels in their order, and how many of them count */
static bool
choose_channels(Look *look, GError **error)
{
  const NnEffectRun *run = look->run;
  bool one = nn_effect_argument(run, "show")->i == SHOW_CHANNEL;
  bool by_number = !one && nn_effect_argument(run, "order")->i == ORDER_NUMBER;
  int64_t wanted = one ? 1 : nn_effect_argument(run, "count")->i;
  int64_t first = one         ? nn_effect_argument(run, "channel")->i
                  : by_number ? nn_effect_argument(run, "first")->i
                              : -1;
  look->chosen = nn_alloc((size_t)look->channels, sizeof(int64_t), error);
  if (look->chosen == NULL ||
      !nn_check_channel(nn_probe_name(look->probe), &NN_SHAPE(1, look->channels), first, error))
    return false;
  int64_t from = MAX(first, 0);
  for (int64_t c = from; c < look->channels; c++)
    look->chosen[c - from] = c;
  look->n_chosen = MIN(look->channels - from, wanted > 0 ? wanted : look->channels);
  return first >= 0 || sort_by_strength(look, error);
}

/* ---- one map ---- */

static bool
show_channel(Look *look, GError **error)
{
  NnLoss *gather = nn_gather_new(look->chosen, 1, look->height, look->width, error);
  if (gather == NULL)
    return false;
  nn_probe_set_loss(look->probe, gather);
  if (!nn_probe_observe(look->probe, look->view, error))
    return false;
  g_autoptr(NnImage) map = nn_gather_map(gather, 0, error);
  g_autofree char *label =
      g_strdup_printf("%s:%d", nn_probe_name(look->probe), (int)look->chosen[0]);
  return map != NULL && nn_map_results(look->run, map, label, error);
}

/* ---- a sheet ---- */

/* @low, @high: (inout): widened to the map's values */
static void
find_range(const NnImage *map, float *low, float *high)
{
  for (size_t i = 0; i < nn_image_samples(map); i++) {
    *low = MIN(*low, map->data[i]);
    *high = MAX(*high, map->data[i]);
  }
}

/* (transfer full): @map in grey or in colours */
static NnImage *
colour_map(const Look *look, const NnImage *map, float low, float high, GError **error)
{
  int colours = (int)nn_effect_argument(look->run, "sheet-colors")->i;
  NnImage *image = nn_image_new(map->width, map->height, colours == 0 ? 1 : 3, error);
  for (size_t i = 0; image != NULL && i < nn_image_samples(map); i++) {
    float value = high > low ? CLAMP((map->data[i] - low) / (high - low), 0, 1) : 0;
    if (colours == 0)
      image->data[i] = value;
    else
      nn_colormap_at((NnColormap)(colours - 1), value, image->data + 3 * i);
  }
  return image;
}

static bool
fill_cell(const Look *look, const NnLoss *gather, NnSheet *sheet, int index, float low, float high,
          GError **error)
{
  int cell_px = (int)nn_effect_argument(look->run, "cell-size")->i;
  int channel = (int)look->chosen[index];
  g_autoptr(NnImage) map = nn_gather_map(gather, index, error);
  if (map == NULL)
    return false;
  if (nn_effect_argument(look->run, "scale")->i == SCALE_EACH) {
    low = high = 0;
    find_range(map, &low, &high);
  }
  g_autoptr(NnImage) coloured = colour_map(look, map, low, high, error);
  g_autoptr(NnImage) picture =
      coloured != NULL ? nn_sheet_fit(look->run->context, coloured, cell_px, error) : NULL;
  if (picture == NULL)
    return false;
  nn_sheet_put(sheet, index, picture);
  nn_sheet_caption(sheet, index,
                   g_strdup_printf("%d: %.3g", channel, (double)look->peaks[channel].value));
  return true;
}

static bool
fill_sheet(const Look *look, const NnLoss *gather, NnSheet *sheet, GError **error)
{
  float low = 0, high = 0;
  for (int i = 0; i < (int)look->n_chosen; i++) {
    g_autoptr(NnImage) map = nn_gather_map(gather, i, error);
    if (map == NULL)
      return false;
    find_range(map, &low, &high);
  }
  for (int i = 0; i < (int)look->n_chosen; i++)
    if (!fill_cell(look, gather, sheet, i, low, high, error))
      return false;
  return true;
}

static bool
show_sheet(Look *look, GError **error)
{
  const NnEffectRun *run = look->run;
  int cell_px = (int)nn_effect_argument(run, "cell-size")->i;
  int cell_width = look->width, cell_height = look->height;
  nn_sheet_fit_size(cell_px, &cell_width, &cell_height);
  if (!nn_sheet_check(run->context, look->n_chosen, cell_width, cell_height, error))
    return false;
  NnLoss *gather = nn_gather_new(look->chosen, (int)look->n_chosen, MIN(look->height, cell_height),
                                 MIN(look->width, cell_width), error);
  if (gather == NULL)
    return false;
  nn_probe_set_loss(look->probe, gather);
  if (!nn_probe_observe(look->probe, look->view, error))
    return false;
  g_autoptr(NnSheet) sheet = nn_sheet_new((int)look->n_chosen, 0, cell_width, cell_height,
                                          nn_effect_argument(run, "captions")->i != 0, error);
  if (sheet == NULL || !fill_sheet(look, gather, sheet, error))
    return false;
  nn_sheet_finish(g_steal_pointer(&sheet), run->results,
                  g_strdup_printf(_("Activations of %s, %d × %d"), nn_probe_name(look->probe),
                                  look->width, look->height));
  return true;
}

/* ---- the run ---- */

static bool
look_at_picture(Look *look, GError **error)
{
  const NnEffectRun *run = look->run;
  look->probe = nn_probe_new(nn_effect_argument(run, "network")->network, run->context,
                             nn_effect_argument(run, "layer")->text, error);
  if (look->probe == NULL)
    return false;
  look->view = nn_probe_view(look->probe, run->content,
                             (int)nn_effect_argument(run, "working-size")->i, error);
  if (look->view == NULL ||
      !nn_probe_open(look->probe, look->view->width, look->view->height, error))
    return false;
  nn_probe_size(look->probe, &look->channels, &look->height, &look->width);
  nn_probe_watch(look->probe, proceed, look);
  if (!find_peaks(look, error) || !choose_channels(look, error))
    return false;
  look->pass = 1;
  if (!proceed(look, 0)) {
    nn_set_cancelled(error);
    return false;
  }
  return nn_effect_argument(run, "show")->i == SHOW_SHEET ? show_sheet(look, error)
                                                          : show_channel(look, error);
}

static bool
run_activations(NnEffectRun *run, GError **error)
{
  Look look = {.run = run};
  if (!nn_effect_check(run->effect, run->arguments, error) ||
      !nn_progress_begin(run->progress, _("Reading the network"), error))
    return false;
  bool done = look_at_picture(&look, error);
  look_clear(&look);
  return done;
}

const NnEffect nn_effect_activations = {
    .id = "activations",
    .group = NN_GROUP_LOOK_INSIDE,
    .label = N_("_Activations..."),
    .blurb = N_("Show what the channels of a layer make of the picture"),
    .help = N_("Shows the maps that the channels of a layer make of the picture: light where a "
               "channel finds what it looks for. They are what Zeiler and Fergus, “Visualizing and "
               "Understanding Convolutional Networks” (2014), start from. The sheet of maps is a "
               "new image; a single map can lie over the picture as a layer."),
    .params = params,
    .no_output = true,
    .run = run_activations,
};
