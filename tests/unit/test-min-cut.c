/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Minimal cuts against all cuts there are, on small random graphs: the flow is the least cost, and
 * the cut that is told has it. On larger ones: flow and cost agree, which proves both (weak duality);
 * a grid of moments of no mercy: chains, stars, edges of no capacity. */
#include "nncore/analysis/min-cut.h"
#include "nncore/base/random.h"

#define MOST_EDGES 64

typedef struct {
  int nodes, edges;
  int32_t cost[16];
  int from[MOST_EDGES], to[MOST_EDGES];
  int32_t forth[MOST_EDGES], back[MOST_EDGES];
} Graph;

/* @spread: of capacities; few values give many ties */
static Graph
random_graph(NnRandom *random, int spread)
{
  Graph graph = {.nodes = nn_random_range(random, 1, 10)};
  graph.edges = graph.nodes == 1 ? 0 : nn_random_range(random, 0, 30);
  for (int i = 0; i < graph.nodes; i++)
    graph.cost[i] = nn_random_range(random, -spread, spread);
  for (int e = 0; e < graph.edges; e++) {
    graph.from[e] = nn_random_range(random, 0, graph.nodes - 1);
    graph.to[e] = (graph.from[e] + nn_random_range(random, 1, graph.nodes - 1)) % graph.nodes;
    graph.forth[e] = nn_random_range(random, 0, spread);
    graph.back[e] = nn_random_range(random, 0, 2) == 0 ? 0 : nn_random_range(random, 0, spread);
  }
  return graph;
}

/* bit i of @sources: node i is the source's */
static int64_t
cost_of(const Graph *graph, guint sources)
{
  int64_t cost = 0;
  for (int i = 0; i < graph->nodes; i++) {
    bool source = sources >> i & 1;
    cost += source ? MAX(-(int64_t)graph->cost[i], 0) : MAX(graph->cost[i], 0);
  }
  for (int e = 0; e < graph->edges; e++) {
    bool from = sources >> graph->from[e] & 1, to = sources >> graph->to[e] & 1;
    cost += from && !to ? graph->forth[e] : !from && to ? graph->back[e] : 0;
  }
  return cost;
}

static void
build(const Graph *graph, NnMinCut *cut)
{
  nn_min_cut_clear(cut, graph->nodes);
  for (int i = 0; i < graph->nodes; i++)
    nn_min_cut_add_cost(cut, i, graph->cost[i]);
  for (int e = 0; e < graph->edges; e++)
    nn_min_cut_add_edge(cut, graph->from[e], graph->to[e], graph->forth[e], graph->back[e]);
}

static void
test_brute_force(void)
{
  static const int spreads[] = {1, 3, 20, 1000000, NN_MIN_CUT_MOST};
  NnRandom random = {.seed = 1};
  g_autoptr(NnMinCut) cut = nn_min_cut_new(16, MOST_EDGES, NULL);
  for (int k = 0; k < 4000; k++) {
    Graph graph = random_graph(&random, spreads[k % (int)G_N_ELEMENTS(spreads)]);
    int64_t least = G_MAXINT64;
    guint found = 0;
    for (guint sources = 0; sources < 1u << graph.nodes; sources++)
      least = MIN(least, cost_of(&graph, sources));
    build(&graph, cut);
    g_assert_true(nn_min_cut_solve(cut, NULL, NULL));
    for (int i = 0; i < graph.nodes; i++)
      found |= (guint)nn_min_cut_is_source(cut, i) << i;
    g_assert_cmpint(nn_min_cut_flow(cut), ==, least);
    g_assert_cmpint(cost_of(&graph, found), ==, least);
  }
}

/* what both may have is the sink's: no cut of the same cost has fewer sources */
static void
test_ties(void)
{
  NnRandom random = {.seed = 2};
  g_autoptr(NnMinCut) cut = nn_min_cut_new(16, MOST_EDGES, NULL);
  for (int k = 0; k < 500; k++) {
    Graph graph = random_graph(&random, 2);
    build(&graph, cut);
    g_assert_true(nn_min_cut_solve(cut, NULL, NULL));
    guint found = 0;
    for (int i = 0; i < graph.nodes; i++)
      found |= (guint)nn_min_cut_is_source(cut, i) << i;
    for (guint sources = 0; sources < 1u << graph.nodes; sources++)
      if (cost_of(&graph, sources) == nn_min_cut_flow(cut))
        g_assert_cmpuint(sources & found, ==, found);
  }
}

typedef struct {
  int width, height;
  int32_t *cost, *right, *down, *slant;
} Grid;

static int32_t *
random_numbers(NnRandom *random, int count, int low, int high)
{
  int32_t *numbers = g_new(int32_t, count);
  for (int i = 0; i < count; i++)
    numbers[i] = nn_random_range(random, low, high);
  return numbers;
}

static Grid
random_grid(NnRandom *random, int width, int height)
{
  int count = width * height;
  return (Grid){width,
                height,
                random_numbers(random, count, -900, 900),
                random_numbers(random, count, 0, 400),
                random_numbers(random, count, 0, 400),
                random_numbers(random, count, 0, 300)};
}

static void
free_grid(Grid *grid)
{
  g_free(grid->cost);
  g_free(grid->right);
  g_free(grid->down);
  g_free(grid->slant);
}

static void
build_grid(const Grid *grid, NnMinCut *cut)
{
  nn_min_cut_clear(cut, (int64_t)grid->width * grid->height);
  for (int i = 0; i < grid->width * grid->height; i++) {
    bool right = i % grid->width + 1 < grid->width, down = i / grid->width + 1 < grid->height;
    nn_min_cut_add_cost(cut, i, grid->cost[i]);
    if (right)
      nn_min_cut_add_edge(cut, i, i + 1, grid->right[i], grid->right[i]);
    if (down)
      nn_min_cut_add_edge(cut, i, i + grid->width, grid->down[i], grid->down[i] / 2);
    if (right && down)
      nn_min_cut_add_edge(cut, i, i + grid->width + 1, grid->slant[i], 0);
  }
}

/* of the cut that is told */
static int64_t
cost_of_grid(const Grid *grid, const NnMinCut *cut)
{
  int64_t cost = 0;
  for (int i = 0; i < grid->width * grid->height; i++) {
    bool source = nn_min_cut_is_source(cut, i);
    bool right = i % grid->width + 1 < grid->width, down = i / grid->width + 1 < grid->height;
    cost += source ? MAX(-grid->cost[i], 0) : MAX(grid->cost[i], 0);
    if (right && source != nn_min_cut_is_source(cut, i + 1))
      cost += grid->right[i];
    if (down && source != nn_min_cut_is_source(cut, i + grid->width))
      cost += source ? grid->down[i] : grid->down[i] / 2;
    if (right && down && source && !nn_min_cut_is_source(cut, i + grid->width + 1))
      cost += grid->slant[i];
  }
  return cost;
}

static void
test_grids(void)
{
  NnRandom random = {.seed = 3};
  for (int k = 0; k < 20; k++) {
    Grid grid =
        random_grid(&random, nn_random_range(&random, 1, 150), nn_random_range(&random, 1, 150));
    int64_t count = (int64_t)grid.width * grid.height;
    g_autoptr(NnMinCut) cut = nn_min_cut_new(count, 3 * count, NULL);
    build_grid(&grid, cut);
    g_assert_true(nn_min_cut_solve(cut, NULL, NULL));
    g_assert_cmpint(nn_min_cut_flow(cut), ==, cost_of_grid(&grid, cut));
    free_grid(&grid);
  }
}

/* flow that has to go a long way, and back again */
static void
test_chain(void)
{
  enum { LENGTH = 20000 };
  g_autoptr(NnMinCut) cut = nn_min_cut_new(LENGTH, LENGTH, NULL);
  for (int turned = 0; turned < 2; turned++) {
    nn_min_cut_clear(cut, LENGTH);
    nn_min_cut_add_cost(cut, turned ? LENGTH - 1 : 0, 50);
    nn_min_cut_add_cost(cut, turned ? 0 : LENGTH - 1, -70);
    for (int i = 0; i + 1 < LENGTH; i++)
      nn_min_cut_add_edge(cut, i, i + 1, i == 777 ? 20 : 100, i == 777 ? 20 : 100);
    g_assert_true(nn_min_cut_solve(cut, NULL, NULL));
    g_assert_cmpint(nn_min_cut_flow(cut), ==, 20);
    for (int i = 0; i < LENGTH; i++)
      g_assert_cmpint(nn_min_cut_is_source(cut, i), ==, turned ? i > 777 : i <= 777);
  }
}

static bool
refuse(gpointer data)
{
  return --*(int *)data > 0;
}

static void
test_ask(void)
{
  NnRandom random = {.seed = 4};
  Grid grid = random_grid(&random, 200, 200);
  g_autoptr(NnMinCut) cut = nn_min_cut_new(40000, 120000, NULL);
  int patience = 3;
  build_grid(&grid, cut);
  g_assert_false(nn_min_cut_solve(cut, refuse, &patience));
  g_assert_cmpint(patience, ==, 0);
  build_grid(&grid, cut); /* and it is of use afterwards */
  g_assert_true(nn_min_cut_solve(cut, NULL, NULL));
  g_assert_cmpint(nn_min_cut_flow(cut), ==, cost_of_grid(&grid, cut));
  free_grid(&grid);
}

static void
test_nothing(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(NnMinCut) cut = nn_min_cut_new(0, 0, &error);
  g_assert_no_error(error);
  g_assert_true(nn_min_cut_solve(cut, NULL, NULL));
  g_assert_cmpint(nn_min_cut_flow(cut), ==, 0);
  g_autoptr(NnMinCut) lone = nn_min_cut_new(3, 0, &error);
  nn_min_cut_add_cost(lone, 1, 5);
  nn_min_cut_add_cost(lone, 2, -5);
  g_assert_true(nn_min_cut_solve(lone, NULL, NULL));
  g_assert_true(nn_min_cut_is_source(lone, 1));
  g_assert_false(nn_min_cut_is_source(lone, 0) || nn_min_cut_is_source(lone, 2));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/min-cut/brute-force", test_brute_force);
  g_test_add_func("/min-cut/ties", test_ties);
  g_test_add_func("/min-cut/grids", test_grids);
  g_test_add_func("/min-cut/chain", test_chain);
  g_test_add_func("/min-cut/ask", test_ask);
  g_test_add_func("/min-cut/nothing", test_nothing);
  return g_test_run();
}
