/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A list of the best for each channel, kept sorted; where several patches of a picture count, it is
 * looked at again without the surroundings of those found, as long as that brings anything. */
#include "nncore/effects/patches.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/analysis/inventory.h"
#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/effects/view.h"

#define LOAD_MARGIN 4 /* longest side over that of the square that the network was made for */

/** Best: of a channel. @sum, @squares: over pictures, of their highest values. */
typedef struct {
  int64_t channel;
  NnPatch *patches; /* per_channel of them, n count */
  int n;
  double sum, squares;
} Best;

struct NnPatches {
  NnProbe *probe;
  NnImageSource *source;
  NnPatchSettings settings;
  const NnProgress *progress;
  NnLoss *peaks; /* the probe's, once there was a picture */
  Best *best;
  NnPatch *all; /* what best's patches point into */
  int64_t n_channels, n_watched;
  int looked_at;
  GPtrArray *refused; /* names */
  NnReceptiveField field; /* at the next two's size */
  int width, height;
  int picture, pass; /* at hand */
  NnVerdict verdict;
};

void
nn_patches_free(NnPatches *patches)
{
  if (patches == NULL)
    return;
  nn_free(patches->best);
  nn_free(patches->all);
  g_ptr_array_unref(patches->refused);
  g_free(patches);
}

int64_t
nn_patches_n_channels(const NnPatches *patches)
{
  return patches->n_watched;
}

int64_t
nn_patches_channel(const NnPatches *patches, int64_t index)
{
  return patches->best[index].channel;
}

const NnPatch *
nn_patches_of(const NnPatches *patches, int64_t index, int *n)
{
  *n = patches->best[index].n;
  return patches->best[index].patches;
}

double
nn_patches_distinction(const NnPatches *patches, int64_t index)
{
  const Best *best = &patches->best[index];
  double mean = best->sum / MAX(patches->looked_at, 1), kept = 0;
  double variance = best->squares / MAX(patches->looked_at, 1) - mean * mean;
  for (int i = 0; i < best->n; i++)
    kept += (double)best->patches[i].peak.value / best->n;
  return best->n > 0 && variance > 0 ? (kept - mean) / sqrt(variance) : 0;
}

char *
nn_patches_refused(const NnPatches *patches)
{
  return nn_image_source_tell_refused(patches->refused);
}

/* ---- pictures ---- */

static void
refuse(NnPatches *patches, int picture)
{
  const char *name = nn_image_source_name(patches->source, picture);
  g_ptr_array_add(patches->refused, g_strdup(name));
}

/* @refused: (out): the picture can be read, but not be looked at; NULL without an error then, or where
 * it cannot be read */
static NnImage *
load_view(const NnPatches *patches, int picture, bool *refused, GError **error)
{
  g_autoptr(GError) failure = NULL;
  int working_px = patches->settings.working_px;
  int longest = working_px > 0 ? working_px : LOAD_MARGIN * nn_probe_own_px(patches->probe);
  g_autoptr(NnImage) content = nn_image_source_load(patches->source, picture, longest, &failure);
  NnImage *view =
      content != NULL ? nn_probe_view(patches->probe, content, working_px, &failure) : NULL;
  *refused = content != NULL && g_error_matches(failure, NN_ERROR, NN_ERROR_ARGUMENT);
  if (view == NULL && !*refused && !g_error_matches(failure, NN_ERROR, NN_ERROR_READ))
    g_propagate_error(error, g_steal_pointer(&failure));
  return view;
}

NnImage *
nn_patches_view(const NnPatches *patches, int picture, GError **error)
{
  bool refused;
  return load_view(patches, picture, &refused, error);
}

/* ---- what a place sees ---- */

static bool
find_field(NnPatches *patches, const NnImage *view, GError **error)
{
  if (patches->width == view->width && patches->height == view->height)
    return true;
  g_autoptr(NnInventory) inventory =
      nn_probe_inventory(patches->probe, view->width, view->height, error);
  if (inventory == NULL)
    return false;
  NnValueId layer = nn_graph_find(inventory->graph, nn_probe_layer(patches->probe));
  patches->field = inventory->fields[layer];
  patches->width = view->width;
  patches->height = view->height;
  return true;
}

/* the pixels along @axis that place @unit sees, of @size */
static void
see(const NnReceptiveField *field, int axis, int64_t unit, int size, int *begin, int *length)
{
  int64_t first = 0, last = size - 1;
  if (!field->none && !field->reach.everywhere) {
    nn_receptive_field_pixels(field, axis, unit, &first, &last);
    if (last - first >= size) {
      first = CLAMP(first, 0, size - 1);
      last = CLAMP(last, first, size - 1);
    }
  }
  *begin = (int)first;
  *length = (int)(last - first + 1);
}

static NnRectangle
box_of(const NnPatches *patches, const NnPeak *peak)
{
  NnRectangle box;
  see(&patches->field, 0, peak->y, patches->height, &box.y, &box.height);
  see(&patches->field, 1, peak->x, patches->width, &box.x, &box.width);
  return box;
}

/* the places that are nearer to @peak than half a field */
static NnBox
surroundings(const NnPatches *patches, const NnPeak *peak)
{
  const NnReceptiveField *field = &patches->field;
  NnBox box = {{0, 0}, {G_MAXINT64, G_MAXINT64}};
  if (field->none || field->reach.everywhere)
    return box;
  for (int a = 0; a < 2; a++) {
    double stride = fabs(field->reach.stride[a]);
    double half = (double)nn_receptive_field_size(field, a) / 2;
    int64_t unit = a == 0 ? peak->y : peak->x;
    int64_t reach = stride > 0 ? MAX((int64_t)ceil(half / stride), 1) : G_MAXINT32;
    box.begin[a] = unit - reach + 1;
    box.end[a] = unit + reach;
  }
  return box;
}

NnImage *
nn_patch_cut(const NnPatch *patch, const NnImage *view, float fill, GError **error)
{
  const NnRectangle *box = &patch->box;
  NnImage *image = nn_image_new(box->width, box->height, 3, error);
  for (int y = 0; image != NULL && y < box->height; y++)
    for (int x = 0; x < box->width; x++) {
      int row = box->y + y, column = box->x + x;
      float *pixel = image->data + ((size_t)y * (size_t)box->width + (size_t)x) * 3;
      if (row >= 0 && row < view->height && column >= 0 && column < view->width)
        memcpy(pixel, view->data + ((size_t)row * (size_t)view->width + (size_t)column) * 3,
               3 * sizeof(float));
      else
        pixel[0] = pixel[1] = pixel[2] = fill;
    }
  return image;
}

/* ---- the best ---- */

/* whether it is one of them */
static bool
insert(NnPatches *patches, Best *best, const NnPeak *peak)
{
  int most = patches->settings.per_channel;
  if (!isfinite(peak->value) || peak->value == 0 ||
      (best->n == most && peak->value <= best->patches[most - 1].peak.value))
    return false;
  int at = best->n < most ? best->n++ : most - 1;
  for (; at > 0 && best->patches[at - 1].peak.value < peak->value; at--)
    best->patches[at] = best->patches[at - 1];
  best->patches[at] = (NnPatch){.picture = patches->picture,
                                .width = patches->width,
                                .height = patches->height,
                                .peak = *peak,
                                .box = box_of(patches, peak)};
  return true;
}

/* whether any channel found something */
static bool
take_peaks(NnPatches *patches)
{
  bool found = false, again = patches->pass + 1 < patches->settings.per_picture;
  for (int64_t i = 0; i < patches->n_watched; i++) {
    Best *best = &patches->best[i];
    NnPeak peak = *nn_loss_peaks_at(patches->peaks, best->channel);
    if (patches->pass == 0 && isfinite(peak.value)) {
      best->sum += peak.value;
      best->squares += (double)peak.value * (double)peak.value;
    }
    if (!insert(patches, best, &peak))
      continue;
    found = true;
    NnBox around = surroundings(patches, &peak);
    if (again)
      nn_loss_peaks_exclude(patches->peaks, best->channel, &around);
  }
  return found;
}

/* ---- the pass over the pictures ---- */

static bool
proceed(gpointer data, double fraction)
{
  NnPatches *patches = data;
  int count = nn_image_source_count(patches->source);
  g_autofree char *text = g_strdup_printf(_("Picture %d of %d"), patches->picture + 1, count);
  double within = (patches->pass + fraction) / patches->settings.per_picture;
  NnReport report = {.fraction = NN_PATCHES_PROGRESS * (patches->picture + within) / count,
                     .text = text};
  NnVerdict verdict = nn_progress_report(patches->progress, &report);
  patches->verdict = MAX(patches->verdict, verdict);
  return verdict != NN_CANCEL;
}

static bool
look_at(NnPatches *patches, const NnImage *view, GError **error)
{
  nn_loss_peaks_include(patches->peaks);
  for (patches->pass = 0; patches->pass < patches->settings.per_picture; patches->pass++) {
    if (!nn_probe_observe(patches->probe, view, error))
      return false;
    if (!take_peaks(patches))
      break;
  }
  patches->pass = 0;
  patches->looked_at++;
  return true;
}

static bool
watch_channels(NnPatches *patches, GError **error)
{
  const NnPatchSettings *settings = &patches->settings;
  size_t most = (size_t)settings->per_channel;
  patches->n_watched = settings->channels != NULL ? settings->n_channels : patches->n_channels;
  patches->best = nn_alloc0((size_t)patches->n_watched, sizeof(Best), error);
  if (patches->best != NULL)
    patches->all = nn_alloc0((size_t)patches->n_watched, most * sizeof(NnPatch), error);
  for (int64_t i = 0; patches->all != NULL && i < patches->n_watched; i++) {
    int64_t channel = settings->channels != NULL ? settings->channels[i] : i;
    if (!nn_check_channel(nn_probe_name(patches->probe), &NN_SHAPE(1, patches->n_channels), channel,
                          error))
      return false;
    patches->best[i] = (Best){.channel = channel, .patches = patches->all + (size_t)i * most};
  }
  return patches->all != NULL;
}

/* whether the probe is ready for pictures like @view; @refused: (out): the network takes none */
static bool
open_probe(NnPatches *patches, const NnImage *view, bool *refused, GError **error)
{
  g_autoptr(GError) failure = NULL;
  int64_t channels;
  int height, width;
  bool opened = nn_probe_open(patches->probe, view->width, view->height, &failure);
  *refused = g_error_matches(failure, NN_ERROR, NN_ERROR_SHAPE);
  if (!opened && !*refused)
    g_propagate_error(error, g_steal_pointer(&failure));
  if (!opened)
    return *refused;
  nn_probe_size(patches->probe, &channels, &height, &width);
  if (patches->peaks != NULL) {
    *refused = channels != patches->n_channels;
    return true;
  }
  patches->n_channels = channels;
  if (!watch_channels(patches, error))
    return false;
  patches->peaks = nn_loss_peaks(channels, patches->settings.per_picture, error);
  if (patches->peaks != NULL)
    nn_probe_set_loss(patches->probe, patches->peaks);
  return patches->peaks != NULL;
}

static bool
take_picture(NnPatches *patches, GError **error)
{
  g_autoptr(GError) failure = NULL;
  bool refused, fits = false;
  g_autoptr(NnImage) view = load_view(patches, patches->picture, &refused, &failure);
  if (view != NULL)
    fits = open_probe(patches, view, &refused, &failure);
  if (failure != NULL) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
  }
  if (refused)
    refuse(patches, patches->picture);
  if (!fits || refused)
    return true;
  return find_field(patches, view, error) && look_at(patches, view, error);
}

static bool
take_pictures(NnPatches *patches, GError **error)
{
  int count = nn_image_source_count(patches->source);
  for (int i = 0; i < count && patches->verdict == NN_CONTINUE; i++) {
    patches->picture = i;
    if (!proceed(patches, 0)) {
      nn_set_cancelled(error);
      return false;
    }
    if (!take_picture(patches, error))
      return false;
  }
  return true;
}

NnPatches *
nn_patches_find(NnProbe *probe, NnImageSource *source, const NnPatchSettings *settings,
                const NnProgress *progress, GError **error)
{
  g_autoptr(NnPatches) patches = g_new0(NnPatches, 1);
  *patches = (NnPatches){.probe = probe,
                         .source = source,
                         .settings = *settings,
                         .progress = progress,
                         .refused = g_ptr_array_new_with_free_func(g_free)};
  nn_probe_watch(probe, proceed, patches);
  bool taken = take_pictures(patches, error);
  nn_probe_watch(probe, NULL, NULL);
  if (!taken)
    return NULL;
  if (patches->looked_at > 0)
    return g_steal_pointer(&patches);
  g_set_error_literal(error, NN_ERROR, NN_ERROR_ARGUMENT,
                      _("There are no pictures that could be looked at. Choose another folder."));
  return NULL;
}
