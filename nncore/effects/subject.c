/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Seeds, sizes, and from labels to a mask. */
#include "nncore/effects/subject.h"

#include <math.h>
#include <string.h>

#include "nncore/base/memory.h"
#include "nncore/effects/map-output.h"
#include "nncore/effects/working.h"
#include "nncore/image/blur.h"
#include "nncore/image/fill.h"
#include "nncore/image/quantile.h"
#include "nncore/image/resample.h"

#define CUT_PART 0.6         /* of the time that cutting at the working size takes */
#define SMOOTHING 0.02       /* deviation of the map's blur over the longer side */
#define SOFT_DEVIATIONS 2.563 /* between 10 % and 90 % of a blurred edge */

/* bytes a pixel: of the picture itself and of what is cut of it */
#define FILLED_BYTES 12
#define LEVEL_BYTES 2 /* seeds and labels */
#define CUT_BYTES 1   /* which Gaussian it is of */
#define MASK_BYTES 8  /* and what blurs it */

typedef struct {
  NnContext *context;
  const NnImage *content;
  const NnSubjectHints *hints;
  const NnSubjectSettings *settings;
  const NnProgress *progress;
  NnImage *filled; /* RGB, full size */
  float top;       /* the outline's highest value */
} Search;

/* the picture at one size; owned */
typedef struct {
  int width, height;
  NnImage *smaller;       /* NULL at full size */
  const NnImage *picture; /* RGB */
  uint8_t *seeds, *labels;
} Level;

static void
level_clear(Level *level)
{
  nn_image_free(level->smaller);
  nn_free(level->seeds);
  nn_free(level->labels);
  *level = (Level){0};
}

static bool
level_init(Level *level, const Search *search, int longest_px, GError **error)
{
  const NnImage *filled = search->filled;
  *level = (Level){.width = filled->width, .height = filled->height, .picture = filled};
  nn_working_size(longest_px, &level->width, &level->height);
  size_t count = (size_t)level->width * (size_t)level->height;
  if (level->width != filled->width || level->height != filled->height) {
    level->picture = level->smaller =
        nn_working_resized(search->context, filled, level->width, level->height, error);
    if (level->smaller == NULL)
      return false;
  }
  level->seeds = nn_alloc(count, 1, error);
  if (level->seeds != NULL)
    level->labels = nn_alloc(count, 1, error);
  return level->labels != NULL;
}

/* ---- seeds ---- */

static void
seed_holes(const Search *search, const Level *level)
{
  const NnImage *content = search->content;
  for (int y = 0; y < level->height; y++)
    for (int x = 0; x < level->width; x++) {
      int64_t x1 = (int64_t)((x + 0.5) * content->width / level->width);
      int64_t y1 = (int64_t)((y + 0.5) * content->height / level->height);
      bool opaque = content->data[4 * (y1 * content->width + x1) + 3] > 0;
      level->seeds[(int64_t)y * level->width + x] = opaque ? NN_SEED_OPEN : NN_SEED_HOLE;
    }
}

static bool
seed_by_outline(const Search *search, const Level *level, GError **error)
{
  const NnImage *outline = search->hints->outline;
  bool around = search->hints->meaning == NN_OUTLINE_AROUND;
  g_autoptr(NnImage) scaled =
      nn_working_resized(search->context, outline, level->width, level->height, error);
  for (size_t i = 0; scaled != NULL && i < nn_image_samples(scaled); i++) {
    bool selected = scaled->data[i] > 0.5f * search->top;
    if (level->seeds[i] != NN_SEED_HOLE)
      level->seeds[i] = around ? (selected ? NN_SEED_MAYBE_SUBJECT : NN_SEED_BACKGROUND)
                               : (selected ? NN_SEED_SUBJECT : NN_SEED_MAYBE_BACKGROUND);
  }
  return scaled != NULL;
}

/* (transfer full): the map at the level's size, without its grain */
static NnImage *
smooth_map(const Search *search, const Level *level, GError **error)
{
  g_autoptr(NnImage) map =
      nn_resample_new(search->context, search->hints->map, level->width, level->height, error);
  double sigma_px = SMOOTHING * MAX(level->width, level->height);
  g_autoptr(NnBlur) blur = NULL;
  if (map != NULL)
    blur = nn_blur_new(level->width, level->height, 1, sigma_px, error);
  if (blur == NULL)
    return NULL;
  nn_blur_run(blur, search->context, map);
  return g_steal_pointer(&map);
}

/* Returns: whether the map says anything */
static bool
seed_by_values(const NnSubjectHints *hints, const Level *level, const NnImage *map, float *sorted)
{
  size_t opaque = 0;
  for (size_t i = 0; i < nn_image_samples(map); i++)
    if (level->seeds[i] == NN_SEED_OPEN)
      sorted[opaque++] = map->data[i];
  if (opaque == 0)
    return true;
  nn_sort_values(sorted, opaque);
  if (!(sorted[opaque - 1] > 0))
    return false;
  float low = nn_quantile(sorted, opaque, hints->sure_background);
  float high = nn_quantile(sorted, opaque, 1 - hints->sure_subject);
  for (size_t i = 0; i < nn_image_samples(map); i++) {
    if (level->seeds[i] != NN_SEED_OPEN)
      continue;
    if (map->data[i] >= high && map->data[i] > 0)
      level->seeds[i] = NN_SEED_SUBJECT;
    else if (!(map->data[i] > low))
      level->seeds[i] = NN_SEED_BACKGROUND;
  }
  return true;
}

static bool
seed_by_map(const Search *search, const Level *level, GError **error)
{
  g_autoptr(NnImage) map = smooth_map(search, level, error);
  float *sorted = map != NULL ? nn_alloc(nn_image_samples(map), sizeof *sorted, error) : NULL;
  if (sorted == NULL)
    return false;
  bool says = seed_by_values(search->hints, level, map, sorted);
  nn_free(sorted);
  if (!says)
    nn_map_set_empty(error);
  return says;
}

/* a map is too coarse to say anything at larger sizes, an outline is not */
static bool
seed(const Search *search, const Level *level, bool first, GError **error)
{
  seed_holes(search, level);
  if (search->hints->outline != NULL)
    return seed_by_outline(search, level, error);
  return !first || seed_by_map(search, level, error);
}

/* ---- pieces ---- */

#define KEPT 0x80 /* flag of a label */

/* marks a subject's pixel, if it is one and is not marked yet, and puts it onto the stack */
static void
keep(const Level *level, int x, int y, uint32_t *stack, size_t *depth)
{
  size_t i = (size_t)y * (size_t)level->width + (size_t)x;
  if (level->labels[i] != NN_LABEL_SUBJECT)
    return;
  level->labels[i] |= KEPT;
  stack[(*depth)++] = (uint32_t)i;
}

static void
keep_around(const Level *level, uint32_t i, uint32_t *stack, size_t *depth)
{
  int x = (int)(i % (uint32_t)level->width), y = (int)(i / (uint32_t)level->width);
  for (int y1 = MAX(y - 1, 0); y1 <= MIN(y + 1, level->height - 1); y1++)
    for (int x1 = MAX(x - 1, 0); x1 <= MIN(x + 1, level->width - 1); x1++)
      keep(level, x1, y1, stack, depth);
}

/* pieces of the subject in which no seed lies become background */
static bool
drop_pieces(const Level *level, GError **error)
{
  size_t count = (size_t)level->width * (size_t)level->height, depth = 0;
  uint32_t *stack = nn_alloc(count, sizeof *stack, error);
  if (stack == NULL)
    return false;
  for (int y = 0; y < level->height; y++)
    for (int x = 0; x < level->width; x++)
      if (level->seeds[(size_t)y * (size_t)level->width + (size_t)x] == NN_SEED_SUBJECT)
        keep(level, x, y, stack, &depth);
  while (depth > 0)
    keep_around(level, stack[--depth], stack, &depth);
  for (size_t i = 0; i < count; i++) {
    bool kept = (level->labels[i] & KEPT) != 0;
    if (kept)
      level->labels[i] = NN_LABEL_SUBJECT;
    else if (level->labels[i] == NN_LABEL_SUBJECT)
      level->labels[i] = NN_LABEL_BACKGROUND;
  }
  nn_free(stack);
  return true;
}

/* ---- sizes ---- */

/* @level: (inout): becomes the next larger one */
static bool
refine_level(const Search *search, const NnGrabCut *grab_cut, int longest_px,
             const NnProgress *progress, Level *level, GError **error)
{
  Level larger;
  bool done =
      level_init(&larger, search, longest_px, error) && seed(search, &larger, false, error) &&
      nn_grab_cut_refine(grab_cut, search->context, larger.picture, larger.seeds, level->labels,
                         level->width, level->height, progress, larger.labels, error);
  level_clear(level);
  *level = larger;
  return done;
}

/* from the working size to the full one; the time goes as the pixels */
static bool
refine(const Search *search, const NnGrabCut *grab_cut, Level *level, GError **error)
{
  int full_px = MAX(search->content->width, search->content->height);
  int64_t longest_px = MAX(level->width, level->height);
  double done = 0;
  while (longest_px < full_px) {
    longest_px = MIN(2 * longest_px, full_px);
    double part = (double)longest_px / full_px;
    NnProgressPart own = {.progress = search->progress,
                          .from = CUT_PART + (1 - CUT_PART) * done,
                          .to = CUT_PART + (1 - CUT_PART) * part * part};
    NnProgress progress = nn_progress_of_part(&own);
    if (!refine_level(search, grab_cut, (int)longest_px, &progress, level, error))
      return false;
    done = part * part;
  }
  return true;
}

/* the first cut, at the working size */
static NnGrabCut *
begin(const Search *search, Level *level, GError **error)
{
  NnProgressPart own = {.progress = search->progress, .from = 0, .to = CUT_PART};
  NnProgress progress = nn_progress_of_part(&own);
  if (!level_init(level, search, search->settings->working_px, error) ||
      !seed(search, level, true, error))
    return NULL;
  g_autoptr(NnGrabCut) grab_cut =
      nn_grab_cut_new(search->context, level->picture, level->seeds, &search->settings->cut,
                      &progress, level->labels, error);
  bool drops = search->settings->seeded_only &&
               !(search->hints->outline != NULL && search->hints->meaning == NN_OUTLINE_AROUND);
  if (grab_cut == NULL || (drops && !drop_pieces(level, error)))
    return NULL;
  return g_steal_pointer(&grab_cut);
}

static NnImage *
make_mask(const Search *search, const Level *level, GError **error)
{
  g_autoptr(NnImage) mask = nn_image_new(level->width, level->height, 1, error);
  g_autoptr(NnBlur) blur = NULL;
  if (mask != NULL)
    blur = nn_blur_new(level->width, level->height, 1, search->settings->soft_px / SOFT_DEVIATIONS,
                       error);
  if (blur == NULL)
    return NULL;
  for (size_t i = 0; i < nn_image_samples(mask); i++)
    mask->data[i] = level->labels[i] == NN_LABEL_SUBJECT;
  nn_blur_run(blur, search->context, mask);
  return g_steal_pointer(&mask);
}

static float
find_top(const NnImage *outline)
{
  float top = 0;
  for (size_t i = 0; outline != NULL && i < nn_image_samples(outline); i++)
    top = MAX(top, outline->data[i]);
  return top;
}

/* at the end, when it is most: the mask is made of the labels */
double
nn_subject_held_bytes(int width, int height)
{
  return (double)(FILLED_BYTES + LEVEL_BYTES + MASK_BYTES) * width * height;
}

double
nn_subject_bytes(int width, int height, int working_px)
{
  int cut_width = width, cut_height = height;
  nn_working_size(working_px, &cut_width, &cut_height);
  int64_t pixels = (int64_t)cut_width * cut_height;
  bool smaller = cut_width != width || cut_height != height;
  double level = LEVEL_BYTES + CUT_BYTES + (smaller ? FILLED_BYTES : 0);
  double cut = level * (double)pixels + (double)nn_grab_cut_bytes(pixels);
  return MAX((double)FILLED_BYTES * width * height + cut, nn_subject_held_bytes(width, height));
}

/* (transfer full) */
static NnImage *
find_mask(Search *search, int *iterations, GError **error)
{
  Level level = {0};
  g_autoptr(NnGrabCut) grab_cut = begin(search, &level, error);
  NnImage *mask = NULL;
  if (grab_cut != NULL && refine(search, grab_cut, &level, error))
    mask = make_mask(search, &level, error);
  if (mask != NULL)
    *iterations = nn_grab_cut_iterations(grab_cut);
  level_clear(&level);
  return mask;
}

NnImage *
nn_subject_mask(NnContext *context, const NnImage *content, const NnSubjectHints *hints,
                const NnSubjectSettings *settings, const NnProgress *progress, int *iterations,
                GError **error)
{
  int64_t held = (int64_t)nn_subject_held_bytes(content->width, content->height);
  Search search = {.context = context,
                   .content = content,
                   .hints = hints,
                   .settings = settings,
                   .progress = progress,
                   .filled = nn_image_fill(content, error),
                   .top = find_top(hints->outline)};
  nn_context_hold_memory(context, held);
  NnImage *mask = search.filled != NULL ? find_mask(&search, iterations, error) : NULL;
  nn_context_hold_memory(context, -held);
  nn_image_free(search.filled);
  return mask;
}
