/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nearest images: which pictures of a folder are most like one, to a network and to the pixels. Both
 * distances are taken to every picture; of each, the least are shown, a row each. */
#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/effects/cost.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/picture-features.h"
#include "nncore/effects/sheet.h"
#include "nncore/effects/working.h"
#include "nncore/image/crop.h"
#include "nncore/image/resample.h"

#define SECTION_PICTURES N_("Pictures")
#define PIXELS 32 /* of a side, at which pictures are compared pixel by pixel */
#define SAME 0.03 /* root mean square difference of these, up to which pictures are the same */
#define SAME_COSINE 0.02
#define LOOKING 0.9 /* of the run, at its end */
#define COMPARING 0.93
#define BETWEEN_REPORTS 64 /* pictures that are compared */

static const NnParam params[] = {
    {
        .key = "folder",
        .label = N_("_Folder"),
        .help = N_("The pictures among which to look. Empty takes the images that are open."),
        .section = SECTION_PICTURES,
        .kind = NN_PARAM_FOLDER,
        .open_images = true,
    },
    {
        .key = "picture-file",
        .label = N_("_Picture file"),
        .help = N_("The picture whose like is looked for. Empty takes the chosen layer, or what is "
                   "selected of it."),
        .section = SECTION_PICTURES,
        .kind = NN_PARAM_FILE,
    },
    {
        .key = "count",
        .label = N_("N_umber"),
        .help = N_("How many pictures are shown in each row."),
        .section = SECTION_PICTURES,
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 100,
        .initial = 6,
    },
    {
        .key = "leave-out-same",
        .label = N_("_Leave out the picture itself"),
        .help = N_("Do not show pictures of the folder that are the same one: they would be the "
                   "nearest."),
        .section = SECTION_PICTURES,
        .kind = NN_PARAM_BOOL,
        .max = 1,
        .initial = 1,
    },
    NN_FEATURE_PARAMS,
    {
        .key = "cell-size",
        .label = N_("_Size of the pictures"),
        .help = N_("Longest side of the pictures on the sheet. Larger shows more of them."),
        .unit = N_("px"),
        .section = NN_SHEET_SECTION,
        .kind = NN_PARAM_INT,
        .min = 16,
        .max = 2048,
        .initial = 192,
    },
    NN_SHEET_CAPTIONS_PARAM(N_("Write names and distances under the pictures."), NULL),
    {.key = NULL},
};

/* a picture and how far it is */
typedef struct {
  int index;
  double distance;
} Neighbour;

/* in the order of the rows */
enum { BY_FEATURES, BY_PIXELS, ROWS };

/* @shown: neighbours in a row */
typedef struct {
  NnEffectRun *run;
  NnPictureFeatures *features;
  NnImageSource *source;
  NnFeatureEntry query;
  NnImage *query_pixels;
  Neighbour *neighbours[ROWS];
  int count, shown, same;
} Search;

static void
search_clear(Search *search)
{
  nn_picture_features_free(search->features);
  nn_image_free(search->query_pixels);
  for (int row = 0; row < ROWS; row++)
    nn_free(search->neighbours[row]);
}

/* ---- the picture whose like is looked for ---- */

/* (transfer full): what is selected of the layer, in its bounds */
static NnImage *
crop_selected(const NnEffectRun *run, GError **error)
{
  NnRectangle whole = {0, 0, run->content->width, run->content->height};
  return nn_image_crop(run->content,
                       run->selection != NULL ? nn_mask_bounds(run->selection) : whole, error);
}

/* (transfer full) */
static NnImage *
find_query(const NnEffectRun *run, GError **error)
{
  const NnImage *file = nn_effect_argument(run, "picture-file")->image;
  if (file != NULL)
    return nn_image_copy(file, error);
  if (run->content != NULL)
    return crop_selected(run, error);
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("There is no picture whose like could be looked for. Open one, or choose a file."));
  return NULL;
}

/* (transfer full): of the size at which pixels are compared, whatever the proportions */
static NnImage *
compared_pixels(NnContext *context, const NnFeatureEntry *entry, GError **error)
{
  g_autoptr(NnImage) picture = nn_feature_entry_picture(context, entry, NN_THUMBNAIL_PX, error);
  return picture != NULL ? nn_resample_new(context, picture, PIXELS, PIXELS, error) : NULL;
}

/* ---- distances ---- */

static double
pixel_distance(const NnImage *a, const NnImage *b)
{
  double sum = 0;
  for (size_t i = 0; i < nn_image_samples(a); i++)
    sum += ((double)a->data[i] - b->data[i]) * ((double)a->data[i] - b->data[i]);
  return sqrt(sum);
}

static bool
is_same(const Search *search, const NnFeatureEntry *entry, double pixels)
{
  double mean_square = pixels * pixels / (PIXELS * PIXELS * 3);
  return mean_square <= SAME * SAME &&
         nn_feature_distance(search->query.features, entry->features,
                             nn_picture_features_dimensions(search->features),
                             NN_SPACE_COSINE) <= SAME_COSINE;
}

static int
compare_neighbours(const void *a, const void *b)
{
  const Neighbour *x = a, *y = b;
  if (x->distance != y->distance)
    return x->distance < y->distance ? -1 : 1;
  return x->index - y->index;
}

static bool
measure(Search *search, int index, GError **error)
{
  const NnFeatureEntry *entry = nn_picture_features_at(search->features, index);
  NnSpace space = (NnSpace)nn_effect_argument(search->run, "distance")->i;
  g_autoptr(NnImage) pixels = compared_pixels(search->run->context, entry, error);
  if (pixels == NULL)
    return false;
  double by_pixels = pixel_distance(search->query_pixels, pixels);
  if (nn_effect_argument(search->run, "leave-out-same")->i != 0 &&
      is_same(search, entry, by_pixels)) {
    search->same++;
    return true;
  }
  double by_features = nn_feature_distance(search->query.features, entry->features,
                                           nn_picture_features_dimensions(search->features), space);
  search->neighbours[BY_FEATURES][search->count] = (Neighbour){index, by_features};
  search->neighbours[BY_PIXELS][search->count++] = (Neighbour){index, by_pixels};
  return true;
}

/* false on Cancel; after Stop those that have been gathered are compared all the same: it is quick */
static bool
report_comparing(const Search *search, int index, int count, GError **error)
{
  NnReport report = {.fraction = LOOKING + (COMPARING - LOOKING) * index / count,
                     .text = _("Comparing the pictures")};
  if (index % BETWEEN_REPORTS != 0 ||
      nn_progress_report(search->run->progress, &report) != NN_CANCEL)
    return true;
  nn_set_cancelled(error);
  return false;
}

static bool
find_neighbours(Search *search, GError **error)
{
  int count = nn_picture_features_count(search->features);
  for (int row = 0; row < ROWS; row++) {
    search->neighbours[row] = nn_alloc((size_t)count, sizeof(Neighbour), error);
    if (search->neighbours[row] == NULL)
      return false;
  }
  for (int i = 0; i < count; i++)
    if (!report_comparing(search, i, count, error) || !measure(search, i, error))
      return false;
  for (int row = 0; row < ROWS; row++)
    qsort(search->neighbours[row], (size_t)search->count, sizeof(Neighbour), compare_neighbours);
  search->shown = MIN(search->count, (int)nn_effect_argument(search->run, "count")->i);
  if (search->shown > 0)
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("There are no other pictures than this one. Choose a folder that has more, or do "
                "not leave out the picture itself."));
  return false;
}

/* ---- the sheet ---- */

static const char *
name_of(const Search *search, const Neighbour *neighbour)
{
  return nn_image_source_name(search->source,
                              nn_picture_features_number(search->features, neighbour->index));
}

/* false on Cancel; after Stop the pictures are those that are there */
static bool
put_row(const Search *search, NnSheet *sheet, int row, int cell_px, GError **error)
{
  for (int k = 0; k < search->shown; k++) {
    const Neighbour *neighbour = &search->neighbours[row][k];
    int done = row * search->shown + k, cell = row * (search->shown + 1) + k + 1;
    NnReport report = {.fraction = COMPARING + (1 - COMPARING) * done / (ROWS * search->shown),
                       .text = _("Laying out the pictures")};
    NnVerdict verdict = nn_progress_report(search->run->progress, &report);
    if (verdict == NN_CANCEL) {
      nn_set_cancelled(error);
      return false;
    }
    g_autoptr(NnImage) picture = nn_picture_features_picture(search->features, neighbour->index,
                                                             cell_px, verdict != NN_STOP, error);
    if (picture == NULL)
      return false;
    nn_sheet_put(sheet, cell, picture);
    nn_sheet_caption(sheet, cell,
                     g_strdup_printf("%s · %.3g", name_of(search, neighbour), neighbour->distance));
  }
  return true;
}

static const char *
row_title(int row)
{
  return row == BY_FEATURES ? _("By features:") : _("By pixels:");
}

static bool
make_sheet(const Search *search, const NnImage *query, GError **error)
{
  int cell_px = (int)nn_effect_argument(search->run, "cell-size")->i;
  bool captions = nn_effect_argument(search->run, "captions")->i != 0;
  g_autoptr(NnImage) shown = nn_working_picture(search->run->context, query, cell_px, error);
  if (shown == NULL)
    return false;
  g_autoptr(NnSheet) sheet = nn_sheet_new(ROWS * (search->shown + 1), search->shown + 1, cell_px,
                                          cell_px, captions, error);
  if (sheet == NULL)
    return false;
  for (int row = 0; row < ROWS; row++) {
    nn_sheet_put(sheet, row * (search->shown + 1), shown);
    nn_sheet_caption(sheet, row * (search->shown + 1), g_strdup(row_title(row)));
    if (!put_row(search, sheet, row, cell_px, error))
      return false;
  }
  nn_sheet_finish(g_steal_pointer(&sheet), search->run->results, g_strdup(_("Nearest images")));
  return true;
}

/* ---- the text ---- */

static void
tell(const Search *search)
{
  g_autofree char *about = nn_picture_features_tell(search->features);
  GString *text = g_string_new(about);
  char number[G_ASCII_DTOSTR_BUF_SIZE]; /* in the C locale, for scripts */
  if (search->same > 0)
    g_string_append_printf(g_string_append_c(text, ' '), _("Left out as the picture itself: %d."),
                           search->same);
  for (int row = 0; row < ROWS; row++) {
    g_string_append_printf(text, "\n%s", row_title(row));
    for (int k = 0; k < search->shown; k++)
      g_string_append_printf(
          text, "\n%s\t%s",
          g_ascii_formatd(number, sizeof number, "%.6g", search->neighbours[row][k].distance),
          name_of(search, &search->neighbours[row][k]));
  }
  nn_results_add(search->run->results, NN_PLACE_TEXT, NULL, g_string_free(text, FALSE));
}

static bool
search_for(Search *search, const NnImage *query, GError **error)
{
  search->features = nn_picture_features_new(search->run, error);
  if (search->features == NULL ||
      !nn_picture_features_look(search->features, query, &search->query, error))
    return false;
  search->query_pixels = compared_pixels(search->run->context, &search->query, error);
  if (search->query_pixels == NULL ||
      !nn_picture_features_gather(search->features, search->source, LOOKING, error) ||
      !find_neighbours(search, error) || !make_sheet(search, query, error))
    return false;
  tell(search);
  return true;
}

/* of the largest sheet that it may become */
static int
count_cells(const NnEffectRun *run, const NnImageSource *source)
{
  int most = (int)nn_effect_argument(run, "count")->i;
  if (source != NULL)
    most = MIN(most, nn_image_source_count(source));
  return ROWS * (most + 1);
}

/* that there is memory for it */
static bool
check_sheet(const NnEffectRun *run, const NnImageSource *source, GError **error)
{
  int cell_px = (int)nn_effect_argument(run, "cell-size")->i;
  return nn_sheet_check(run->context, count_cells(run, source), cell_px, cell_px, true, error);
}

static bool
run_nearest_images(NnEffectRun *run, GError **error)
{
  Search search = {.run = run, .source = nn_effect_argument(run, "folder")->source};
  if (!nn_effect_check(run->effect, run->arguments, error))
    return false;
  g_autoptr(NnImage) query = find_query(run, error);
  bool done = query != NULL && nn_image_source_check_any(search.source, error) &&
              check_sheet(run, search.source, error) && search_for(&search, query, error);
  search_clear(&search);
  return done;
}

static bool
estimate_nearest_images(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                        GError **error)
{
  int cell_px = (int)nn_effect_argument(run, "cell-size")->i;
  if (!nn_picture_features_add_cost(run, 1, estimate, error))
    return false;
  int64_t cells = count_cells(run, nn_effect_argument(run, "folder")->source);
  nn_cost_add_held(estimate, nn_sheet_bytes(cells, cell_px, cell_px));
  return true;
}

const NnEffect nn_effect_nearest_images = {
    .id = "nearest-images",
    .group = NN_GROUP_LOOK_INSIDE,
    .label = N_("_Nearest Images..."),
    .blurb = N_("Show the pictures of a folder that are most like a picture, to a network and to "
                "the pixels"),
    .help =
        N_("Compares a picture with all those of a folder: by the features that a layer of a "
           "network has for them, and pixel by pixel, at 32 x 32 px (Euclidean distance). Features "
           "bring together what is of a kind, pixels what has the same colors in the same places "
           "(Krizhevsky, Sutskever and Hinton, “ImageNet Classification with Deep Convolutional "
           "Neural Networks”, 2012). The sheet has a row for each, the nearest first; scripts get "
           "names and distances as text. Features are kept, so that looking again in the same "
           "folder takes a moment."),
    .params = params,
    .content = NN_CONTENT_OPTIONAL,
    .selection = NN_SELECTION_INFORMS,
    .no_output = true,
    .run = run_nearest_images,
    .estimate = estimate_nearest_images,
};
