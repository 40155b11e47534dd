/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points keep their proportions on the paper, but fill a grid from side to side. */
#include "nncore/effects/picture-map.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>

#include "nncore/analysis/assignment.h"
#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/effects/sheet.h"

#define SMALLEST_PX 4
#define GAP(cell) MAX(1, (cell) / 24) /* between the pictures of a grid, px */

typedef struct {
  double low[2], high[2];
} Bounds;

/* of a grid that is in the middle of the paper */
typedef struct {
  int cell_px, columns, rows, left, top;
} Grid;

/* cells as large as they can be so that there are enough */
static Grid
find_grid(const NnMapLayout *layout, int count)
{
  Grid grid = {.cell_px = (int)sqrt((double)layout->width * layout->height / count)};
  while (grid.cell_px > 1 &&
         (int64_t)(layout->width / grid.cell_px) * (layout->height / grid.cell_px) < count)
    grid.cell_px--;
  grid.cell_px = MAX(grid.cell_px, 1);
  grid.columns = layout->width / grid.cell_px;
  grid.rows = MIN(layout->height / grid.cell_px, nn_divide_up(count, grid.columns));
  grid.left = (layout->width - grid.columns * grid.cell_px) / 2;
  grid.top = (layout->height - grid.rows * grid.cell_px) / 2;
  return grid;
}

bool
nn_map_layout_check(NnMapLayout *layout, int count, GError **error)
{
  int cell_px = find_grid(layout, count).cell_px;
  if (layout->grid)
    layout->picture_px = cell_px - GAP(cell_px);
  else if (layout->picture_px == 0)
    layout->picture_px = MAX(cell_px * 3 / 5, SMALLEST_PX);
  if (layout->picture_px >= SMALLEST_PX && layout->picture_px <= MIN(layout->width, layout->height))
    return true;
  g_set_error(error, NN_ERROR, NN_ERROR_ARGUMENT,
              _("On a map of %d x %d px, %d pictures would be %d px large. Choose another size of "
                "the map or of the pictures."),
              layout->width, layout->height, count, layout->picture_px);
  return false;
}

double
nn_map_grid_bytes(const NnMapLayout *layout, int count)
{
  Grid grid = find_grid(layout, count);
  return layout->grid ? (double)grid.columns * grid.rows * count * sizeof(float) : 0;
}

static Bounds
find_bounds(const double *points, int count)
{
  Bounds bounds = {{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
  for (int i = 0; i < 2 * count; i++) {
    bounds.low[i % 2] = MIN(bounds.low[i % 2], points[i]);
    bounds.high[i % 2] = MAX(bounds.high[i % 2], points[i]);
  }
  return bounds;
}

static void
place_at_points(const NnMapLayout *layout, const double *points, int count, double *centres)
{
  Bounds bounds = find_bounds(points, count);
  const int sizes[] = {layout->width, layout->height};
  double scale = INFINITY;
  for (int k = 0; k < 2; k++)
    if (bounds.high[k] > bounds.low[k])
      scale = MIN(scale, (sizes[k] - layout->picture_px) / (bounds.high[k] - bounds.low[k]));
  if (isinf(scale))
    scale = 0;
  for (int i = 0; i < 2 * count; i++)
    centres[i] =
        sizes[i % 2] / 2.0 + scale * (points[i] - (bounds.low[i % 2] + bounds.high[i % 2]) / 2);
}

/* squares of the ways from the points, stretched over the grid, to the cells; in cells */
static void
fill_costs(const Grid *grid, const double *points, int count, float *costs)
{
  Bounds bounds = find_bounds(points, count);
  const int cells[] = {grid->columns, grid->rows};
  for (int i = 0; i < count; i++) {
    double at[2];
    for (int k = 0; k < 2; k++) {
      double extent = bounds.high[k] - bounds.low[k];
      double along = extent > 0 ? (points[2 * i + k] - bounds.low[k]) / extent : 0.5;
      at[k] = along * (cells[k] - 1);
    }
    for (int cell = 0; cell < grid->columns * grid->rows; cell++) {
      double dx = at[0] - cell % grid->columns, dy = at[1] - cell / grid->columns;
      costs[(size_t)i * (size_t)(grid->columns * grid->rows) + (size_t)cell] =
          (float)(dx * dx + dy * dy);
    }
  }
}

static bool
place_on_grid(const NnMapLayout *layout, const double *points, int count, double *centres,
              NnProceed proceed, gpointer data, GError **error)
{
  Grid grid = find_grid(layout, count);
  int cells = grid.columns * grid.rows;
  bool ended = false, done = false;
  float *costs = nn_alloc((size_t)count * (size_t)cells, sizeof(float), error);
  int *cell_of = nn_alloc((size_t)count, sizeof(int), costs != NULL ? error : NULL);
  if (costs != NULL && cell_of != NULL) {
    fill_costs(&grid, points, count, costs);
    done = nn_assign(costs, count, cells, cell_of, proceed, data, &ended, error);
  }
  for (int i = 0; done && !ended && i < count; i++) {
    centres[2 * i] = grid.left + (cell_of[i] % grid.columns + 0.5) * grid.cell_px;
    centres[2 * i + 1] = grid.top + (cell_of[i] / grid.columns + 0.5) * grid.cell_px;
  }
  nn_free(costs);
  nn_free(cell_of);
  return done;
}

bool
nn_map_place(const NnMapLayout *layout, const double *points, int count, double *centres,
             NnProceed proceed, gpointer data, GError **error)
{
  place_at_points(layout, points, count, centres);
  return !layout->grid || place_on_grid(layout, points, count, centres, proceed, data, error);
}

/* ---- drawing ---- */

typedef struct {
  double x, y;
  int index;
} Spot;

static int
compare_spots(const void *a, const void *b)
{
  const Spot *x = a, *y = b;
  if (x->y != y->y)
    return x->y < y->y ? -1 : 1;
  if (x->x != y->x)
    return x->x < y->x ? -1 : 1;
  return x->index - y->index;
}

/* (transfer full): in the order in which pictures are laid */
static Spot *
sort_spots(const double *centres, int count, GError **error)
{
  Spot *spots = nn_alloc((size_t)count, sizeof(Spot), error);
  for (int i = 0; spots != NULL && i < count; i++)
    spots[i] = (Spot){centres[2 * i], centres[2 * i + 1], i};
  if (spots != NULL)
    qsort(spots, (size_t)count, sizeof(Spot), compare_spots);
  return spots;
}

static void
lay(NnImage *paper, const NnImage *picture, const Spot *spot)
{
  int left = (int)lround(spot->x - picture->width / 2.0);
  int top = (int)lround(spot->y - picture->height / 2.0);
  nn_paper_lay(paper, picture, CLAMP(left, 0, paper->width - picture->width),
               CLAMP(top, 0, paper->height - picture->height));
}

NnImage *
nn_map_draw(const NnMapLayout *layout, NnContext *context, const NnPictureFeatures *features,
            const double *centres, bool load, NnProceed proceed, gpointer data, GError **error)
{
  int count = nn_picture_features_count(features);
  g_autoptr(NnImage) paper = nn_paper_new(layout->width, layout->height, error);
  Spot *spots = paper != NULL ? sort_spots(centres, count, error) : NULL;
  bool done = spots != NULL;
  for (int i = 0; done && i < count; i++) {
    bool on = proceed == NULL || proceed(data, (double)i / count);
    load = load && on;
    g_autoptr(NnImage) picture =
        nn_picture_features_picture(features, spots[i].index, layout->picture_px, load, error);
    done = picture != NULL;
    if (done)
      lay(paper, picture, &spots[i]);
  }
  nn_free(spots);
  return done ? g_steal_pointer(&paper) : NULL;
}
