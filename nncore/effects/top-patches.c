/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Top patches: the row of the table, which channels are shown, and the sheet. What is found is in
 * effects/patches.h; the pictures whose patches are on the sheet are loaded once more to cut them out,
 * so that no pixels are kept while all pictures are looked at. */
#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/effects/effect-table.h"
#include "nncore/effects/number-list.h"
#include "nncore/effects/patches.h"
#include "nncore/effects/sheet.h"
#include "nncore/effects/target.h"

#define LARGE_PX 32768 /* side of a picture that is not smaller than any view of it */

enum { CHOOSE_DISTINCT, CHOOSE_STRONGEST };

static const NnChoice choose_choices[] = {
    {"distinct", N_("Those that a few pictures stand out for")},
    {"strongest", N_("Those with the highest values")},
    {NULL, NULL},
};

#define SECTION_PICTURES N_("Pictures")
#define SECTION_CHANNELS N_("Channels")

static const NnParam params[] = {
    {
        .key = "folder",
        .label = N_("_Folder"),
        .section = SECTION_PICTURES,
        .help = N_("The pictures that are looked at, the more the better. Empty takes the images "
                   "that are open."),
        .kind = NN_PARAM_FOLDER,
        .open_images = true,
    },
    {
        .key = "working-size",
        .label = N_("_Working size"),
        .section = SECTION_PICTURES,
        .help = N_("Longest side at which the network sees the pictures. Larger shows smaller "
                   "parts of them, and takes longer. 0 takes the size that it was made for, at "
                   "which it knows things best, but at which deep layers may see all of a "
                   "picture."),
        .unit = N_("px"),
        .kind = NN_PARAM_INT,
        .max = 32768,
        .initial = 224,
    },
    {
        .key = "network",
        .label = N_("_Network"),
        .section = SECTION_CHANNELS,
        .help = N_("The network that looks at the pictures."),
        .kind = NN_PARAM_NETWORK,
    },
    {
        .key = "layer",
        .label = N_("_Layer"),
        .section = SECTION_CHANNELS,
        .help = N_("The layer whose channels are asked. The deeper it is, the larger are the "
                   "patches that its channels see. Empty takes what suits the network."),
        .kind = NN_PARAM_LAYERS,
        .use = "dream",
    },
    {
        .key = "channels",
        .label = N_("_Channels"),
        .section = SECTION_CHANNELS,
        .help = N_("Numbers of the channels, from 0, like “3,7,12-15”; a row of the sheet for "
                   "each. Empty leaves the choice to Somnium."),
        .kind = NN_PARAM_TEXT,
        .when_empty = N_("as chosen below"),
    },
    {
        .key = "choose",
        .label = N_("C_hoose"),
        .section = SECTION_CHANNELS,
        .help = N_("Which channels are shown if none are named: those whose best patches are "
                   "farthest above what other pictures give, and so have found something of their "
                   "own; or those with the highest values."),
        .kind = NN_PARAM_CHOICE,
        .choices = choose_choices,
        .enabled_by = "!channels",
    },
    {
        .key = "count",
        .label = N_("N_umber"),
        .section = SECTION_CHANNELS,
        .help = N_("How many channels are shown if none are named."),
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 100,
        .initial = 8,
        .enabled_by = "!channels",
    },
    {
        .key = "patches",
        .label = N_("_Patches"),
        .section = NN_SHEET_SECTION,
        .help = N_("How many are shown for each channel, the best first."),
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = 100,
        .initial = 9,
    },
    {
        .key = "per-picture",
        .label = N_("From _one picture"),
        .section = NN_SHEET_SECTION,
        .help = N_("How many patches of the same picture a channel may show; they are at least "
                   "half their size apart. 1 shows the most different things."),
        .kind = NN_PARAM_INT,
        .min = 1,
        .max = NN_PATCHES_PER_PICTURE,
        .initial = 1,
    },
    NN_SHEET_CELL_PARAM(96, NULL),
    NN_SHEET_CAPTIONS_PARAM(N_("Write each channel's number before its row, and under each patch "
                               "the value and the picture's name."),
                            NULL),
    {.key = NULL},
};

/* ---- which channels ---- */

typedef struct {
  int64_t index;
  double merit, value; /* the latter decides where the former are equal */
} Ranked;

static int
compare_ranked(const void *a, const void *b)
{
  const Ranked *x = a, *y = b;
  if (x->merit != y->merit)
    return x->merit < y->merit ? 1 : -1;
  if (x->value != y->value)
    return x->value < y->value ? 1 : -1;
  return x->index < y->index ? -1 : 1;
}

/* the watched channels, without those for which there is nothing, unless they were @named; returns
 * how many */
static int64_t
list_channels(const NnEffectRun *run, const NnPatches *patches, bool named, Ranked *rows)
{
  bool strongest = nn_effect_argument(run, "choose")->i == CHOOSE_STRONGEST;
  int64_t n_rows = 0;
  for (int64_t i = 0; i < nn_patches_n_channels(patches); i++) {
    int n;
    const NnPatch *best = nn_patches_of(patches, i, &n);
    if (n == 0 && !named)
      continue;
    double value = n > 0 ? (double)best[0].peak.value : 0;
    rows[n_rows++] = (Ranked){i, strongest ? value : nn_patches_distinction(patches, i), value};
  }
  return n_rows;
}

/* ---- the sheet ---- */

/**
 * Page: a sheet in the making.
 * @rows: indices of watched channels
 * @columns: of patches; @headed: whether there is one before them
 */
typedef struct {
  NnEffectRun *run;
  const NnPatches *patches;
  const char *layer;
  Ranked *rows;
  int64_t n_rows;
  int columns, cell_px;
  bool headed;
  NnSheet *sheet;
} Page;

static const NnPatch *
patch_at(const Page *page, int64_t row, int column)
{
  int n;
  const NnPatch *best = nn_patches_of(page->patches, page->rows[row].index, &n);
  return column < n ? &best[column] : NULL;
}

static bool
make_sheet(Page *page, GError **error)
{
  int width = 1, height = 1;
  for (int64_t row = 0; row < page->n_rows; row++)
    for (int column = 0; patch_at(page, row, column) != NULL; column++) {
      int w = patch_at(page, row, column)->box.width, h = patch_at(page, row, column)->box.height;
      nn_sheet_fit_size(page->cell_px, &w, &h);
      width = MAX(width, w);
      height = MAX(height, h);
      page->columns = MAX(page->columns, column + 1);
    }
  int columns = page->columns + page->headed;
  if (page->columns == 0) {
    g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
                _("None of these pictures excites a channel of %s. Choose other channels or "
                  "another layer."),
                page->layer);
    return false;
  }
  if (!nn_sheet_check(page->run->context, page->n_rows * columns, width, height, true, error))
    return false;
  page->sheet =
      nn_sheet_new((int)page->n_rows * columns, columns, width, height, page->headed, error);
  for (int64_t row = 0; page->sheet != NULL && page->headed && row < page->n_rows; row++)
    nn_sheet_write(
        page->sheet, (int)row * columns,
        g_strdup_printf("%d", (int)nn_patches_channel(page->patches, page->rows[row].index)));
  return page->sheet != NULL;
}

static bool
put_patch(const Page *page, int64_t row, int column, const NnImage *view, GError **error)
{
  const NnPatch *patch = patch_at(page, row, column);
  const NnImageSource *source = nn_effect_argument(page->run, "folder")->source;
  int index = (int)row * (page->columns + page->headed) + page->headed + column;
  nn_sheet_caption(page->sheet, index,
                   g_strdup_printf("%.3g %s", (double)patch->peak.value,
                                   nn_image_source_name(source, patch->picture)));
  if (view == NULL || view->width != patch->width || view->height != patch->height)
    return true; /* its file has changed meanwhile: the cell stays empty */
  g_autoptr(NnImage) cut = nn_patch_cut(patch, view, NN_SHEET_PAPER, error);
  g_autoptr(NnImage) picture =
      cut != NULL ? nn_sheet_fit(page->run->context, cut, page->cell_px, error) : NULL;
  if (picture != NULL)
    nn_sheet_put(page->sheet, index, picture);
  return picture != NULL;
}

/* all patches of a picture */
static bool
put_picture(const Page *page, int picture, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(NnImage) view = nn_patches_view(page->patches, picture, &failure);
  if (failure != NULL) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
  }
  for (int64_t row = 0; row < page->n_rows; row++)
    for (int column = 0; patch_at(page, row, column) != NULL; column++)
      if (patch_at(page, row, column)->picture == picture &&
          !put_patch(page, row, column, view, error))
        return false;
  return true;
}

static bool
has_patches(const Page *page, int picture)
{
  for (int64_t row = 0; row < page->n_rows; row++)
    for (int column = 0; patch_at(page, row, column) != NULL; column++)
      if (patch_at(page, row, column)->picture == picture)
        return true;
  return false;
}

static bool
put_pictures(const Page *page, GError **error)
{
  int count = nn_image_source_count(nn_effect_argument(page->run, "folder")->source);
  for (int i = 0; i < count; i++) {
    if (!has_patches(page, i))
      continue;
    NnReport report = {.fraction = NN_PATCHES_PROGRESS + (1 - NN_PATCHES_PROGRESS) * i / count,
                       .text = _("Cutting out patches")};
    if (nn_progress_report(page->run->progress, &report) == NN_CANCEL) {
      nn_set_cancelled(error);
      return false;
    }
    if (!put_picture(page, i, error))
      return false;
  }
  return true;
}

static bool
show_page(Page *page, GError **error)
{
  bool done = make_sheet(page, error) && put_pictures(page, error);
  if (done)
    nn_sheet_finish(g_steal_pointer(&page->sheet), page->run->results,
                    g_strdup_printf(_("Top patches of %s"), page->layer));
  nn_sheet_free(page->sheet);
  return done;
}

/* ---- the run ---- */

/* @named: the channels are those that the person wants, in this order */
static bool
show(NnEffectRun *run, const NnProbe *probe, const NnPatches *patches, bool named, GError **error)
{
  Page page = {.run = run,
               .patches = patches,
               .layer = nn_probe_name(probe),
               .cell_px = (int)nn_effect_argument(run, "cell-size")->i,
               .headed = nn_effect_argument(run, "captions")->i != 0};
  page.rows = nn_alloc((size_t)nn_patches_n_channels(patches), sizeof(Ranked), error);
  if (page.rows == NULL)
    return false;
  page.n_rows = list_channels(run, patches, named, page.rows);
  if (!named) {
    qsort(page.rows, (size_t)page.n_rows, sizeof(Ranked), compare_ranked);
    page.n_rows = MIN(page.n_rows, nn_effect_argument(run, "count")->i);
  }
  bool done = show_page(&page, error);
  nn_free(page.rows);
  char *refused = done ? nn_patches_refused(patches) : NULL;
  if (refused != NULL)
    nn_results_add(run->results, NN_PLACE_TEXT, NULL, refused);
  return done;
}

static bool
run_top_patches(NnEffectRun *run, GError **error)
{
  if (!nn_effect_check(run->effect, run->arguments, error) ||
      !nn_progress_begin(run->progress, _("Reading the network"), error))
    return false;
  NnImageSource *source = nn_effect_argument(run, "folder")->source;
  if (!nn_image_source_check_any(source, error))
    return false;
  g_autoptr(NnProbe) probe = nn_probe_new(nn_effect_argument(run, "network")->network, run->context,
                                          nn_effect_argument(run, "layer")->text, error);
  g_autoptr(GArray) channels = probe != NULL
                                   ? nn_parse_numbers(nn_effect_argument(run, "channels")->text,
                                                      nn_probe_name(probe), G_MAXINT, 0, error)
                                   : NULL;
  if (channels == NULL)
    return false;
  NnPatchSettings settings = {
      .channels = channels->len > 0 ? (const int *)(gpointer)channels->data : NULL,
      .n_channels = channels->len,
      .per_channel = (int)nn_effect_argument(run, "patches")->i,
      .per_picture = (int)nn_effect_argument(run, "per-picture")->i,
      .working_px = (int)nn_effect_argument(run, "working-size")->i,
  };
  g_autoptr(NnPatches) patches = nn_patches_find(probe, source, &settings, run->progress, error);
  return patches != NULL && show(run, probe, patches, channels->len > 0, error);
}

/* rows of the largest sheet that it may become; names that are not understood are told of later */
static double
count_rows(const NnEffectRun *run)
{
  g_autoptr(GArray) channels =
      nn_parse_numbers(nn_effect_argument(run, "channels")->text, "", G_MAXINT, 0, NULL);
  return channels != NULL && channels->len > 0 ? channels->len
                                               : (double)nn_effect_argument(run, "count")->i;
}

/* columns of the same: no more patches than all pictures together may have, and the rows' heads */
static double
count_columns(const NnEffectRun *run, const NnImageSource *source)
{
  double patches = (double)nn_effect_argument(run, "patches")->i;
  if (source != NULL)
    patches = MIN(patches, (double)nn_effect_argument(run, "per-picture")->i *
                               nn_image_source_count(source));
  return patches + (nn_effect_argument(run, "captions")->i != 0);
}

/* as if all pictures were square and each had as many patches to find as it may show; reading their
 * files is not counted */
static bool
estimate_top_patches(const NnEffectRun *run, int width, int height, NnEstimate *estimate,
                     GError **error)
{
  const NnImageSource *source = nn_effect_argument(run, "folder")->source;
  NnTargetChoice choice = {.kind = NN_TARGET_CHANNEL,
                           .layer = nn_effect_argument(run, "layer")->text};
  double passes = (double)nn_effect_argument(run, "per-picture")->i *
                  (source != NULL ? nn_image_source_count(source) : 0);
  int cell_px = (int)nn_effect_argument(run, "cell-size")->i;
  width = height = LARGE_PX;
  if (!nn_target_add_cost(run, &choice, &width, &height, (NnPasses){.forward = passes}, estimate,
                          error))
    return false;
  double cells = count_rows(run) * count_columns(run, source);
  nn_cost_add_held(estimate, nn_sheet_bytes((int64_t)cells, cell_px, cell_px));
  estimate->at_most = true;
  return true;
}

const NnEffect nn_effect_top_patches = {
    .id = "top-patches",
    .group = NN_GROUP_LOOK_INSIDE,
    .label = N_("Top _Patches..."),
    .blurb = N_("Show which parts of a folder's pictures excite the channels of a layer most"),
    .help =
        N_("Looks through a folder of pictures, or those that are open, for what the channels "
           "of a layer respond to most, and cuts it out: as much as the channel sees at the "
           "place where its value is highest, its receptive field. A row of the new image "
           "for each channel, the best first. What lies past a picture's border has the color "
           "of the paper. After Girshick, Donahue, Darrell and Malik, “Rich feature hierarchies "
           "for accurate object detection and semantic segmentation” (2014), and Zeiler and "
           "Fergus, “Visualizing and Understanding Convolutional Networks” (2014)."),
    .params = params,
    .content = NN_CONTENT_NONE,
    .no_output = true,
    .run = run_top_patches,
    .estimate = estimate_top_patches,
};
