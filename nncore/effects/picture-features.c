/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The means are those of a loss that sums up channels piece by piece, so pictures of any size will do.
 * Pictures of one size after another share an evaluator. */
#include "nncore/effects/picture-features.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/effects/cost.h"
#include "nncore/effects/target.h"
#include "nncore/effects/view.h"
#include "nncore/effects/working.h"

#define VERSION "1" /* of all between a file and its features that no other part of the key names */
#define LARGER 2 /* than what the network sees are pictures loaded: proportions may be 4:1 */
#define BETWEEN_REPORTS 64 /* pictures that are known */

const NnChoice nn_space_choices[] = {
    {"cosine", N_("Cosine")},
    {"euclidean", N_("Euclidean")},
    {NULL, NULL},
};

typedef struct {
  NnFeatureEntry entry;
  int number;
} Picture;

struct NnPictureFeatures {
  const NnEffectRun *run;
  const NnNetwork *network;
  NnContext *context;
  char *layer; /* tensor */
  int working_px;

  NnCriterion *criterion;
  NnEvaluator *evaluator;
  int width, height; /* the evaluator's, px */
  int64_t dimensions;

  NnImageSource *source;
  NnFeatureCache *cache;
  bool cache_is_wrong; /* it seems to have features of another number */
  GArray *pictures;
  GPtrArray *memory; /* nn_free() */
  GPtrArray *left_out; /* names */
  GError *first_failure;
  int computed; /* of the source */
  int64_t held_bytes; /* of the context's memory, for what is kept of all pictures */
  double fraction;
  NnVerdict verdict;
};

/* (transfer full): the tensor */
static char *
find_layer(const NnEffectRun *run, GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  const char *text = nn_effect_argument(run, "layer")->text;
  if (text[strspn(text, ", \t")] == '\0')
    return g_strdup(nn_network_features_target(network, error));
  g_autoptr(GArray) layers = nn_network_parse_layers(network, text, "", error);
  return layers != NULL ? g_strdup(g_array_index(layers, NnLayer, 0).name) : NULL;
}

double
nn_picture_features_bytes(int64_t count, int64_t dimensions)
{
  return (double)count *
         ((double)dimensions * sizeof(float) + 3.0 * NN_THUMBNAIL_PX * NN_THUMBNAIL_PX);
}

bool
nn_picture_features_add_cost(const NnEffectRun *run, int others, NnEstimate *estimate,
                             GError **error)
{
  const NnNetwork *network = nn_effect_argument(run, "network")->network;
  const NnImageSource *source = nn_effect_argument(run, "folder")->source;
  int count = source != NULL ? nn_image_source_count(source) : 0;
  int working_px = (int)nn_effect_argument(run, "working-size")->i;
  int side = working_px > 0 ? working_px : nn_network_own_px(network);
  g_autofree char *layer = find_layer(run, error);
  if (layer == NULL)
    return false;
  const char *layers[] = {layer, NULL};
  NnPasses passes = {.network = network,
                     .layers = layers,
                     .width = side,
                     .height = side,
                     .forward = count > 0 ? count + others : 0};
  estimate->at_most = true;
  if (!nn_cost_add_passes(estimate, run->context, &passes, error))
    return false;
  estimate->bytes += nn_picture_features_bytes(count, 0);
  return true;
}

NnPictureFeatures *
nn_picture_features_new(const NnEffectRun *run, GError **error)
{
  g_autoptr(NnPictureFeatures) self = g_new0(NnPictureFeatures, 1);
  self->run = run;
  self->network = nn_effect_argument(run, "network")->network;
  self->context = run->context;
  self->working_px = (int)nn_effect_argument(run, "working-size")->i;
  self->pictures = g_array_new(FALSE, FALSE, sizeof(Picture));
  self->memory = g_ptr_array_new_with_free_func(nn_free);
  self->left_out = g_ptr_array_new_with_free_func(g_free);
  self->layer = find_layer(run, error);
  return self->layer != NULL ? g_steal_pointer(&self) : NULL;
}

/* in place of what was held before */
static void
hold(NnPictureFeatures *self, int64_t bytes)
{
  nn_context_hold_memory(self->context, bytes - self->held_bytes);
  self->held_bytes = bytes;
}

void
nn_picture_features_close(NnPictureFeatures *features)
{
  g_clear_pointer(&features->evaluator, nn_evaluator_free);
  g_clear_pointer(&features->criterion, nn_criterion_free);
}

void
nn_picture_features_free(NnPictureFeatures *features)
{
  if (features == NULL)
    return;
  nn_picture_features_close(features);
  hold(features, 0);
  nn_feature_cache_free(features->cache);
  g_array_unref(features->pictures);
  g_ptr_array_unref(features->memory);
  g_ptr_array_unref(features->left_out);
  g_clear_error(&features->first_failure);
  g_free(features->layer);
  g_free(features);
}

/* ---- one picture ---- */

/* NnProceed: while a picture is worked on in tiles */
static bool
watch(gpointer data, double fraction)
{
  NnPictureFeatures *self = data;
  NnReport report = {.fraction = self->fraction};
  self->verdict = nn_progress_report(self->run->progress, &report);
  return self->verdict != NN_CANCEL;
}

static bool
read_network(NnPictureFeatures *self, GError **error)
{
  const char *layers[] = {self->layer};
  NnReport report = {.fraction = self->fraction, .text = _("Reading the network")};
  if (self->criterion != NULL)
    return true;
  if (nn_progress_report(self->run->progress, &report) == NN_CANCEL) {
    nn_set_cancelled(error);
    return false;
  }
  self->criterion = nn_criterion_new(self->network, self->context, layers, 1,
                                     (NnProgramOptions){.gradient = false}, error);
  if (self->criterion == NULL)
    return false;
  nn_criterion_add(self->criterion, 0, nn_loss_mean(), 1); /* until the channels are known */
  nn_criterion_watch(self->criterion, watch, self);
  return true;
}

/* the channels' number is that of the features so far, or becomes it */
static bool
check_channels(NnPictureFeatures *self, GError **error)
{
  NnShape shape = nn_evaluator_target_shape(self->evaluator, 0);
  if (!nn_check_channel(self->layer, &shape, 0, error))
    return false;
  if (self->dimensions != 0 && shape.dim[1] != self->dimensions) {
    self->cache_is_wrong = self->cache != NULL;
    g_set_error(
        error, NN_ERROR, NN_ERROR_ARGUMENT,
        _("What the layer %s says of pictures of different sizes cannot be compared. Choose "
          "a convolution or an activation."),
        self->layer);
    return false;
  }
  if (self->dimensions == 0 || !nn_loss_has_statistics(nn_criterion_loss(self->criterion, 0))) {
    NnLoss *means = nn_loss_strongest(shape.dim[1], error);
    if (means == NULL)
      return false;
    nn_criterion_set_loss(self->criterion, 0, means);
  }
  self->dimensions = shape.dim[1];
  return true;
}

/* @refused: (out): whether it is this picture's fault */
static bool
make_evaluator(NnPictureFeatures *self, const NnImage *view, bool *refused, GError **error)
{
  if (self->evaluator != NULL && self->width == view->width && self->height == view->height)
    return true;
  GError *failure = NULL;
  g_clear_pointer(&self->evaluator, nn_evaluator_free);
  self->evaluator = nn_criterion_evaluator(self->criterion, view->width, view->height, &failure);
  if (self->evaluator == NULL) {
    *refused = g_error_matches(failure, NN_ERROR, NN_ERROR_SHAPE);
    g_propagate_error(error, failure);
    return false;
  }
  self->width = view->width;
  self->height = view->height;
  return check_channels(self, error);
}

static bool
take_means(NnPictureFeatures *self, float *to, bool *refused, GError **error)
{
  const NnLoss *means = nn_criterion_loss(self->criterion, 0);
  for (int64_t c = 0; c < self->dimensions; c++) {
    to[c] = (float)nn_loss_strongest_mean(means, c);
    if (!isfinite(to[c])) {
      *refused = true;
      nn_network_set_not_finite(self->network, error);
      return false;
    }
  }
  return true;
}

/* the entry of one block of memory: features, then the small picture */
static bool
fill_entry(NnPictureFeatures *self, const NnImage *small, NnFeatureEntry *entry, bool *refused,
           GError **error)
{
  size_t samples = nn_image_samples(small), features = (size_t)self->dimensions * sizeof(float);
  char *memory = nn_alloc(features + samples, 1, error);
  if (memory == NULL)
    return false;
  g_ptr_array_add(self->memory, memory);
  uint8_t *thumbnail = (uint8_t *)memory + features;
  for (size_t i = 0; i < samples; i++)
    thumbnail[i] = (uint8_t)(small->data[i] * 255 + 0.5f);
  *entry = (NnFeatureEntry){.width = small->width,
                            .height = small->height,
                            .thumbnail = thumbnail,
                            .features = (float *)memory};
  return take_means(self, (float *)memory, refused, error);
}

static bool
look(NnPictureFeatures *self, const NnImage *picture, NnFeatureEntry *entry, bool *refused,
     GError **error)
{
  *refused = false;
  if (!read_network(self, error))
    return false;
  GError *failure = NULL;
  g_autoptr(NnImage) view =
      nn_view_new(self->network, self->context, nn_criterion_program(self->criterion), picture,
                  self->working_px, &failure);
  if (view == NULL) {
    *refused = g_error_matches(failure, NN_ERROR, NN_ERROR_ARGUMENT); /* nothing to be seen */
    g_propagate_error(error, failure);
    return false;
  }
  g_autoptr(NnImage) small = nn_working_picture(self->context, picture, NN_THUMBNAIL_PX, error);
  if (small == NULL || !make_evaluator(self, view, refused, error) ||
      !nn_criterion_observe(self->criterion, self->evaluator, view, error))
    return false;
  self->computed++;
  return fill_entry(self, small, entry, refused, error);
}

bool
nn_picture_features_look(NnPictureFeatures *features, const NnImage *picture, NnFeatureEntry *entry,
                         GError **error)
{
  bool refused;
  return look(features, picture, entry, &refused, error);
}

/* ---- what is kept ---- */

static void
append_bits(GString *key, float value)
{
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  g_string_append_printf(key, " %08x", bits);
}

/* longest side of the pictures that are loaded, px */
static int
loaded_px(const NnPictureFeatures *self)
{
  int seen = self->working_px > 0 ? self->working_px : LARGER * nn_network_own_px(self->network);
  return MAX(seen, NN_THUMBNAIL_PX);
}

/* (transfer full) (nullable): of what nothing can be kept there is no key */
static char *
make_key(const NnPictureFeatures *self, NnImageSource *source)
{
  const NnInputSpec *input = &self->network->input;
  const NnFileKey *file = &self->network->file;
  NnFileKey first = nn_image_source_key(source, 0);
  if (self->run->cache_folder == NULL || file->path == NULL || first.path == NULL)
    return NULL;
  GString *key = g_string_new(VERSION "\n");
  g_autofree char *folder = g_path_get_dirname(first.path);
  g_string_append_printf(key, "%s\n%s\n%" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n%s\n", folder,
                         file->path, file->bytes, file->modified_us, self->layer);
  g_string_append_printf(key, "%d %d %d %d %d %d", self->working_px, loaded_px(self),
                         nn_network_own_px(self->network), input->multiple, input->bgr,
                         (int)nn_context_isa(self->context));
  append_bits(key, input->range);
  for (int c = 0; c < 3; c++) {
    append_bits(key, input->mean[c]);
    append_bits(key, input->deviation[c]);
  }
  return g_string_free(key, FALSE);
}

/* the pictures of this run, and those that were known and that it did not come to */
static void
keep(NnPictureFeatures *self, NnImageSource *source, const char *key)
{
  g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(NnFeatureEntry));
  guint next = 0;
  for (int i = 0; i < nn_image_source_count(source); i++) {
    NnFileKey file = nn_image_source_key(source, i);
    const NnFeatureEntry *known = nn_feature_cache_find(self->cache, &file);
    if (next < self->pictures->len && g_array_index(self->pictures, Picture, next).number == i)
      known = &g_array_index(self->pictures, Picture, next++).entry;
    if (known != NULL)
      g_array_append_val(entries, *known);
  }
  nn_feature_cache_save(self->run->cache_folder, key, self->dimensions,
                        (const NnFeatureEntry *)entries->data, entries->len,
                        NN_FEATURE_CACHE_BYTES);
}

/* ---- all pictures ---- */

static void
add(NnPictureFeatures *self, const NnFeatureEntry *entry, NnFileKey file, int number)
{
  Picture picture = {*entry, number};
  picture.entry.file = file;
  g_array_append_val(self->pictures, picture);
}

static void
leave_out(NnPictureFeatures *self, const char *name, GError *failure)
{
  if (name != NULL)
    g_ptr_array_add(self->left_out, g_strdup(name));
  if (self->first_failure == NULL)
    self->first_failure = failure;
  else
    g_error_free(failure);
}

/* false where the run has to end */
static bool
load_and_look(NnPictureFeatures *self, NnImageSource *source, int number, GError **error)
{
  GError *failure = NULL;
  NnFeatureEntry entry;
  bool refused = false;
  g_autoptr(NnImage) picture = nn_image_source_load(source, number, loaded_px(self), &failure);
  if (picture == NULL && g_error_matches(failure, NN_ERROR, NN_ERROR_READ)) {
    leave_out(self, NULL, failure); /* its name is told by the host */
    return true;
  }
  if (picture != NULL && look(self, picture, &entry, &refused, &failure)) {
    add(self, &entry, nn_image_source_key(source, number), number);
    return true;
  }
  if (refused) {
    leave_out(self, nn_image_source_name(source, number), failure);
    return true;
  }
  g_propagate_error(error, failure);
  return false;
}

/* what all pictures take, once it is known what one does. An evaluator that was made when nobody held it
 * may have taken it: another one is made in what is left then. */
static bool
hold_all(NnPictureFeatures *self, int count, GError **error)
{
  double bytes = nn_picture_features_bytes(count, self->dimensions);
  hold(self, 0);
  if (bytes > (double)nn_context_memory_left(self->context))
    g_clear_pointer(&self->evaluator, nn_evaluator_free);
  if (bytes <= (double)nn_context_memory_left(self->context)) {
    hold(self, (int64_t)bytes);
    return true;
  }
  g_autofree char *size = g_format_size((guint64)bytes);
  g_set_error(
      error, NN_ERROR, NN_ERROR_MEMORY,
      _("What the layer %s says of %d pictures would take %s of memory. Choose a layer with "
        "fewer channels, or a folder with fewer pictures, or allow more memory."),
      self->layer, count, size);
  return false;
}

/* false where the person does not want more */
static bool
report_picture(NnPictureFeatures *self, NnImageSource *source, int number, bool known, double share)
{
  int count = nn_image_source_count(source);
  self->fraction = share * number / MAX(count, 1);
  if (known && number % BETWEEN_REPORTS != 0)
    return true;
  /* Translators: name of a picture, its number, how many there are */
  g_autofree char *text = g_strdup_printf(_("Looking at %s (%d of %d)"),
                                          nn_image_source_name(source, number), number + 1, count);
  NnReport report = {.fraction = self->fraction, .text = text};
  self->verdict = nn_progress_report(self->run->progress, &report);
  return self->verdict == NN_CONTINUE || (self->verdict == NN_STOP && self->pictures->len == 0);
}

static bool
gather(NnPictureFeatures *self, NnImageSource *source, double share, GError **error)
{
  int count = nn_image_source_count(source);
  for (int i = 0; i < count; i++) {
    NnFileKey file = nn_image_source_key(source, i);
    const NnFeatureEntry *known = nn_feature_cache_find(self->cache, &file);
    if (!report_picture(self, source, i, known != NULL, share))
      break;
    if (known != NULL)
      add(self, known, file, i);
    else if (!load_and_look(self, source, i, error))
      return false;
    if (self->pictures->len == 1 && !hold_all(self, count, error))
      return false;
  }
  if (self->verdict != NN_CANCEL)
    return true;
  nn_set_cancelled(error);
  return false;
}

static void
open_cache(NnPictureFeatures *self, const char *key)
{
  self->cache = nn_feature_cache_load(self->run->cache_folder, key);
  int64_t kept = self->cache != NULL ? nn_feature_cache_dimensions(self->cache) : 0;
  if (self->dimensions != 0 && kept != self->dimensions)
    g_clear_pointer(&self->cache, nn_feature_cache_free);
  else
    self->dimensions = kept;
}

/* that not all were left out */
static bool
check_left(NnPictureFeatures *self, GError **error)
{
  if (self->pictures->len > 0)
    return true;
  g_propagate_error(error, g_steal_pointer(&self->first_failure));
  return false;
}

/* once more without a cache that was wrong, which alone had said how many features there are */
static bool
gather_anew(NnPictureFeatures *self, NnImageSource *source, double share, GError **error)
{
  g_clear_error(error);
  g_array_set_size(self->pictures, 0);
  g_ptr_array_set_size(self->left_out, 0);
  g_clear_pointer(&self->cache, nn_feature_cache_free);
  g_clear_pointer(&self->evaluator, nn_evaluator_free);
  self->dimensions = 0;
  self->computed = 0;
  return gather(self, source, share, error);
}

bool
nn_picture_features_gather(NnPictureFeatures *features, NnImageSource *source, double share,
                           GError **error)
{
  if (!nn_image_source_check_any(source, error))
    return false;
  g_autofree char *key = make_key(features, source);
  GError *failure = NULL;
  int64_t own = features->dimensions; /* of pictures outside the source, which stay */
  features->source = source;
  features->computed = 0;
  if (key != NULL)
    open_cache(features, key);
  bool done = gather(features, source, share, &failure);
  if (!done && features->cache_is_wrong && own == 0)
    done = gather_anew(features, source, share, &failure);
  if (key != NULL && features->computed > 0)
    keep(features, source, key);
  if (failure != NULL)
    g_propagate_error(error, failure);
  return done && check_left(features, error);
}

int
nn_picture_features_count(const NnPictureFeatures *features)
{
  return (int)features->pictures->len;
}

const NnFeatureEntry *
nn_picture_features_at(const NnPictureFeatures *features, int index)
{
  return &g_array_index(features->pictures, Picture, index).entry;
}

int
nn_picture_features_number(const NnPictureFeatures *features, int index)
{
  return g_array_index(features->pictures, Picture, index).number;
}

int64_t
nn_picture_features_dimensions(const NnPictureFeatures *features)
{
  return features->dimensions;
}

const char *
nn_picture_features_layer(const NnPictureFeatures *features)
{
  return nn_network_layer_name(features->network, features->layer);
}

char *
nn_picture_features_tell(const NnPictureFeatures *features)
{
  g_autofree char *left_out = nn_image_source_tell_refused(features->left_out);
  GString *text = g_string_new(NULL);
  g_string_append_printf(text, _("Pictures: %d. Looked at in this run: %d. Layer: %s."),
                         nn_picture_features_count(features), features->computed,
                         nn_picture_features_layer(features));
  if (left_out != NULL)
    g_string_append_printf(text, "\n%s", left_out);
  return g_string_free(text, FALSE);
}

/* ---- vectors and small pictures ---- */

double
nn_feature_distance(const float *a, const float *b, int64_t dimensions, NnSpace space)
{
  double product = 0, a_squares = 0, b_squares = 0, squares = 0;
  for (int64_t k = 0; k < dimensions; k++) {
    double difference = (double)a[k] - b[k];
    product += (double)a[k] * b[k];
    a_squares += (double)a[k] * a[k];
    b_squares += (double)b[k] * b[k];
    squares += difference * difference;
  }
  if (space == NN_SPACE_EUCLIDEAN)
    return sqrt(squares);
  double lengths = sqrt(a_squares * b_squares);
  return lengths > 0 ? MAX(1 - product / lengths, 0) : 1;
}

NnImage *
nn_feature_entry_picture(NnContext *context, const NnFeatureEntry *entry, int longest_px,
                         GError **error)
{
  g_autoptr(NnImage) whole = nn_image_new(entry->width, entry->height, 4, error);
  if (whole == NULL)
    return NULL;
  for (size_t i = 0; i < nn_image_samples(whole); i++)
    whole->data[i] = i % 4 == 3 ? 1 : (float)entry->thumbnail[i / 4 * 3 + i % 4] / 255;
  return nn_working_picture(context, whole, longest_px, error);
}

/* (transfer full): NULL without an error where the file is gone */
static NnImage *
load_again(const NnPictureFeatures *self, int index, int longest_px, GError **error)
{
  GError *failure = NULL;
  g_autoptr(NnImage) picture = nn_image_source_load(
      self->source, nn_picture_features_number(self, index), longest_px, &failure);
  if (picture != NULL)
    return nn_working_picture(self->context, picture, longest_px, error);
  if (g_error_matches(failure, NN_ERROR, NN_ERROR_READ))
    g_error_free(failure);
  else
    g_propagate_error(error, failure);
  return NULL;
}

NnImage *
nn_picture_features_picture(const NnPictureFeatures *features, int index, int longest_px, bool load,
                            GError **error)
{
  GError *failure = NULL;
  NnImage *picture = NULL;
  if (load && longest_px > NN_THUMBNAIL_PX)
    picture = load_again(features, index, longest_px, &failure);
  if (failure != NULL)
    g_propagate_error(error, failure);
  else if (picture == NULL)
    picture = nn_feature_entry_picture(features->context, nn_picture_features_at(features, index),
                                       longest_px, error);
  return picture;
}
