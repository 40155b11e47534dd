/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pixels whose label is open are the nodes of a graph; their neighbours whose label is settled pull at
 * them like terminals. So one function cuts a whole picture, a band, or a strip of a band.
 *
 * Nodes are numbered row by row. Labels carry a flag while a pixel is open. */
#include "nncore/analysis/grab-cut.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#include "nncore/analysis/min-cut.h"
#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/sum.h"

#define OPEN 0x80
#define UNITS 1024 /* of capacity, to 1 of E */
#define MOST_COST 100000 /* of a pixel, in units of E */
#define GRAIN 4096
#define BAND_PX 3 /* on either side of the edge: one pixel of the coarser picture, and rounding */
#define MOST_NODES (1 << 20) /* of a strip */
#define SETTLED 0.001 /* changes over open pixels with which iterations end */

struct NnGrabCut {
  double smoothness;
  int iterations;
  NnGaussianMixture mixtures[2]; /* by label */
};

typedef struct {
  int x, y;
} Step;

/* those forward in the order of nodes, and then those back */
static const Step neighbours[] = {{1, 0},  {-1, 1}, {0, 1},  {1, 1},
                                  {-1, 0}, {1, -1}, {0, -1}, {-1, -1}};

typedef struct {
  NnContext *context;
  const NnImage *picture;
  const NnGrabCut *model;
  const NnProgress *progress;
  uint8_t *labels;
  double beta, fraction;
  const char *text; /* of the progress */
  bool stoppable;
  NnVerdict verdict;
  NnMinCut *cut;
  int64_t room; /* nodes */
  int64_t *pixels; /* of nodes */
  int32_t *costs; /* of nodes */
  int32_t *numbers[2]; /* nodes of this row's pixels and of the next one's; -1: none */
  int end; /* the row after those that are cut */
} Graph;

/* ---- what it costs ---- */

static double
distance2(const float *a, const float *b)
{
  double x = (double)a[0] - b[0], y = (double)a[1] - b[1], z = (double)a[2] - b[2];
  return x * x + y * y + z * z;
}

static double
sum_contrasts(int64_t begin, int64_t end, int worker, gpointer data)
{
  const NnImage *picture = data;
  double sum = 0;
  for (int64_t y = begin; y < end; y++)
    for (int x = 0; x < picture->width; x++)
      for (int k = 0; k < 4; k++) {
        int64_t i = y * picture->width + x, x1 = x + neighbours[k].x, y1 = y + neighbours[k].y;
        if (x1 >= 0 && x1 < picture->width && y1 < picture->height)
          sum += distance2(picture->data + 3 * i, picture->data + 3 * (y1 * picture->width + x1));
      }
  return sum;
}

static double
find_beta(NnContext *context, const NnImage *picture)
{
  double width = picture->width, height = picture->height;
  double pairs = 4 * width * height - 3 * (width + height) + 2;
  double sum = nn_parallel_sum(context, picture->height, 1 + GRAIN / picture->width, sum_contrasts,
                               (gpointer)picture);
  return sum > 0 ? pairs / (2 * sum) : 0;
}

/* of two neighbours of different labels */
static int32_t
edge_cost(const Graph *graph, int64_t i, int64_t j, int direction)
{
  const float *data = graph->picture->data;
  double contrast = exp(-graph->beta * distance2(data + 3 * i, data + 3 * j));
  bool slanting = neighbours[direction].x != 0 && neighbours[direction].y != 0;
  return (int32_t)lrint(UNITS * graph->model->smoothness * contrast * (slanting ? 1 / G_SQRT2 : 1));
}

/* how much more each node costs as background than as subject */
static void
find_costs(int64_t begin, int64_t end, int worker, gpointer data)
{
  const Graph *graph = data;
  const NnGaussianMixture *mixtures = graph->model->mixtures;
  for (int64_t n = begin; n < end; n++) {
    const float *rgb = graph->picture->data + 3 * graph->pixels[n];
    double more = nn_mixture_cost(&mixtures[NN_LABEL_BACKGROUND], rgb) -
                  nn_mixture_cost(&mixtures[NN_LABEL_SUBJECT], rgb);
    graph->costs[n] = (int32_t)lrint(UNITS * CLAMP(more, -MOST_COST, MOST_COST));
  }
}

/* ---- the graph ---- */

static void
graph_clear(Graph *graph)
{
  nn_min_cut_free(graph->cut);
  nn_free(graph->pixels);
  nn_free(graph->costs);
  nn_free(graph->numbers[0]);
  nn_free(graph->numbers[1]);
}

int64_t
nn_grab_cut_bytes(int64_t pixels)
{
  return nn_min_cut_bytes(pixels, 4 * pixels) + pixels * 12;
}

static bool
graph_check_budget(const Graph *graph, int64_t nodes, GError **error)
{
  int64_t bytes = nn_grab_cut_bytes(nodes), left = nn_context_memory_left(graph->context);
  if (bytes <= left)
    return true;
  g_autofree char *needed = g_format_size((guint64)bytes);
  g_autofree char *given = g_format_size((guint64)left);
  g_set_error(error, NN_ERROR, NN_ERROR_MEMORY,
              _("Cutting out the subject at this size takes %s, more than the %s that may be used. "
                "Choose a smaller working size, or allow more memory."),
              needed, given);
  return false;
}

/* room for @nodes nodes */
static bool
graph_init(Graph *graph, int64_t nodes, GError **error)
{
  size_t width = (size_t)graph->picture->width;
  graph->room = nodes;
  graph->beta = find_beta(graph->context, graph->picture);
  if (!graph_check_budget(graph, nodes, error))
    return false;
  graph->cut = nn_min_cut_new(nodes, 4 * nodes, error);
  if (graph->cut != NULL)
    graph->pixels = nn_alloc((size_t)nodes, sizeof *graph->pixels, error);
  if (graph->pixels != NULL)
    graph->costs = nn_alloc((size_t)nodes, sizeof *graph->costs, error);
  if (graph->costs != NULL)
    graph->numbers[0] = nn_alloc(width, sizeof **graph->numbers, error);
  if (graph->numbers[0] != NULL)
    graph->numbers[1] = nn_alloc(width, sizeof **graph->numbers, error);
  return graph->numbers[1] != NULL;
}

/* numbers the open pixels of a row from @next on. Returns: the next number */
static int32_t
number_row(const Graph *graph, int y, int32_t next, int32_t *numbers)
{
  int width = graph->picture->width;
  for (int x = 0; x < width; x++)
    numbers[x] = graph->labels[(int64_t)y * width + x] & OPEN ? next++ : -1;
  return next;
}

/* the edges of one node; @numbers: of its row's pixels and of the next one's, if that is cut with it */
static void
connect(Graph *graph, int x, int y, int32_t *const numbers[2])
{
  int width = graph->picture->width, height = graph->picture->height;
  int64_t i = (int64_t)y * width + x;
  for (int k = 0; k < (int)G_N_ELEMENTS(neighbours); k++) {
    int x1 = x + neighbours[k].x, y1 = y + neighbours[k].y;
    if (x1 < 0 || x1 >= width || y1 < 0 || y1 >= height)
      continue;
    int64_t j = (int64_t)y1 * width + x1;
    uint8_t label = graph->labels[j];
    if ((label & OPEN) != 0 && y1 >= graph->end)
      label &= (uint8_t)~OPEN;
    if ((label & OPEN) != 0 && k < 4)
      nn_min_cut_add_edge(graph->cut, numbers[0][x], numbers[y1 - y][x1], edge_cost(graph, i, j, k),
                          edge_cost(graph, i, j, k));
    else if (label == NN_LABEL_SUBJECT || label == NN_LABEL_BACKGROUND)
      nn_min_cut_add_cost(graph->cut, numbers[0][x],
                          edge_cost(graph, i, j, k) * (label == NN_LABEL_SUBJECT ? 1 : -1));
  }
}

/* the rows @first to @end - 1, whose open pixels are @nodes */
static void
build(Graph *graph, int first, int end, int64_t nodes)
{
  int width = graph->picture->width;
  int32_t next = number_row(graph, first, 0, graph->numbers[0]);
  graph->end = end;
  nn_parallel_for(graph->context, nodes, GRAIN, find_costs, graph);
  nn_min_cut_clear(graph->cut, nodes);
  for (int64_t n = 0; n < nodes; n++)
    nn_min_cut_add_cost(graph->cut, n, graph->costs[n]);
  for (int y = first; y < end; y++) {
    int32_t *const numbers[2] = {graph->numbers[(y - first) % 2],
                                 graph->numbers[(y - first + 1) % 2]};
    if (y + 1 < end)
      next = number_row(graph, y + 1, next, numbers[1]);
    for (int x = 0; x < width; x++)
      if (numbers[0][x] >= 0)
        connect(graph, x, y, numbers);
  }
}

static NnVerdict
report(Graph *graph, double fraction)
{
  NnReport news = {.fraction = fraction, .text = graph->text};
  graph->fraction = fraction;
  graph->verdict = nn_progress_report(graph->progress, &news);
  return graph->verdict;
}

static bool
proceed(gpointer data)
{
  Graph *graph = data;
  NnVerdict verdict = report(graph, graph->fraction);
  return verdict == NN_CONTINUE || (verdict == NN_STOP && !graph->stoppable);
}

/* Cuts the rows @first to @end - 1 and closes their pixels. @changed: (inout): counts those with a
 * label that is not the one before. Returns: false where told to end, and the labels are as before. */
static bool
cut_rows(Graph *graph, int first, int end, int64_t *changed)
{
  int width = graph->picture->width;
  int64_t nodes = 0;
  for (int64_t i = (int64_t)first * width; i < (int64_t)end * width; i++)
    if ((graph->labels[i] & OPEN) != 0)
      graph->pixels[nodes++] = i;
  build(graph, first, end, nodes);
  if (!nn_min_cut_solve(graph->cut, proceed, graph))
    return false;
  for (int64_t n = 0; n < nodes; n++) {
    uint8_t *label = &graph->labels[graph->pixels[n]];
    uint8_t found = nn_min_cut_is_source(graph->cut, n) ? NN_LABEL_SUBJECT : NN_LABEL_BACKGROUND;
    *changed += (*label & ~OPEN) != found;
    *label = found;
  }
  return true;
}

/* ---- a whole picture ---- */

static const uint8_t first_labels[] = {
    [NN_SEED_OPEN] = NN_LABEL_NONE,
    [NN_SEED_MAYBE_BACKGROUND] = NN_LABEL_BACKGROUND,
    [NN_SEED_MAYBE_SUBJECT] = NN_LABEL_SUBJECT,
    [NN_SEED_BACKGROUND] = NN_LABEL_BACKGROUND,
    [NN_SEED_SUBJECT] = NN_LABEL_SUBJECT,
    [NN_SEED_HOLE] = NN_LABEL_NONE,
};

static bool
check_labels(const uint8_t *labels, int64_t count, GError **error)
{
  bool found[2] = {false, false};
  for (int64_t i = 0; i < count; i++)
    if (labels[i] <= NN_LABEL_SUBJECT)
      found[labels[i]] = true;
  if (found[NN_LABEL_SUBJECT] && found[NN_LABEL_BACKGROUND])
    return true;
  g_set_error_literal(
      error, NN_ERROR, NN_ERROR_ARGUMENT,
      found[NN_LABEL_SUBJECT]
          ? _("There is nothing that could be background. Draw a rough selection around the "
              "subject that leaves some of the picture out.")
          : _("Nothing here differs enough from the background to be a subject. Draw a rough "
              "selection around it, or choose less smoothness."));
  return false;
}

/* the mixtures of the labels; new ones, or those that there are fitted again */
static void
learn(NnGrabCut *model, Graph *graph, int gaussians, uint8_t *members, bool new)
{
  for (int label = 0; label < 2; label++) {
    NnMixturePixels pixels = {graph->picture, graph->labels, (uint8_t)label, members};
    if (new) {
      nn_mixture_split(&model->mixtures[label], gaussians, &pixels);
      continue;
    }
    nn_mixture_assign(&model->mixtures[label], graph->context, &pixels);
    nn_mixture_learn(&model->mixtures[label], &pixels);
  }
}

static void
open_pixels(const uint8_t *seeds, uint8_t *labels, int64_t count)
{
  for (int64_t i = 0; i < count; i++)
    if (seeds[i] <= NN_SEED_MAYBE_SUBJECT)
      labels[i] |= OPEN;
}

static void
close_pixels(uint8_t *labels, int64_t count)
{
  for (int64_t i = 0; i < count; i++)
    labels[i] &= (uint8_t)~OPEN;
}

/* cuts and learns in turn; false on error */
static bool
iterate(NnGrabCut *model, Graph *graph, const uint8_t *seeds, const NnGrabCutSettings *settings,
        uint8_t *members, GError **error)
{
  int64_t count = (int64_t)graph->picture->width * graph->picture->height;
  for (int k = 0; k < settings->iterations; k++) {
    int64_t changed = 0;
    g_autofree char *text = g_strdup_printf(_("Cut %d of %d"), k + 1, settings->iterations);
    graph->text = text;
    if (report(graph, (double)k / settings->iterations) == NN_CANCEL)
      break;
    if (graph->stoppable && graph->verdict == NN_STOP)
      return true;
    learn(model, graph, settings->gaussians, members, k == 0);
    open_pixels(seeds, graph->labels, count);
    bool cut = cut_rows(graph, 0, graph->picture->height, &changed);
    close_pixels(graph->labels, count);
    if (!cut && graph->verdict == NN_CANCEL)
      break;
    if (!check_labels(graph->labels, count, error))
      return false;
    if (!cut)
      return true;
    model->iterations++;
    graph->stoppable = true;
    if ((double)changed <= SETTLED * (double)graph->room)
      return true;
  }
  if (graph->verdict == NN_CANCEL)
    nn_set_cancelled(error);
  return graph->verdict != NN_CANCEL;
}

void
nn_grab_cut_free(NnGrabCut *grab_cut)
{
  g_free(grab_cut);
}

int
nn_grab_cut_iterations(const NnGrabCut *grab_cut)
{
  return grab_cut->iterations;
}

NnGrabCut *
nn_grab_cut_new(NnContext *context, const NnImage *picture, const uint8_t *seeds,
                const NnGrabCutSettings *settings, const NnProgress *progress, uint8_t *labels,
                GError **error)
{
  g_autoptr(NnGrabCut) model = g_new0(NnGrabCut, 1);
  int64_t count = (int64_t)picture->width * picture->height, open = 0;
  model->smoothness = settings->smoothness;
  for (int64_t i = 0; i < count; i++) {
    labels[i] = first_labels[seeds[i]];
    open += seeds[i] <= NN_SEED_MAYBE_SUBJECT;
  }
  if (!check_labels(labels, count, error))
    return NULL;
  uint8_t *members = nn_alloc((size_t)count, 1, error);
  Graph graph = {.context = context,
                 .picture = picture,
                 .model = model,
                 .progress = progress,
                 .labels = labels};
  bool done = members != NULL && graph_init(&graph, open, error) &&
              iterate(model, &graph, seeds, settings, members, error);
  graph_clear(&graph);
  nn_free(members);
  return done ? g_steal_pointer(&model) : NULL;
}

/* ---- a band of a larger picture ---- */

/* the coarse label of a pixel */
static uint8_t
coarse_label(const Graph *graph, int x, int y, const uint8_t *coarse, int width, int height)
{
  int64_t x1 = (int64_t)x * width / graph->picture->width;
  int64_t y1 = (int64_t)y * height / graph->picture->height;
  return coarse[y1 * width + x1];
}

/* where the picture's own seeds say nothing, the coarse ones do */
static void
take_over(const Graph *graph, const uint8_t *seeds, const uint8_t *coarse, int width, int height)
{
  for (int y = 0; y < graph->picture->height; y++)
    for (int x = 0; x < graph->picture->width; x++) {
      int64_t i = (int64_t)y * graph->picture->width + x;
      uint8_t label = coarse_label(graph, x, y, coarse, width, height);
      if (seeds[i] > NN_SEED_MAYBE_SUBJECT)
        label = first_labels[seeds[i]];
      else if (label == NN_LABEL_NONE)
        label = NN_LABEL_BACKGROUND;
      graph->labels[i] = label;
    }
}

/* the pixels around (x, y) whose label the seeds leave open */
static void
open_around(const Graph *graph, const uint8_t *seeds, int x, int y)
{
  int width = graph->picture->width, height = graph->picture->height;
  for (int y1 = MAX(y - BAND_PX, 0); y1 <= MIN(y + BAND_PX, height - 1); y1++)
    for (int x1 = MAX(x - BAND_PX, 0); x1 <= MIN(x + BAND_PX, width - 1); x1++)
      if (seeds[(int64_t)y1 * width + x1] <= NN_SEED_MAYBE_SUBJECT)
        graph->labels[(int64_t)y1 * width + x1] |= OPEN;
}

static void
open_band(const Graph *graph, const uint8_t *seeds)
{
  int width = graph->picture->width, height = graph->picture->height;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int k = 0; k < 4; k++) {
        int x1 = x + neighbours[k].x, y1 = y + neighbours[k].y;
        if (x1 < 0 || x1 >= width || y1 >= height)
          continue;
        int own = graph->labels[(int64_t)y * width + x] & ~OPEN;
        int other = graph->labels[(int64_t)y1 * width + x1] & ~OPEN;
        if (own == other || own == NN_LABEL_NONE || other == NN_LABEL_NONE)
          continue;
        open_around(graph, seeds, x, y);
        open_around(graph, seeds, x1, y1);
      }
}

/* from the row @first on, with as many open pixels as fit. Returns: the row after it */
static int
find_strip(const Graph *graph, int first, int64_t *nodes)
{
  int width = graph->picture->width, y = first;
  for (*nodes = 0; y < graph->picture->height && *nodes < MOST_NODES; y++)
    for (int x = 0; x < width; x++)
      *nodes += (graph->labels[(int64_t)y * width + x] & OPEN) != 0;
  return y;
}

static bool
cut_band(Graph *graph, GError **error)
{
  int64_t most = 0, nodes, changed = 0;
  for (int y = 0; y < graph->picture->height; most = MAX(most, nodes))
    y = find_strip(graph, y, &nodes);
  if (!graph_init(graph, most, error))
    return false;
  for (int y = 0, end; y < graph->picture->height; y = end) {
    end = find_strip(graph, y, &nodes);
    if (report(graph, (double)y / graph->picture->height) == NN_CANCEL ||
        !cut_rows(graph, y, end, &changed)) {
      nn_set_cancelled(error);
      return false;
    }
  }
  return true;
}

bool
nn_grab_cut_refine(const NnGrabCut *grab_cut, NnContext *context, const NnImage *picture,
                   const uint8_t *seeds, const uint8_t *coarse, int width, int height,
                   const NnProgress *progress, uint8_t *labels, GError **error)
{
  Graph graph = {.context = context,
                 .picture = picture,
                 .model = grab_cut,
                 .progress = progress,
                 .text = _("Following the edges"),
                 .labels = labels};
  take_over(&graph, seeds, coarse, width, height);
  open_band(&graph, seeds);
  bool done = cut_band(&graph, error);
  graph_clear(&graph);
  return done;
}
