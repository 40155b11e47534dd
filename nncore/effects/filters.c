/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The filters of a convolution as a sheet, as in Krizhevsky, Sutskever and Hinton, "ImageNet
 * Classification with Deep Convolutional Neural Networks" (2012), figure 3: those that read three
 * channels in colour, others in grey, a picture each or one for each channel that they read. */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/analysis/filters.h"
#include "nncore/base/error.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/sheet.h"

enum { INPUTS_MEAN, INPUTS_EACH };
enum { SCALE_EACH, SCALE_ALIKE };

static const NnChoice inputs_choices[] = {
    {"mean", N_("Their mean")},
    {"each", N_("Each of them in a picture of its own")},
    {NULL, NULL},
};

static const NnChoice scale_choices[] = {
    {"each", N_("Each filter by itself")},
    {"alike", N_("All alike, with 0 in the middle")},
    {NULL, NULL},
};

#define SECTION_FILTERS N_("Filters")

static const NnParam params[] = {
    {
        .key = "network",
        .label = N_("_Network"),
        .section = SECTION_FILTERS,
        .help = N_("The network whose filters are shown."),
        .kind = NN_PARAM_NETWORK,
    },
    {
        .key = "layer",
        .label = N_("_Layer"),
        .section = SECTION_FILTERS,
        .help = N_("A convolution, or a layer made from one. Empty takes the first convolution, "
                   "whose filters look at the picture itself: edges, gratings and spots of color, "
                   "if the network has learnt well."),
        .kind = NN_PARAM_LAYERS,
        .when_empty = N_("the first convolution"),
    },
    {
        .key = "inputs",
        .label = N_("_Input channels"),
        .section = SECTION_FILTERS,
        .help = N_("What is shown of filters that do not read three channels, which are shown in "
                   "color: the mean over the channels that they read, or a row for each filter "
                   "with a picture for each channel."),
        .kind = NN_PARAM_CHOICE,
        .choices = inputs_choices,
    },
    {
        .key = "scale",
        .label = N_("_Scale"),
        .section = SECTION_FILTERS,
        .help = N_("Each filter by itself: its lowest weight is black, its highest white. All "
                   "alike: middle grey is 0, and the largest weight of all is black or white, so "
                   "that weak filters look weak."),
        .kind = NN_PARAM_CHOICE,
        .choices = scale_choices,
    },
    {
        .key = "first",
        .label = N_("_First"),
        .section = SECTION_FILTERS,
        .help = N_("Number of the first filter shown, from 0."),
        .kind = NN_PARAM_INT,
        .max = 65535,
    },
    {
        .key = "count",
        .label = N_("Num_ber"),
        .section = SECTION_FILTERS,
        .help = N_("How many filters are shown at most. 0 shows all."),
        .kind = NN_PARAM_INT,
        .max = 65535,
    },
    NN_SHEET_CELL_PARAM(48, NULL),
    NN_SHEET_CAPTIONS_PARAM(N_("Write the filter's number under each picture, with the number of "
                               "the input channel before it where each has a picture."),
                            NULL),
    {.key = NULL},
};

/**
 * Show: what is shown, and how.
 * @in: X channels of a group; @taps: weights of a filter for one of them
 * @per_filter: pictures of a filter
 * @first, @count: filters
 */
typedef struct {
  NnFilterBank filters;
  int64_t out, in, taps;
  int height, width;
  bool colour, bgr;
  int per_filter;
  int64_t first, count;
  double middle, factor; /* of all alike: 0.5 + (w - middle) factor */
  bool each;
} Show;

/* weight of tap @t as picture @part, channel @c of it, has it */
static double
weight_at(const Show *show, int64_t filter, int part, int c, int64_t t)
{
  const float *w = show->filters.weights->f + filter * show->in * show->taps;
  if (show->colour)
    return w[(show->bgr ? 2 - c : c) * show->taps + t];
  if (show->per_filter > 1)
    return w[part * show->taps + t];
  double sum = 0;
  for (int64_t k = 0; k < show->in; k++)
    sum += w[k * show->taps + t];
  return sum / (double)show->in;
}

/* @low, @high: (inout): widened to the filter's */
static void
find_range(const Show *show, int64_t filter, double *low, double *high)
{
  for (int part = 0; part < show->per_filter; part++)
    for (int c = 0; c < (show->colour ? 3 : 1); c++)
      for (int64_t t = 0; t < show->taps; t++) {
        double weight = weight_at(show, filter, part, c, t);
        *low = MIN(*low, weight);
        *high = MAX(*high, weight);
      }
}

static void
scale_all(Show *show)
{
  double low = 0, high = 0;
  for (int64_t f = 0; f < show->count; f++)
    find_range(show, show->first + f, &low, &high);
  double most = MAX(-low, high);
  show->factor = most > 0 ? 0.5 / most : 0;
}

static void
scale_filter(Show *show, int64_t filter)
{
  double low = INFINITY, high = -INFINITY;
  find_range(show, filter, &low, &high);
  show->middle = (low + high) / 2;
  show->factor = high > low ? 1 / (high - low) : 0; /* one that is flat is grey */
}

/* (transfer full): a pixel a weight */
static NnImage *
draw(const Show *show, int64_t filter, int part, GError **error)
{
  int channels = show->colour ? 3 : 1;
  NnImage *image = nn_image_new(show->width, show->height, channels, error);
  for (int64_t t = 0; image != NULL && t < show->taps; t++)
    for (int c = 0; c < channels; c++) {
      double level = 0.5 + (weight_at(show, filter, part, c, t) - show->middle) * show->factor;
      image->data[t * channels + c] = (float)CLAMP(level, 0, 1);
    }
  return image;
}

static char *
caption(const Show *show, int64_t filter, int part)
{
  if (show->per_filter == 1)
    return g_strdup_printf("%d", (int)filter);
  int64_t group = filter * show->filters.groups / show->out;
  return g_strdup_printf("%d → %d", (int)(group * show->in) + part, (int)filter);
}

static bool
fill_sheet(NnEffectRun *run, Show *show, NnSheet *sheet, int cell_px, GError **error)
{
  for (int64_t f = 0; f < show->count; f++) {
    int64_t filter = show->first + f;
    if (show->each)
      scale_filter(show, filter);
    for (int part = 0; part < show->per_filter; part++) {
      int index = (int)(f * show->per_filter) + part;
      g_autoptr(NnImage) small = draw(show, filter, part, error);
      g_autoptr(NnImage) picture =
          small != NULL ? nn_sheet_fit(run->context, small, cell_px, error) : NULL;
      if (picture == NULL)
        return false;
      nn_sheet_put(sheet, index, picture);
      nn_sheet_caption(sheet, index, caption(show, filter, part));
    }
    NnReport report = {.fraction = (double)(f + 1) / (double)show->count};
    NnVerdict verdict = nn_progress_report(run->progress, &report);
    if (verdict == NN_STOP)
      return true; /* the rest of the sheet stays empty */
    if (verdict == NN_CANCEL) {
      nn_set_cancelled(error);
      return false;
    }
  }
  return true;
}

static bool
add_sheet(NnEffectRun *run, Show *show, const char *layer, GError **error)
{
  int cell_px = (int)nn_effect_argument(run, "cell-size")->i;
  int width = show->width, height = show->height;
  nn_sheet_fit_size(cell_px, &width, &height);
  if (!nn_sheet_check(run->context, show->count * show->per_filter, width, height, false, error))
    return false;
  g_autoptr(NnSheet) sheet = nn_sheet_new(
      (int)(show->count * show->per_filter), show->per_filter > 1 ? show->per_filter : 0, width,
      height, nn_effect_argument(run, "captions")->i != 0, error);
  if (sheet == NULL || !fill_sheet(run, show, sheet, cell_px, error))
    return false;
  nn_sheet_finish(
      g_steal_pointer(&sheet), run->results,
      g_strdup_printf(_("Filters of %s, %d × %d px"), layer, show->width, show->height));
  return true;
}

static bool
check_numbers(const NnEffectRun *run, const NnTensor *weights, GError **error)
{
  for (int64_t i = 0; i < nn_shape_count(&weights->shape); i++)
    if (!isfinite(weights->f[i])) {
      nn_network_set_not_finite(nn_effect_argument(run, "network")->network, error);
      return false;
    }
  return true;
}

/* what of the filters is shown: sizes, and which of them */
static bool
choose(const NnEffectRun *run, Show *show, const char *layer, GError **error)
{
  const NnShape *shape = &show->filters.weights->shape;
  int64_t wanted = nn_effect_argument(run, "count")->i;
  show->out = shape->dim[0];
  show->in = shape->dim[1];
  show->height = (int)shape->dim[2];
  show->width = (int)shape->dim[3];
  show->taps = shape->dim[2] * shape->dim[3];
  show->colour = show->in == 3 && show->filters.groups == 1;
  show->bgr = nn_effect_argument(run, "network")->network->input.bgr;
  bool split = nn_effect_argument(run, "inputs")->i == INPUTS_EACH && !show->colour;
  show->per_filter = split ? (int)show->in : 1;
  show->first = nn_effect_argument(run, "first")->i;
  show->each = nn_effect_argument(run, "scale")->i == SCALE_EACH;
  if (show->first >= show->out) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("The filters of %s are numbered from 0 to %d; there is no number %d."), layer,
                (int)show->out - 1, (int)show->first);
    return false;
  }
  show->count = MIN(show->out - show->first, wanted > 0 ? wanted : show->out);
  if (!show->each)
    scale_all(show);
  return true;
}

/* @value: (out): %NN_NO_VALUE where none was named */
static bool
find_layer(const NnEffectRun *run, NnValueId *value, GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  g_autofree char *text = g_strstrip(g_strdup(nn_effect_argument(run, "layer")->text));
  *value = NN_NO_VALUE;
  if (text[0] == '\0')
    return true;
  g_autoptr(GArray) layers = nn_network_parse_layers(network, text, "", error);
  if (layers == NULL)
    return false;
  *value = nn_graph_find(nn_model_graph(network->model), g_array_index(layers, NnLayer, 0).name);
  return true;
}

static bool
read_filters(const NnEffectRun *run, Show *show, GError **error)
{
  NnValueId layer;
  return find_layer(run, &layer, error) &&
         nn_filters_read(nn_effect_argument(run, "network")->network->model, run->context, layer,
                         &show->filters, error);
}

static const char *
layer_name(const NnEffectRun *run, const Show *show)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  return nn_network_layer_name(network,
                               nn_model_graph(network->model)->values[show->filters.layer].name);
}

static bool
run_filters(NnEffectRun *run, GError **error)
{
  Show show = {0};
  if (!nn_effect_check(run->effect, run->arguments, error) ||
      !nn_progress_begin(run->progress, _("Reading the network"), error) ||
      !read_filters(run, &show, error))
    return false;
  int64_t weights = (int64_t)nn_tensor_bytes(show.filters.weights);
  const char *name = layer_name(run, &show);
  nn_context_hold_memory(run->context, weights);
  bool done = check_numbers(run, show.filters.weights, error) && choose(run, &show, name, error) &&
              add_sheet(run, &show, name, error);
  nn_context_hold_memory(run->context, -weights);
  nn_filters_clear(&show.filters);
  return done;
}

/* no picture is shown to the network: a moment, and memory for the sheet and the weights */
static bool
estimate_filters(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                 GError **error)
{
  Show show = {0};
  if (!read_filters(run, &show, error))
    return false;
  bool chosen = choose(run, &show, layer_name(run, &show), error);
  if (chosen) {
    width = show.width;
    height = show.height;
    nn_sheet_fit_size((int)nn_effect_argument(run, "cell-size")->i, &width, &height);
    estimate->bytes = nn_sheet_bytes(show.count * show.per_filter, width, height) +
                      (double)nn_tensor_bytes(show.filters.weights);
  }
  nn_filters_clear(&show.filters);
  return chosen;
}

const NnEffect nn_effect_filters = {
    .id = "filters",
    .group = NN_GROUP_LOOK_INSIDE,
    .label = N_("Fil_ters..."),
    .blurb = N_("Show the weights of a convolution as a sheet of pictures"),
    .help = N_("Shows what a convolution has learnt to look for: the weights of its filters, "
               "as pictures, like figure 3 of Krizhevsky, Sutskever and Hinton, “ImageNet "
               "Classification with Deep Convolutional Neural Networks” (2012). Those of the first "
               "layer can be read at sight; of deeper ones, which look at other layers, only how "
               "orderly they are."),
    .params = params,
    .content = NN_CONTENT_NONE,
    .no_output = true,
    .run = run_filters,
    .estimate = estimate_filters,
};
