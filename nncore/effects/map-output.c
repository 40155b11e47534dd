/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scaling by a quantile, enlarging, and then colours, alpha, a mask or a selection. */
#include "nncore/effects/map-output.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/image/quantile.h"
#include "nncore/image/resample.h"

#define GRAIN 16384
#define LEGEND_WIDTH 0.4    /* of the picture's width */
#define LEGEND_HEIGHT 0.03  /* of its shorter side */
#define LEGEND_MARGIN 0.03
#define LEGEND_TEXT 0.045   /* of its shorter side: the height of the values */
#define SMALLEST_TEXT 8     /* px */
#define DIGIT_WIDTH 0.6     /* of the height of the values */

const NnChoice nn_map_outputs[] = {
    {"colors", N_("A layer in colors")},
    {"grey", N_("A layer in grey")},
    {"mask", N_("The layer's mask")},
    {"selection", N_("A selection")},
    {NULL, NULL},
};

/* in the order of NnColormap */
const NnChoice nn_map_colormaps[] = {
    {"viridis", N_("Viridis")}, {"magma", N_("Magma")}, {"inferno", N_("Inferno")},
    {"turbo", N_("Turbo")},     {NULL, NULL},
};

void
nn_map_set_empty(GError **error)
{
  g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                      _("Nothing in this picture speaks for what is to be explained: the map is "
                        "empty. Choose another class, layer or channel."));
}

/* the value that all but @clip of the map's do not exceed, and which is above 0; or 0 on error */
static float
find_top(const NnImage *map, double clip, bool stopped, GError **error)
{
  size_t count = nn_image_samples(map);
  float *sorted = nn_alloc(count, sizeof(float), error);
  if (sorted == NULL)
    return 0;
  memcpy(sorted, map->data, count * sizeof(float));
  nn_sort_values(sorted, count);
  float highest = sorted[count - 1];
  float top = nn_quantile(sorted, count, 1 - clip);
  nn_free(sorted);
  if (top > 0 || highest > 0)
    return top > 0 ? top : highest;
  if (stopped)
    return 1;
  nn_map_set_empty(error);
  return 0;
}

typedef struct {
  const float *from;
  float *to;
  float factor;
} Elements;

static void
scale_clipped(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Elements *job = data;
  for (int64_t i = begin; i < end; i++) {
    float value = job->from[i] * job->factor;
    job->to[i] = value > 0 ? MIN(value, 1) : 0;
  }
}

/* (transfer full): of the content's size, 0..1 */
static NnImage *
enlarge(const NnEffectRun *run, const NnImage *map, float top, GError **error)
{
  g_autoptr(NnImage) scaled = nn_image_copy(map, error);
  if (scaled == NULL)
    return NULL;
  Elements small = {map->data, scaled->data, 1 / top};
  nn_parallel_for(run->context, (int64_t)nn_image_samples(map), GRAIN, scale_clipped, &small);
  NnImage *large =
      nn_resample_new(run->context, scaled, run->content->width, run->content->height, error);
  if (large == NULL)
    return NULL;
  Elements overshoot = {large->data, large->data, 1};
  nn_parallel_for(run->context, (int64_t)nn_image_samples(large), GRAIN, scale_clipped, &overshoot);
  return large;
}

/* ---- layers ---- */

static void
colour_at(const NnEffectRun *run, float value, float rgb[3])
{
  if (nn_effect_argument(run, "output")->i == NN_MAP_COLOURS)
    nn_colormap_at((NnColormap)nn_effect_argument(run, "colormap")->i, value, rgb);
  else
    rgb[0] = rgb[1] = rgb[2] = value;
}

typedef struct {
  const NnEffectRun *run;
  const NnImage *map;
  NnImage *layer;
  bool transparent;
} Paint;

static void
paint_pixels(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Paint *job = data;
  for (int64_t i = begin; i < end; i++) {
    float *pixel = job->layer->data + 4 * i;
    colour_at(job->run, job->map->data[i], pixel);
    pixel[3] = job->transparent ? job->map->data[i] : 1;
  }
}

static bool
add_layer(NnEffectRun *run, const NnImage *map, const char *label, GError **error)
{
  NnImage *layer = nn_image_new(map->width, map->height, 4, error);
  if (layer == NULL)
    return false;
  Paint job = {run, map, layer, nn_effect_argument(run, "transparent")->i != 0};
  nn_parallel_for(run->context, (int64_t)map->width * map->height, GRAIN / 4, paint_pixels, &job);
  NnResult *result = nn_results_add(run->results, NN_PLACE_LAYER, layer, g_strdup(label));
  result->own_alpha = job.transparent;
  result->opacity = nn_effect_argument(run, "opacity")->d / 100;
  return true;
}

/* at one end of the bar, above it */
static void
caption_end(NnResult *legend, NnRectangle bar, double value, bool at_right)
{
  int height = MAX((int)lround(LEGEND_TEXT * MIN(legend->image->width, legend->image->height)),
                   SMALLEST_TEXT);
  char *text = g_strdup_printf("%.3g", value);
  int width = (int)lround(DIGIT_WIDTH * height * (double)(strlen(text) + 1));
  nn_result_add_caption(
      legend,
      (NnRectangle){at_right ? bar.x + bar.width - width : bar.x, bar.y - height, width, height},
      text);
}

static void
paint_bar(const NnEffectRun *run, NnImage *legend, NnRectangle bar)
{
  for (int y = 0; y < bar.height; y++)
    for (int x = 0; x < bar.width; x++) {
      size_t place = (size_t)(bar.y + y) * (size_t)legend->width + (size_t)(bar.x + x);
      float *pixel = legend->data + place * 4;
      bool frame = y == 0 || x == 0 || y == bar.height - 1 || x == bar.width - 1;
      colour_at(run, (float)x / (float)MAX(bar.width - 1, 1), pixel);
      for (int c = 0; frame && c < 3; c++)
        pixel[c] = 1;
      pixel[3] = 1;
    }
}

static bool
add_legend(NnEffectRun *run, float top, GError **error)
{
  int width = run->content->width, height = run->content->height;
  int shorter = MIN(width, height), margin = (int)lround(LEGEND_MARGIN * shorter);
  NnRectangle bar = {.x = margin,
                     .width = MAX((int)lround(LEGEND_WIDTH * width), 1),
                     .height = MAX((int)lround(LEGEND_HEIGHT * shorter), 1)};
  NnImage *image = nn_image_new(width, height, 4, error);
  if (image == NULL)
    return false;
  bar.y = height - margin - bar.height;
  memset(image->data, 0, nn_image_samples(image) * sizeof(float));
  paint_bar(run, image, bar);
  NnResult *legend = nn_results_add(run->results, NN_PLACE_LAYER, image,
                                    g_strdup_printf(_("Legend: 0 to %.3g"), (double)top));
  legend->own_alpha = true;
  caption_end(legend, bar, 0, false);
  caption_end(legend, bar, (double)top, true);
  return true;
}

/* ---- masks and selections ---- */

static void
cut_at_threshold(const NnEffectRun *run, NnImage *map)
{
  float threshold = (float)nn_effect_argument(run, "threshold")->d / 100;
  for (size_t i = 0; i < nn_image_samples(map); i++)
    map->data[i] = map->data[i] > 0 && map->data[i] >= threshold ? 1 : 0;
}

double
nn_map_result_bytes(const NnEffectRun *run, NnSize map, NnSize content)
{
  NnMapOutput output = (NnMapOutput)nn_effect_argument(run, "output")->i;
  double small = (double)map.width * map.height, large = (double)content.width * content.height;
  double enlarging = 2 * small + large; /* the map, scaled, and what becomes of it */
  double layers = output == NN_MAP_COLOURS || output == NN_MAP_GREY ? 4 * large : 0;
  if (map.width != content.width || map.height != content.height)
    enlarging += (double)content.width * map.height; /* resampled along one axis */
  if (nn_effect_argument(run, "legend")->i != 0)
    layers *= 2;
  return MAX(enlarging, small + large + layers) * (double)sizeof(float);
}

bool
nn_map_results(NnEffectRun *run, const NnImage *map, const char *label, bool stopped,
               GError **error)
{
  NnMapOutput output = (NnMapOutput)nn_effect_argument(run, "output")->i;
  float top = find_top(map, nn_effect_argument(run, "clip")->d / 100, stopped, error);
  g_autoptr(NnImage) large = top > 0 ? enlarge(run, map, top, error) : NULL;
  if (large == NULL)
    return false;
  if (output == NN_MAP_COLOURS || output == NN_MAP_GREY) {
    bool legend = nn_effect_argument(run, "legend")->i != 0;
    /* the first result ends up on top */
    return (!legend || add_legend(run, top, error)) && add_layer(run, large, label, error);
  }
  if (output == NN_MAP_SELECTION)
    cut_at_threshold(run, large);
  nn_results_add(run->results, output == NN_MAP_MASK ? NN_PLACE_MASK : NN_PLACE_SELECTION,
                 g_steal_pointer(&large), g_strdup(label));
  return true;
}
