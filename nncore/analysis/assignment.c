/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Things are added one by one. Prices of things u and of places v keep all reduced costs c - u - v at
 * least 0, and those of what is assigned at 0; the cheapest way for a new thing to a free place, by
 * way of things that move on, is then a shortest path (Dijkstra), along which all move by one.
 * Ties go to the place with the lower number. */
#include "nncore/analysis/assignment.h"

#include <math.h>

#include "nncore/base/memory.h"

#define NONE (-1)

typedef struct {
  const float *costs;
  int things, places;
  double *thing_price, *place_price;
  double *distance; /* by place: of the shortest path to it */
  int *thing_at; /* by place, or NONE */
  int *before; /* by place: the thing from which the path comes to it */
  int *open; /* places that no shortest path is known of yet */
  int *place_of;
} Assignment;

static bool
allocate(Assignment *self, GError **error)
{
  size_t things = (size_t)self->things, places = (size_t)self->places;
  return (self->thing_price = nn_alloc0(things, sizeof(double), error)) != NULL &&
         (self->place_price = nn_alloc0(places, sizeof(double), error)) != NULL &&
         (self->distance = nn_alloc(places, sizeof(double), error)) != NULL &&
         (self->thing_at = nn_alloc(places, sizeof(int), error)) != NULL &&
         (self->before = nn_alloc(places, sizeof(int), error)) != NULL &&
         (self->open = nn_alloc(places, sizeof(int), error)) != NULL;
}

static void
clear(Assignment *self)
{
  nn_free(self->thing_price);
  nn_free(self->place_price);
  nn_free(self->distance);
  nn_free(self->thing_at);
  nn_free(self->before);
  nn_free(self->open);
}

/* paths that go on from @thing, which is reached at @length. Returns: where in self->open the nearest
 * open place is */
static int
look_from(Assignment *self, int thing, double length, int n_open)
{
  const float *costs = self->costs + (size_t)thing * (size_t)self->places;
  int nearest = NONE;
  for (int k = 0; k < n_open; k++) {
    int place = self->open[k];
    double through = length + costs[place] - self->thing_price[thing] - self->place_price[place];
    if (through < self->distance[place]) {
      self->distance[place] = through;
      self->before[place] = thing;
    }
    if (nearest == NONE || self->distance[place] < self->distance[self->open[nearest]] ||
        (self->distance[place] == self->distance[self->open[nearest]] &&
         place < self->open[nearest]))
      nearest = k;
  }
  return nearest;
}

/* Returns: the free place that is nearest to @thing; @n_open: (out): places that are not nearer */
static int
find_path(Assignment *self, int thing, int *n_open)
{
  for (int place = 0; place < self->places; place++) {
    self->open[place] = place;
    self->distance[place] = INFINITY;
    self->before[place] = thing; /* what costs no number is reached from there as well */
  }
  *n_open = self->places;
  double length = 0;
  for (;;) {
    int k = look_from(self, thing, length, *n_open), place = self->open[k];
    length = self->distance[place];
    self->open[k] = self->open[--*n_open];
    self->open[*n_open] = place;
    if (self->thing_at[place] == NONE)
      return place;
    thing = self->thing_at[place];
  }
}

/* so that reduced costs along the path to @end are 0, and none is below */
static void
set_prices(Assignment *self, int thing, int end, int n_open)
{
  double length = self->distance[end];
  self->thing_price[thing] += length;
  for (int k = n_open; k < self->places; k++) {
    int place = self->open[k];
    if (place == end)
      continue;
    self->place_price[place] -= length - self->distance[place];
    self->thing_price[self->thing_at[place]] += length - self->distance[place];
  }
}

static void
add_thing(Assignment *self, int thing)
{
  int n_open, place = find_path(self, thing, &n_open), mover;
  set_prices(self, thing, place, n_open);
  do {
    mover = self->before[place];
    self->thing_at[place] = mover;
    int left = self->place_of[mover];
    self->place_of[mover] = place;
    place = left;
  } while (mover != thing);
}

bool
nn_assign(const float *costs, int things, int places, int *place_of, NnProceed proceed,
          gpointer data, bool *ended, GError **error)
{
  Assignment self = {.costs = costs, .things = things, .places = places, .place_of = place_of};
  g_return_val_if_fail(things <= places, false);
  bool allocated = allocate(&self, error);
  *ended = false;
  for (int i = 0; allocated && i < places; i++)
    self.thing_at[i] = NONE;
  for (int i = 0; i < things; i++)
    place_of[i] = NONE;
  for (int i = 0; allocated && !*ended && i < things; i++) {
    *ended = proceed != NULL && !proceed(data, (double)i / things);
    if (!*ended)
      add_thing(&self, i);
  }
  clear(&self);
  return allocated;
}
