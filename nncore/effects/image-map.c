/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Image map: the pictures of a folder, those that are alike to a network beside each other. Their
 * features go through t-SNE (analysis/tsne.h) to points, and the points to a picture
 * (effects/picture-map.h). */
#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/analysis/tsne.h"
#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/effects/cost.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/picture-map.h"

/* in the order of NnMapLayout.grid */
static const NnChoice layouts[] = {
    {"points", N_("At their points")},
    {"grid", N_("On a grid")},
    {NULL, NULL},
};

typedef enum { START_PRINCIPAL, START_RANDOM } Start;

/* in the order of Start */
static const NnChoice starts[] = {
    {"principal", N_("Principal components")},
    {"random", N_("Noise")},
    {NULL, NULL},
};

/* of t-SNE, for two pictures in a step: as long as so many multiply-adds; on two cores that do 1.6e11 a
 * second at what speeds are measured by, 500 pictures took 1.8 ns a pair and step and 2000 1.35 ns */
#define PAIR_OPERATIONS 250

#define SECTION_PICTURES N_("Pictures")
#define SECTION_MAP N_("Map")
#define SECTION_TSNE N_("t-SNE")

#define SIDE(key_, label_) \
  { \
      .key = key_, \
      .label = label_, \
      .help = N_("Of the map. Larger leaves more room between the pictures."), \
      .unit = N_("px"), \
      .section = SECTION_MAP, \
      .kind = NN_PARAM_INT, \
      .min = 64, \
      .max = 32768, \
      .initial = 1600, \
  }

static const NnParam params[] = {
    {
        .key = "folder",
        .label = N_("_Folder"),
        .help = N_("The pictures of the map. Empty takes the images that are open."),
        .section = SECTION_PICTURES,
        .kind = NN_PARAM_FOLDER,
        .open_images = true,
    },
    NN_FEATURE_PARAMS,
    {
        .key = "layout",
        .label = N_("_Pictures lie"),
        .help = N_("At their points pictures may overlap, and groups and the gaps between them can "
                   "be seen. On a grid each has a place of its own, as near to its point as all "
                   "of them can be."),
        .section = SECTION_MAP,
        .kind = NN_PARAM_CHOICE,
        .choices = layouts,
    },
    SIDE("width", N_("_Width")),
    SIDE("height", N_("_Height")),
    {
        .key = "picture-size",
        .label = N_("_Size of the pictures"),
        .help =
            N_("Longest side of the pictures on the map. Larger shows more of them, and they "
               "overlap more; 0 takes what suits their number. On a grid they fill their cells."),
        .unit = N_("px"),
        .section = SECTION_MAP,
        .kind = NN_PARAM_INT,
        .max = 2048,
        .enabled_by = "layout=points",
    },
    {
        .key = "coordinates",
        .label = N_("Tell _coordinates"),
        .help =
            N_("Say as text, for scripts, where the middle of each picture is: a line each with "
               "x, y and name."),
        .section = SECTION_MAP,
        .kind = NN_PARAM_BOOL,
        .max = 1,
    },
    {
        .key = "perplexity",
        .label = N_("Perple_xity"),
        .help = N_("How many neighbours of a picture count, about. Fewer show small groups, more "
                   "the whole. A third of the pictures is the most that makes sense, and is what "
                   "more means."),
        .section = SECTION_TSNE,
        .kind = NN_PARAM_FLOAT,
        .min = 1,
        .max = 1000,
        .initial = 30,
        .digits = 1,
    },
    {
        .key = "iterations",
        .label = N_("_Iterations"),
        .help = N_("Steps of the descent. More settle more, and take longer."),
        .section = SECTION_TSNE,
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 100000,
        .initial = 1000,
    },
    {
        .key = "start",
        .label = N_("S_tart"),
        .help = N_("From the first two principal components of the features, groups that are alike "
                   "come to lie closer to each other; from noise, each seed gives another map."),
        .section = SECTION_TSNE,
        .kind = NN_PARAM_CHOICE,
        .choices = starts,
    },
    {
        .key = "seed",
        .label = N_("_Random seed"),
        .help = N_("Another number gives another map; the same number gives the same map."),
        .section = SECTION_TSNE,
        .kind = NN_PARAM_SEED,
        .max = G_MAXINT32,
        .enabled_by = "start=random",
    },
    {.key = NULL},
};

/* shares of the run, at their ends */
static const struct {
  double looked, started, affine, descended, placed;
} ends = {0.6, 0.62, 0.65, 0.9, 0.95};

/* @held_bytes: of the context's memory; @points: pairs, where t-SNE has them; @centres: pairs, px */
typedef struct {
  NnEffectRun *run;
  NnPictureFeatures *features;
  NnMapLayout layout;
  int count;
  int64_t held_bytes;
  float *vectors;
  double *points, *centres;
  double divergence;
  double begin, end; /* share of the run of what is being done */
  const char *text; /* what that is */
  NnVerdict verdict;
} Map;

static void
map_clear(Map *map)
{
  nn_picture_features_free(map->features);
  nn_free(map->vectors);
  nn_free(map->points);
  nn_free(map->centres);
  nn_context_hold_memory(map->run->context, -map->held_bytes);
}

static void
begin_stage(Map *map, double begin, double end, const char *text)
{
  map->begin = begin;
  map->end = end;
  map->text = text;
}

/* NnReport.render: the pictures at their points so far */
static NnImage *
render(gconstpointer data, GError **error)
{
  const Map *map = data;
  NnMapLayout layout = map->layout;
  layout.grid = false;
  if (!nn_map_place(&layout, map->points, map->count, map->centres, NULL, NULL, error))
    return NULL;
  return nn_map_draw(&layout, map->run->context, map->features, map->centres, false, NULL, NULL,
                     error);
}

/* NnProceed */
static bool
proceed(gpointer data, double fraction)
{
  Map *map = data;
  NnReport report = {.fraction = map->begin + (map->end - map->begin) * fraction,
                     .text = map->text,
                     .render = map->end == ends.descended ? render : NULL,
                     .render_data = map};
  map->verdict = nn_progress_report(map->run->progress, &report);
  return map->verdict == NN_CONTINUE;
}

/* ---- from pictures to points ---- */

/* @dimensions: 0 before they are known. There are two maps at once where there is a preview; a grid is
 * laid out when t-SNE is done. */
static double
map_bytes(const NnMapLayout *layout, int count, int64_t dimensions)
{
  double paper = 3.0 * sizeof(float) * layout->width * layout->height;
  double vectors = (double)count * (double)dimensions * sizeof(float);
  return MAX(nn_tsne_bytes(count, dimensions), nn_map_grid_bytes(layout, count)) + vectors +
         2 * paper;
}

static bool
check_budget(const Map *map, int count, double bytes, GError **error)
{
  NnContext *context = map->run->context;
  double left = (double)nn_context_memory_left(context);
  double held = (double)nn_context_memory_held(context);
  if (bytes <= left)
    return true;
  g_autofree char *needed = g_format_size((guint64)(held + bytes));
  g_autofree char *allowed = g_format_size((guint64)(held + left));
  g_set_error(error, NN_ERROR, NN_ERROR_MEMORY,
              _("A map of %d pictures takes %s of memory, and %s are allowed. Choose a folder with "
                "fewer pictures, or allow more memory."),
              count, needed, allowed);
  return false;
}

/* before the features are known: what there will be when the network has given back what it took */
static double
foreseen_bytes(const NnMapLayout *layout, int count)
{
  return map_bytes(layout, count, 0) + nn_picture_features_bytes(count, 0);
}

/* of the map, where the budget does for it */
static bool
hold_memory(Map *map, int64_t dimensions, GError **error)
{
  double bytes = map_bytes(&map->layout, map->count, dimensions);
  if (!check_budget(map, map->count, bytes, error))
    return false;
  map->held_bytes = (int64_t)bytes;
  nn_context_hold_memory(map->run->context, map->held_bytes);
  return true;
}

static double
length_of(const float *vector, int64_t dimensions)
{
  double squares = 0;
  for (int64_t k = 0; k < dimensions; k++)
    squares += (double)vector[k] * vector[k];
  return sqrt(squares);
}

/* what brings the longest vector to a length of 1 at most, so that squares of distances, in single
 * precision, do not overflow: of the scale t-SNE does not depend. A power of two rounds nothing. */
static double
common_scale(const Map *map, int64_t dimensions)
{
  double longest = 0;
  int exponent;
  for (int i = 0; i < map->count; i++)
    longest =
        MAX(longest, length_of(nn_picture_features_at(map->features, i)->features, dimensions));
  frexp(longest, &exponent);
  return ldexp(1, -exponent);
}

/* one after the other; of length 1 where only their directions count: half the square of the Euclidean
 * distance is then the cosine distance */
static void
fill_vectors(const Map *map, int64_t dimensions)
{
  bool directions = nn_effect_argument(map->run, "distance")->i == NN_SPACE_COSINE;
  double common = directions ? 1 : common_scale(map, dimensions);
  for (int i = 0; i < map->count; i++) {
    const float *from = nn_picture_features_at(map->features, i)->features;
    double length = directions ? length_of(from, dimensions) : 0;
    double scale = length > 0 ? 1 / length : common;
    for (int64_t k = 0; k < dimensions; k++)
      map->vectors[i * dimensions + k] = (float)(scale * from[k]);
  }
}

static bool
allocate(Map *map, GError **error)
{
  size_t count = (size_t)map->count;
  size_t dimensions = (size_t)nn_picture_features_dimensions(map->features);
  return (map->vectors = nn_alloc(count, dimensions * sizeof(float), error)) != NULL &&
         (map->points = nn_alloc(count, 2 * sizeof(double), error)) != NULL &&
         (map->centres = nn_alloc(count, 2 * sizeof(double), error)) != NULL;
}

static void
descend(Map *map, NnTsne *tsne)
{
  double perplexity = nn_tsne_perplexity(nn_effect_argument(map->run, "perplexity")->d, map->count);
  map->divergence = NAN;
  begin_stage(map, ends.looked, ends.started, _("Finding principal components"));
  if (nn_effect_argument(map->run, "start")->i == START_RANDOM)
    nn_tsne_start_random(tsne, (uint64_t)nn_effect_argument(map->run, "seed")->i, map->points);
  else if (!nn_tsne_start_principal(tsne, proceed, map, map->points))
    return;
  begin_stage(map, ends.started, ends.affine, _("Finding neighbours"));
  if (!nn_tsne_find_affinities(tsne, perplexity, proceed, map))
    return;
  begin_stage(map, ends.affine, ends.descended, _("Bringing neighbours together"));
  nn_tsne_descend(tsne, (int)nn_effect_argument(map->run, "iterations")->i, proceed, map,
                  map->points);
  map->divergence = nn_tsne_divergence(tsne, map->points);
}

static bool
check_finite(const Map *map, GError **error)
{
  for (int i = 0; i < 2 * map->count; i++)
    if (!isfinite(map->points[i])) {
      nn_network_set_not_finite(nn_effect_argument(map->run, "network")->network, error);
      return false;
    }
  return true;
}

static bool
find_points(Map *map, GError **error)
{
  int64_t dimensions = nn_picture_features_dimensions(map->features);
  if (!allocate(map, error))
    return false;
  fill_vectors(map, dimensions);
  g_autoptr(NnTsne) tsne =
      nn_tsne_new(map->run->context, map->vectors, map->count, dimensions, error);
  if (tsne == NULL)
    return false;
  descend(map, tsne);
  return check_finite(map, error);
}

/* ---- from points to the map ---- */

static void
tell(const Map *map, const NnImageSource *source)
{
  g_autofree char *about = nn_picture_features_tell(map->features);
  GString *text = g_string_new(about);
  char x[G_ASCII_DTOSTR_BUF_SIZE], y[G_ASCII_DTOSTR_BUF_SIZE]; /* in the C locale, for scripts */
  if (isfinite(map->divergence))
    g_string_append_printf(g_string_append_c(text, ' '), _("Kullback-Leibler divergence: %.3f."),
                           map->divergence);
  for (int i = 0; nn_effect_argument(map->run, "coordinates")->i != 0 && i < map->count; i++)
    g_string_append_printf(
        text, "\n%s\t%s\t%s", g_ascii_formatd(x, sizeof x, "%.1f", map->centres[2 * i]),
        g_ascii_formatd(y, sizeof y, "%.1f", map->centres[2 * i + 1]),
        nn_image_source_name(source, nn_picture_features_number(map->features, i)));
  nn_results_add(map->run->results, NN_PLACE_TEXT, NULL, g_string_free(text, FALSE));
}

static bool
check_cancelled(const Map *map, GError **error)
{
  if (map->verdict == NN_CANCEL)
    nn_set_cancelled(error);
  return map->verdict != NN_CANCEL;
}

/* (transfer full) */
static NnImage *
draw(Map *map, GError **error)
{
  begin_stage(map, ends.descended, ends.placed, _("Placing the pictures"));
  if (!nn_map_place(&map->layout, map->points, map->count, map->centres, proceed, map, error) ||
      !check_cancelled(map, error))
    return NULL;
  begin_stage(map, ends.placed, 1, _("Laying out the pictures"));
  g_autoptr(NnImage) image =
      nn_map_draw(&map->layout, map->run->context, map->features, map->centres,
                  map->verdict == NN_CONTINUE, proceed, map, error);
  return image != NULL && check_cancelled(map, error) ? g_steal_pointer(&image) : NULL;
}

static bool
make_map(Map *map, NnImageSource *source, GError **error)
{
  map->features = nn_picture_features_new(map->run, error);
  if (map->features == NULL ||
      !nn_picture_features_gather(map->features, source, ends.looked, error))
    return false;
  nn_picture_features_close(map->features);
  map->count = nn_picture_features_count(map->features);
  int64_t dimensions = nn_picture_features_dimensions(map->features);
  if (!nn_map_layout_check(&map->layout, map->count, error) ||
      !hold_memory(map, dimensions, error) || !find_points(map, error) ||
      !check_cancelled(map, error))
    return false;
  NnImage *image = draw(map, error);
  if (image == NULL)
    return false;
  nn_results_add(map->run->results, NN_PLACE_NEW_IMAGE, image, g_strdup(_("Image map")));
  tell(map, source);
  return true;
}

static NnMapLayout
read_layout(const NnEffectRun *run)
{
  return (NnMapLayout){
      (int)nn_effect_argument(run, "width")->i, (int)nn_effect_argument(run, "height")->i,
      nn_effect_argument(run, "layout")->i != 0, (int)nn_effect_argument(run, "picture-size")->i};
}

static bool
run_image_map(NnEffectRun *run, GError **error)
{
  NnImageSource *source = nn_effect_argument(run, "folder")->source;
  if (!nn_effect_check(run->effect, run->arguments, error) ||
      !nn_image_source_check_any(source, error))
    return false;
  Map map = {.run = run, .layout = read_layout(run)};
  int count = nn_image_source_count(source);
  bool done = nn_map_layout_check(&map.layout, count, error) &&
              check_budget(&map, count, foreseen_bytes(&map.layout, count), error) &&
              make_map(&map, source, error);
  map_clear(&map);
  return done;
}

/* the map is no held_bytes, as it comes after the network: the run holds it then */
static bool
estimate_image_map(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                   GError **error)
{
  const NnImageSource *source = nn_effect_argument(run, "folder")->source;
  NnMapLayout layout = read_layout(run);
  int count = source != NULL ? nn_image_source_count(source) : 0;
  if (!nn_picture_features_add_cost(run, 0, estimate, error))
    return false;
  estimate->multiply_adds +=
      PAIR_OPERATIONS * (double)count * count * (double)nn_effect_argument(run, "iterations")->i;
  nn_cost_raise(estimate, foreseen_bytes(&layout, MAX(count, 1)));
  return true;
}

const NnEffect nn_effect_image_map = {
    .id = "image-map",
    .group = NN_GROUP_LOOK_INSIDE,
    .label = N_("Image _Map..."),
    .blurb = N_("Lay the pictures of a folder out so that those lie together that are alike to a "
                "network"),
    .help =
        N_("Makes a map of a folder: what a layer of a network has to say of each picture is "
           "brought into the plane by t-SNE (van der Maaten and Hinton, “Visualizing Data using "
           "t-SNE”, 2008), so that neighbours stay neighbours; how far apart groups lie, and how "
           "large they are, means little. The pictures lie at their points, or on a grid of which "
           "each has a cell. Features are kept, so that another map of the same folder takes a "
           "moment."),
    .params = params,
    .content = NN_CONTENT_NONE,
    .no_output = true,
    .run = run_image_map,
    .estimate = estimate_image_map,
};
