/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the channels of a layer make of the picture: a sheet of maps, or one map over the picture. Maps
 * are gathered at no more pixels than a cell has. The picture is looked at once, for the maps and each
 * channel's highest value; or, where the maps of all channels would take too much memory to choose
 * among them in the end, twice: for the highest values first. */
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
#include "nncore/effects/target.h"

#define LOOKING_PART 0.9 /* of the progress */
#define MAPS_PART 0.25 /* of the memory beside the sheet that maps to choose among may take */
#define IN_THE_MAKING 2 /* cells' worth of what one is made from */

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

/** Map: a channel, its place in what is gathered, and its highest value. */
typedef struct {
  int64_t channel;
  int index;
  float value;
} Map;

/**
 * Look: a run.
 * @by_strength: which channels are shown follows from their highest values
 * @maps: those that are gathered; the first @n_shown of @n_maps are shown
 * @height, @width: of the layer; @map_height, @map_width: of what is gathered of it; @cell_width,
 *   @cell_height: of that on a sheet
 * @passes: over the picture; @pass: those that are done
 * @held_bytes: of the context's memory, for sheet and maps
 */
typedef struct {
  NnEffectRun *run;
  NnProbe *probe;
  NnImage *view;
  int64_t channels;
  int height, width, map_height, map_width, cell_width, cell_height;
  bool by_strength;
  Map *maps;
  int64_t n_maps, n_shown;
  int passes, pass;
  int64_t held_bytes;
  NnVerdict verdict;
} Look;

/* returns whether to go on; once stopped, it stays so */
static bool
report(Look *look, double fraction, const char *text)
{
  NnReport news = {.fraction = fraction, .text = text};
  NnVerdict verdict = nn_progress_report(look->run->progress, &news);
  look->verdict = MAX(look->verdict, verdict);
  return look->verdict == NN_CONTINUE;
}

static bool
proceed(gpointer data, double fraction)
{
  Look *look = data;
  return report(look, LOOKING_PART * (look->pass + fraction) / look->passes,
                _("Looking at the picture"));
}

static void
look_clear(Look *look)
{
  nn_probe_free(look->probe);
  nn_image_free(look->view);
  nn_free(look->maps);
  nn_context_hold_memory(look->run->context, -look->held_bytes);
}

/* ---- what is shown, and its memory ---- */

static bool
shows_channel(const Look *look)
{
  return nn_effect_argument(look->run, "show")->i == SHOW_CHANNEL;
}

/* how many of the layer's channels may be shown, and are. Returns: the first one's number, below 0 for
 * the strongest */
static int64_t
count_channels(Look *look)
{
  const NnEffectRun *run = look->run;
  bool one = shows_channel(look);
  bool by_number = !one && nn_effect_argument(run, "order")->i == ORDER_NUMBER;
  int64_t wanted = one ? 1 : nn_effect_argument(run, "count")->i;
  int64_t first = one         ? nn_effect_argument(run, "channel")->i
                  : by_number ? nn_effect_argument(run, "first")->i
                              : -1;
  int64_t left = look->channels - MAX(first, 0);
  look->by_strength = first < 0;
  look->n_shown = wanted > 0 ? MIN(left, wanted) : left;
  look->n_maps = look->by_strength ? left : look->n_shown;
  return first;
}

static double
sheet_bytes(const Look *look)
{
  if (shows_channel(look))
    return 0;
  return nn_sheet_bytes(look->n_shown + IN_THE_MAKING, look->cell_width, look->cell_height);
}

/* of those that are there at a time */
static double
maps_bytes(const Look *look)
{
  int64_t count = look->passes > 1 ? look->n_shown : look->n_maps;
  return nn_gather_bytes(count, look->map_height, look->map_width);
}

/* sizes of maps and cells, and whether there is memory for the maps of all channels */
static void
plan_maps(Look *look)
{
  double left = (double)nn_context_memory_left(look->run->context);
  look->cell_width = look->map_width = look->width;
  look->cell_height = look->map_height = look->height;
  if (!shows_channel(look)) {
    int cell_px = (int)nn_effect_argument(look->run, "cell-size")->i;
    nn_sheet_fit_size(cell_px, &look->cell_width, &look->cell_height);
    look->map_width = MIN(look->width, look->cell_width);
    look->map_height = MIN(look->height, look->cell_height);
  }
  look->passes = 1;
  if (look->n_shown < look->n_maps && maps_bytes(look) > MAPS_PART * (left - sheet_bytes(look)))
    look->passes = 2;
}

/* before the network's, which does with the rest */
static bool
hold_memory(Look *look, GError **error)
{
  NnContext *context = look->run->context;
  if (!shows_channel(look) &&
      !nn_sheet_check(context, look->n_shown, look->cell_width, look->cell_height, false, error))
    return false;
  look->held_bytes = (int64_t)(sheet_bytes(look) + maps_bytes(look));
  nn_context_hold_memory(context, look->held_bytes);
  return true;
}

/* ---- looking ---- */

/* what is stopped keeps what it has seen */
static bool
observe(Look *look, GError **error)
{
  g_autoptr(GError) ended = NULL;
  if (!nn_probe_observe(look->probe, look->view, &ended) &&
      (look->verdict != NN_STOP || !g_error_matches(ended, NN_ERROR, NN_ERROR_CANCELLED))) {
    g_propagate_error(error, g_steal_pointer(&ended));
    return false;
  }
  look->pass++;
  if (look->pass == look->passes || proceed(look, 0) || look->verdict == NN_STOP)
    return true;
  nn_set_cancelled(error);
  return false;
}

/* (transfer full) */
static NnLoss *
make_gather(const Look *look, GError **error)
{
  int64_t *channels = nn_alloc((size_t)look->n_maps, sizeof(int64_t), error);
  NnLoss *gather = NULL;
  for (int64_t i = 0; channels != NULL && i < look->n_maps; i++)
    channels[i] = look->maps[i].channel;
  if (channels != NULL)
    gather = nn_gather_new(channels, (int)look->n_maps, look->map_height, look->map_width, error);
  nn_free(channels);
  return gather;
}

static int
compare_maps(const void *a, const void *b)
{
  const Map *x = a, *y = b;
  if (x->value != y->value)
    return x->value < y->value ? 1 : -1;
  return x->channel < y->channel ? -1 : 1;
}

/* the highest values, and the order of maps that follows from them */
static bool
rank_maps(Look *look, const NnLoss *peaks, GError **error)
{
  for (int64_t i = 0; i < look->n_maps; i++) {
    look->maps[i].value = nn_loss_peaks_at(peaks, look->maps[i].channel)->value;
    if (!isfinite(look->maps[i].value) && look->verdict == NN_CONTINUE) {
      nn_network_set_not_finite(nn_effect_argument(look->run, "network")->network, error);
      return false;
    }
  }
  if (look->by_strength)
    qsort(look->maps, (size_t)look->n_maps, sizeof(Map), compare_maps);
  return true;
}

/* the picture is looked at once more, for the highest values alone, where the maps of all channels would
 * take too much memory */
static bool
find_strongest(Look *look, GError **error)
{
  if (look->passes == 1)
    return true;
  NnLoss *peaks = nn_loss_peaks(look->channels, 0, error);
  if (peaks == NULL)
    return false;
  nn_probe_set_loss(look->probe, peaks);
  if (!observe(look, error) || !rank_maps(look, peaks, error))
    return false;
  if (look->verdict == NN_STOP) { /* before there are maps: run_activations() says so */
    nn_set_cancelled(error);
    return false;
  }
  look->n_maps = look->n_shown;
  for (int64_t i = 0; i < look->n_maps; i++)
    look->maps[i].index = (int)i;
  return true;
}

/* (transfer none): the maps; the probe owns them */
static NnLoss *
gather_maps(Look *look, GError **error)
{
  if (!find_strongest(look, error))
    return NULL;
  NnLoss *peaks = nn_loss_peaks(look->channels, 0, error);
  if (peaks == NULL)
    return NULL;
  nn_probe_set_loss(look->probe, peaks);
  NnLoss *gather = make_gather(look, error);
  if (gather == NULL)
    return NULL;
  nn_probe_add_loss(look->probe, gather);
  return observe(look, error) && rank_maps(look, peaks, error) ? gather : NULL;
}

/* the channels that may be shown */
static bool
list_channels(Look *look, GError **error)
{
  int64_t first = count_channels(look), from = MAX(first, 0);
  if (!nn_check_channel(nn_probe_name(look->probe), &NN_SHAPE(1, look->channels), first, error))
    return false;
  look->maps = nn_alloc((size_t)look->n_maps, sizeof(Map), error);
  for (int64_t i = 0; look->maps != NULL && i < look->n_maps; i++)
    look->maps[i] = (Map){from + i, (int)i, 0};
  return look->maps != NULL;
}

/* ---- one map ---- */

static bool
show_channel(Look *look, GError **error)
{
  const NnLoss *gather = gather_maps(look, error);
  if (gather == NULL)
    return false;
  g_autoptr(NnImage) map = nn_gather_map(gather, look->maps[0].index, error);
  g_autofree char *label =
      g_strdup_printf("%s:%d", nn_probe_name(look->probe), (int)look->maps[0].channel);
  bool stopped = look->verdict == NN_STOP;
  return map != NULL && nn_map_results(look->run, map, label, stopped, error);
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
  const Map *shown = &look->maps[index];
  g_autoptr(NnImage) map = nn_gather_map(gather, shown->index, error);
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
                   g_strdup_printf("%d: %.3g", (int)shown->channel, (double)shown->value));
  return true;
}

/* what is stopped leaves the rest of the sheet empty */
static bool
fill_sheet(Look *look, const NnLoss *gather, NnSheet *sheet, GError **error)
{
  float low = 0, high = 0;
  bool seen = look->verdict == NN_CONTINUE; /* all; else what has been seen is shown at once */
  for (int i = 0; i < (int)look->n_shown; i++) {
    g_autoptr(NnImage) map = nn_gather_map(gather, look->maps[i].index, error);
    if (map == NULL)
      return false;
    find_range(map, &low, &high);
  }
  for (int i = 0; i < (int)look->n_shown; i++) {
    if (!fill_cell(look, gather, sheet, i, low, high, error))
      return false;
    double fraction = LOOKING_PART + (1 - LOOKING_PART) * (i + 1) / (double)look->n_shown;
    if (seen && !report(look, fraction, _("Drawing the maps")) && look->verdict == NN_CANCEL) {
      nn_set_cancelled(error);
      return false;
    }
    if (seen && look->verdict == NN_STOP)
      break;
  }
  return true;
}

static bool
show_sheet(Look *look, GError **error)
{
  const NnEffectRun *run = look->run;
  const NnLoss *gather = gather_maps(look, error);
  if (gather == NULL)
    return false;
  g_autoptr(NnSheet) sheet =
      nn_sheet_new((int)look->n_shown, 0, look->cell_width, look->cell_height,
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
      !nn_probe_foresee(look->probe, look->view->width, look->view->height, &look->channels,
                        &look->height, &look->width, error) ||
      !list_channels(look, error))
    return false;
  plan_maps(look);
  if (!hold_memory(look, error) ||
      !nn_probe_open(look->probe, look->view->width, look->view->height, error))
    return false;
  nn_probe_watch(look->probe, proceed, look);
  return shows_channel(look) ? show_channel(look, error) : show_sheet(look, error);
}

/* what is stopped with nothing to show is a success, like all that is stopped */
static bool
end_early(const Look *look, GError *ended, GError **error)
{
  if (look->verdict != NN_STOP || !g_error_matches(ended, NN_ERROR, NN_ERROR_CANCELLED)) {
    g_propagate_error(error, ended);
    return false;
  }
  g_error_free(ended);
  nn_results_add(look->run->results, NN_PLACE_TEXT, NULL,
                 g_strdup(_("Stopped before there was a map to show.")));
  return true;
}

static bool
run_activations(NnEffectRun *run, GError **error)
{
  Look look = {.run = run, .passes = 1};
  GError *ended = NULL;
  if (!nn_effect_check(run->effect, run->arguments, error) ||
      !nn_progress_begin(run->progress, _("Reading the network"), error))
    return false;
  bool done = look_at_picture(&look, &ended) || end_early(&look, ended, error);
  look_clear(&look);
  return done;
}

/* sizes of the layer for a view of @width x @height px; no channels where they do not follow */
static bool
foresee_layer(Look *look, int width, int height, GError **error)
{
  const NnNetwork *network = nn_effect_argument(look->run, "network")->network;
  const char *text = nn_effect_argument(look->run, "layer")->text;
  NnShape shape =
      NN_SHAPE(1, 3, nn_input_size(&network->input, height), nn_input_size(&network->input, width));
  g_autofree char *layer = nn_target_find_layer(network, NN_TARGET_CHANNEL, text, error);
  g_autoptr(NnInventory) inventory =
      layer != NULL ? nn_inventory_of_picture(network->model, &shape, error) : NULL;
  if (inventory == NULL)
    return false;
  const NnShape *made = nn_inventory_shape(inventory, nn_graph_find(inventory->graph, layer));
  if (made == NULL || made->rank < 2 || nn_shape_count(made) == 0)
    return true;
  look->channels = made->dim[1];
  look->height = made->rank == 4 ? (int)made->dim[2] : 1;
  look->width = made->rank == 4 ? (int)made->dim[3] : 1;
  return true;
}

/* sheet and maps are no held_bytes: the run holds them itself, when it knows their sizes */
static bool
estimate_activations(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                     GError **error)
{
  Look look = {.run = (NnEffectRun *)run};
  NnTargetChoice choice = {.kind = NN_TARGET_CHANNEL,
                           .layer = nn_effect_argument(run, "layer")->text};
  if (!nn_target_add_cost(run, &choice, &width, &height, (NnPasses){.forward = 1}, estimate,
                          error) ||
      !foresee_layer(&look, width, height, error))
    return false;
  count_channels(&look);
  if (look.n_shown <= 0)
    return true;
  plan_maps(&look);
  estimate->bytes += sheet_bytes(&look) + maps_bytes(&look);
  return true;
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
    .estimate = estimate_activations,
};
