/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear assignment against all permutations, for all small sizes; against its own dual, which proves
 * the optimum without them, for a larger one; ties; an end that comes early. */
#include <math.h>
#include <string.h>

#include "nncore/analysis/assignment.h"
#include "nncore/base/random.h"

enum { MOST = 7, LARGE = 200 };

static void
fill(float *costs, int count, uint64_t seed, int levels)
{
  for (int i = 0; i < count; i++)
    costs[i] = (float)(nn_random_at(seed, (uint64_t)i) % (uint64_t)levels) / 16;
}

/* the least sum over the things from @thing on, of places not in @taken */
static double
try_all(const float *costs, int things, int places, int thing, unsigned taken)
{
  if (thing == things)
    return 0;
  double least = INFINITY;
  for (int place = 0; place < places; place++)
    if (!(taken >> place & 1))
      least = MIN(least, costs[thing * places + place] +
                             try_all(costs, things, places, thing + 1, taken | 1u << place));
  return least;
}

/* the sum; every place is taken once at most */
static double
sum_up(const float *costs, int things, int places, const int *place_of)
{
  g_autofree bool *taken = g_new0(bool, places);
  double sum = 0;
  for (int i = 0; i < things; i++) {
    g_assert_cmpint(place_of[i], >=, 0);
    g_assert_cmpint(place_of[i], <, places);
    g_assert_false(taken[place_of[i]]);
    taken[place_of[i]] = true;
    sum += costs[i * places + place_of[i]];
  }
  return sum;
}

static void
assign(const float *costs, int things, int places, int *place_of)
{
  g_autoptr(GError) error = NULL;
  bool ended = true;
  g_assert_true(nn_assign(costs, things, places, place_of, NULL, NULL, &ended, &error));
  g_assert_no_error(error);
  g_assert_false(ended);
}

/* levels 3: nothing but ties */
static void
test_all_permutations(void)
{
  float costs[MOST * MOST];
  int place_of[MOST];
  for (int places = 1; places <= MOST; places++)
    for (int things = 0; things <= places; things++)
      for (uint64_t seed = 0; seed < 12; seed++) {
        fill(costs, things * places, seed, seed % 2 == 0 ? 3 : 1000);
        assign(costs, things, places, place_of);
        g_assert_cmpfloat(sum_up(costs, things, places, place_of), ==,
                          try_all(costs, things, places, 0, 0));
      }
}

/* A cycle of exchanges that lowers the sum exists exactly where it is not the least: Bellman and Ford
 * over things, an edge from a to b for "a takes b's place", and free places as one more thing. */
static bool
can_be_improved(const float *costs, int things, int places, const int *place_of)
{
  g_autofree double *gain = g_new0(double, places);
  g_autofree int *thing_at = g_new(int, places);
  memset(thing_at, -1, (size_t)places * sizeof(int));
  for (int i = 0; i < things; i++)
    thing_at[place_of[i]] = i;
  for (int round = 0; round <= places; round++) {
    bool changed = false;
    for (int from = 0; from < places; from++)
      for (int to = 0; to < places; to++) {
        double cost = thing_at[from] < 0 ? 0
                                         : costs[thing_at[from] * places + to] -
                                               costs[thing_at[from] * places + from];
        if (gain[from] + cost < gain[to] - 1e-9) {
          gain[to] = gain[from] + cost;
          changed = true;
        }
      }
    if (!changed)
      return false;
  }
  return true;
}

static void
test_large(void)
{
  g_autofree float *costs = g_new(float, LARGE *LARGE);
  g_autofree int *place_of = g_new(int, LARGE);
  for (int things = LARGE / 2; things <= LARGE; things += LARGE / 4) {
    fill(costs, things * LARGE, 5, 4096);
    assign(costs, things, LARGE, place_of);
    g_assert_false(can_be_improved(costs, things, LARGE, place_of));
    sum_up(costs, things, LARGE, place_of);
    int kept = place_of[0];
    place_of[0] = place_of[1];
    place_of[1] = kept;
    g_assert_true(can_be_improved(costs, things, LARGE, place_of)); /* so the test can fail */
  }
}

/* costs that are no numbers, all of them or some: each thing gets a place of its own all the same */
static void
test_no_numbers(void)
{
  float costs[MOST * MOST];
  int place_of[MOST];
  for (int step = 1; step <= 5; step++) {
    fill(costs, MOST * MOST, 2, 1000);
    for (int i = 0; i < MOST * MOST; i += step)
      costs[i] = i % 2 == 0 ? NAN : INFINITY;
    assign(costs, MOST, MOST, place_of);
    sum_up(costs, MOST, MOST, place_of);
  }
}

static bool
proceed_twice(gpointer data, double fraction)
{
  return (*(int *)data)++ < 2;
}

static void
test_end(void)
{
  float costs[MOST * MOST];
  int place_of[MOST], calls = 0;
  bool ended = false;
  fill(costs, MOST * MOST, 1, 1000);
  g_assert_true(nn_assign(costs, MOST, MOST, place_of, proceed_twice, &calls, &ended, NULL));
  g_assert_true(ended);
  g_assert_cmpint(calls, ==, 3);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/assignment/all-permutations", test_all_permutations);
  g_test_add_func("/assignment/large", test_large);
  g_test_add_func("/assignment/no-numbers", test_no_numbers);
  g_test_add_func("/assignment/end", test_end);
  return g_test_run();
}
