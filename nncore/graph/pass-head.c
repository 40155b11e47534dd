/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding heads that were made for one size: fully connected layers behind a flattened map, or a
 * Reshape to constants. Shapes are inferred at two sizes side by side, the reference size and twice
 * that: a layer that refuses the larger one, or makes several pictures or a longer list of scores
 * of it, is in a head. From it the way goes back, through whatever only rearranges or flattens, to
 * the map; where that map is a single pixel that a fixed window pool has made, on to the map before
 * the pool. Where the file names no size, the reference size may not fit either; then sizes of the
 * map are tried. */
#include <string.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"
#include "nncore/graph/uses.h"

enum { BATCH, CHANNELS, HEIGHT, WIDTH, MAP_RANK };

#define LARGEST_MAP 64    /* side of the maps that are tried */
#define LONGEST_TRIAL 256 /* nodes over which they are */
#define MOST_HEADS 16     /* a hostile file may have any number */

typedef struct {
  NnGraph *graph;  /* at the reference size */
  NnGraph *larger; /* at twice that */
  NnContext *context;
  bool declared;
  NnUses uses; /* of elements: who reads a shape only does not count */
  NnHeads *heads;
} Search;

void
nn_heads_clear(NnHeads *heads)
{
  nn_free(heads->starts);
  nn_free(heads->inside);
}

/* ---- shapes at one size ---- */

/* the types of a node's outputs and what of them is known; whether its inputs fit. Returns false
 * only where memory is short. */
static bool
learn(NnGraph *graph, size_t index, NnContext *context, bool *fits, GError **error)
{
  const NnNode *node = &graph->nodes[index];
  g_autoptr(GError) refusal = NULL;
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE)
      g_clear_pointer(&graph->values[node->outputs[o]].known, nn_tensor_unref);
  *fits =
      nn_node_infer(graph, node, &refusal) && nn_node_find_known(graph, node, context, &refusal);
  if (*fits || !g_error_matches(refusal, NN_ERROR, NN_ERROR_MEMORY))
    return true;
  g_propagate_error(error, g_steal_pointer(&refusal));
  return false;
}

static const NnShape *
shape_of(const NnGraph *graph, NnValueId id)
{
  return &graph->values[id].type.shape;
}

static bool
varies(const Search *search, NnValueId id)
{
  return id != NN_NO_VALUE &&
         !nn_shape_equal(shape_of(search->graph, id), shape_of(search->larger, id));
}

/* whether the value's axes @first and @second, and no others, follow the size of the picture */
static bool
varies_along(const Search *search, NnValueId id, int first, int second)
{
  const NnShape *a = shape_of(search->graph, id), *b = shape_of(search->larger, id);
  if (a->rank != MAP_RANK || b->rank != MAP_RANK)
    return false;
  for (int i = 0; i < MAP_RANK; i++)
    if ((a->dim[i] != b->dim[i]) != (i == first || i == second))
      return false;
  return true;
}

static bool
is_map(const Search *search, NnValueId id)
{
  return varies_along(search, id, HEIGHT, WIDTH);
}

static int64_t
batch_of(const Search *search)
{
  return shape_of(search->graph, search->graph->inputs[0])->dim[BATCH];
}

/* one vector a picture, whatever axes of length 1 there are beside */
static bool
is_vector(const Search *search, const NnShape *shape)
{
  int longer = 0;
  for (int i = 1; i < shape->rank; i++)
    longer += shape->dim[i] != 1;
  return shape->rank >= 1 && shape->dim[BATCH] == batch_of(search) && longer <= 1;
}

/* the same map in another order, as TensorFlow's exports have it */
static bool
is_permuted_map(const Search *search, NnValueId id)
{
  for (int first = 1; first < MAP_RANK; first++)
    for (int second = first + 1; second < MAP_RANK; second++)
      if (varies_along(search, id, first, second))
        return true;
  return false;
}

/* whether a picture of the larger size has become several: Reshape to (-1, K) */
static bool
splits_batch(const Search *search, const NnNode *node)
{
  NnValueId out = node->outputs[0];
  const NnShape *a = shape_of(search->graph, out), *b = shape_of(search->larger, out);
  return a->rank >= 2 && b->rank == a->rank && is_vector(search, a) &&
         b->dim[BATCH] != a->dim[BATCH] && search->graph->values[out].type.dtype == NN_DTYPE_FLOAT;
}

static bool
is_pixel(const Search *search, NnValueId id)
{
  const NnShape *shape = shape_of(search->graph, id);
  return shape->dim[HEIGHT] == 1 && shape->dim[WIDTH] == 1;
}

/* whether a vector of one number a channel has become one of all places of the larger map, one
 * after the other: scores flattened at the end of a network */
static bool
strings_places(const Search *search, const NnNode *node)
{
  NnValueId out = node->outputs[0], in = node->inputs[0];
  return in != NN_NO_VALUE && is_map(search, in) && is_pixel(search, in) && varies(search, out) &&
         shape_of(search->larger, out)->rank != MAP_RANK &&
         is_vector(search, shape_of(search->graph, out)) &&
         is_vector(search, shape_of(search->larger, out));
}

/* elements of a map at each of its places */
static int64_t
depth_of(const Search *search, NnValueId map)
{
  const NnShape *a = shape_of(search->graph, map), *b = shape_of(search->larger, map);
  int64_t depth = 1;
  for (int i = 1; i < a->rank; i++)
    depth *= a->dim[i] == b->dim[i] ? a->dim[i] : 1;
  return depth;
}

/* the same at the reference size, where that is only a guess: several rows of several places */
static bool
splits_reference(const Search *search, const NnNode *node)
{
  NnValueId out = node->outputs[0], in = node->inputs[0];
  const NnShape *a = shape_of(search->graph, out), *b = shape_of(search->larger, out);
  return !search->declared && in != NN_NO_VALUE &&
         (is_map(search, in) || is_permuted_map(search, in)) && a->rank == 2 && b->rank == 2 &&
         a->dim[BATCH] != batch_of(search) && a->dim[1] == b->dim[1] &&
         a->dim[1] > depth_of(search, in);
}

/* ---- from the layer that refuses back to the map ---- */

static int
only_varying_input(const Search *search, const NnNode *node)
{
  int found = -1;
  for (int k = 0; k < node->n_inputs; k++)
    if (varies(search, node->inputs[k])) {
      if (found >= 0)
        return -1;
      found = k;
    }
  return found;
}

/* whether @refusing, at the reference size, has made of the map what a head makes of one: a vector
 * or, by a Reshape to constants, the map itself */
static bool
flattens(const Search *search, const NnNode *refusing, int input)
{
  const NnShape *out = shape_of(search->graph, refusing->outputs[0]);
  return is_vector(search, out) ||
         nn_shape_equal(out, shape_of(search->graph, refusing->inputs[input]));
}

/* sets start's node and input; false where the way does not lead to a single map through vectors
 * and rearranged maps alone */
static bool
trace(const Search *search, size_t refusing, NnHeadStart *start)
{
  const NnGraph *graph = search->graph;
  for (size_t at = refusing;;) {
    const NnNode *node = &graph->nodes[at];
    int input = only_varying_input(search, node);
    if (input < 0)
      return false;
    NnValueId value = node->inputs[input];
    *start = (NnHeadStart){.node = at, .input = input};
    if (is_map(search, value))
      return true;
    int producer = graph->values[value].producer;
    bool on_the_way = is_vector(search, shape_of(graph, value)) || is_permuted_map(search, value);
    if (producer < 0 || !on_the_way)
      return false;
    at = (size_t)producer;
  }
}

static NnValueId
map_of(const Search *search, const NnHeadStart *start)
{
  return search->graph->nodes[start->node].inputs[start->input];
}

/* ---- from a single pixel back over the pool that made it ---- */

static bool
is_window_pool(const NnNode *node)
{
  static const char *const pools[] = {"AveragePool", "MaxPool", "LpPool", NULL};
  return g_strv_contains(pools, node->op->onnx_name);
}

/* whether the one window of an AveragePool covers all of its input, every element once */
static bool
covers_map(const Search *search, const NnNode *pool, bool *covers, GError **error)
{
  NnNodeTypes types;
  bool ok = nn_node_types_init(&types, search->graph, pool, error);
  *covers = false;
  if (ok && strcmp(pool->op->onnx_name, "AveragePool") == 0) {
    const NnShape *in = &types.in[0].shape;
    NnReach reach;
    pool->op->reach(&types.infer, 0, &reach);
    *covers = pool->op->operations(&types.infer) == nn_shape_count(in);
    for (int i = HEIGHT; i <= WIDTH; i++)
      *covers = *covers && reach.first[i - HEIGHT] == 0 &&
                reach.last[i - HEIGHT] == (double)(in->dim[i] - 1);
  }
  nn_node_types_clear(&types);
  return ok;
}

static bool
retreat(const Search *search, NnHeadStart *start, GError **error)
{
  const NnGraph *graph = search->graph;
  NnValueId value = map_of(search, start);
  while (is_pixel(search, value) && nn_uses_is_private(&search->uses, value) &&
         graph->values[value].producer >= 0) {
    size_t producer = (size_t)graph->values[value].producer;
    const NnNode *node = &graph->nodes[producer];
    if (only_varying_input(search, node) != 0 || !is_map(search, node->inputs[0]))
      return true;
    value = node->inputs[0];
    if (is_pixel(search, value))
      continue;
    if (!is_window_pool(node))
      return true;
    start->node = producer;
    start->input = 0;
    return covers_map(search, node, &start->is_mean, error);
  }
  return true;
}

/* ---- the size of a map that does not fit ---- */

typedef enum { AS_BEFORE, FOLLOWS, BROKEN } Trial;

/* shapes from the map up to @refusing, as if the map had the size that its type now says */
static bool
follow(Search *search, NnValueId map, size_t refusing, guint8 *state, GError **error)
{
  NnGraph *graph = search->graph;
  memset(state, AS_BEFORE, graph->n_values);
  state[map] = FOLLOWS;
  for (size_t i = (size_t)(graph->values[map].producer + 1); i <= refusing; i++) {
    const NnNode *node = &graph->nodes[i];
    guint8 worst = AS_BEFORE;
    bool fits = true;
    for (int k = 0; k < node->n_inputs; k++)
      if (node->inputs[k] != NN_NO_VALUE)
        worst = MAX(worst, state[node->inputs[k]]);
    if (worst == FOLLOWS && !learn(graph, i, search->context, &fits, error))
      return false;
    for (int o = 0; o < node->n_outputs; o++)
      if (node->outputs[o] != NN_NO_VALUE)
        state[node->outputs[o]] = fits ? worst : BROKEN;
  }
  return true;
}

/* the smallest square map that @refusing accepts; start->height stays 0 where there is none */
static bool
try_sizes(Search *search, size_t refusing, NnHeadStart *start, GError **error)
{
  NnGraph *graph = search->graph;
  const NnNode *node = &graph->nodes[refusing];
  NnValueId map = map_of(search, start);
  if (refusing > LONGEST_TRIAL + (size_t)(graph->values[map].producer + 1))
    return true;
  NnShape *shape = &graph->values[map].type.shape, original = *shape;
  guint8 *state = nn_alloc(graph->n_values, sizeof *state, error);
  int input = only_varying_input(search, node);
  bool ok = state != NULL;
  for (int64_t side = 1; ok && side <= LARGEST_MAP && start->height == 0; side++) {
    shape->dim[HEIGHT] = shape->dim[WIDTH] = side;
    ok = follow(search, map, refusing, state, error);
    if (ok && state[node->outputs[0]] == FOLLOWS && flattens(search, node, input))
      start->height = start->width = side;
  }
  *shape = original;
  ok = ok && follow(search, map, refusing, state, error);
  nn_free(state);
  start->never_fits = true;
  return ok;
}

/* ---- the walk ---- */

static bool
add_start(NnHeads *heads, const NnHeadStart *start, GError **error)
{
  if (!nn_grow(&heads->starts, &heads->capacity, heads->n_starts + 1, sizeof *start, error))
    return false;
  heads->starts[heads->n_starts++] = *start;
  return true;
}

static bool
reads_head(const Search *search, const NnNode *node)
{
  for (int k = 0; k < node->n_inputs; k++)
    if (node->inputs[k] != NN_NO_VALUE && search->heads->inside[node->inputs[k]])
      return true;
  return false;
}

/* from the layer @first, which is in a head, to @last: it and all that reads what it makes */
static void
mark_inside(Search *search, size_t first, size_t last)
{
  for (size_t i = first; i <= last; i++) {
    const NnNode *node = &search->graph->nodes[i];
    if (i != first && !reads_head(search, node))
      continue;
    for (int o = 0; o < node->n_outputs; o++)
      if (node->outputs[o] != NN_NO_VALUE)
        search->heads->inside[node->outputs[o]] = true;
  }
}

/* the layer @refusing takes no larger picture; the search ends where it does not even take the
 * reference size (@fits) and no size of the map helps */
static bool
enter_head(Search *search, size_t refusing, bool fits, bool *go_on, GError **error)
{
  const NnNode *node = &search->graph->nodes[refusing];
  NnHeadStart start;
  bool poolable = trace(search, refusing, &start) &&
                  (!fits || flattens(search, node, only_varying_input(search, node)));
  if (poolable && fits) {
    if (!retreat(search, &start, error))
      return false;
    const NnShape *map = shape_of(search->graph, map_of(search, &start));
    start.height = start.is_mean ? 1 : map->dim[HEIGHT];
    start.width = start.is_mean ? 1 : map->dim[WIDTH];
  } else if (poolable && !try_sizes(search, refusing, &start, error)) {
    return false;
  }
  *go_on = (fits || (poolable && start.height > 0)) && search->heads->n_starts < MOST_HEADS;
  if (!*go_on)
    return true;
  if (!poolable)
    start = (NnHeadStart){.node = refusing, .input = -1};
  mark_inside(search, start.node, refusing);
  return add_start(search->heads, &start, error);
}

static bool
visit(Search *search, size_t index, bool *go_on, GError **error)
{
  bool fits, fits_larger;
  if (reads_head(search, &search->graph->nodes[index])) {
    mark_inside(search, index, index);
    return true;
  }
  if (!learn(search->graph, index, search->context, &fits, error) ||
      !learn(search->larger, index, search->context, &fits_larger, error))
    return false;
  const NnNode *node = &search->graph->nodes[index];
  *go_on = fits || !search->declared;
  fits = fits && !(fits_larger && splits_reference(search, node));
  if (!*go_on ||
      (fits && fits_larger && !splits_batch(search, node) && !strings_places(search, node)))
    return true;
  return enter_head(search, index, fits, go_on, error);
}

static bool
double_picture(NnGraph *larger)
{
  NnShape *shape = &larger->values[larger->inputs[0]].type.shape;
  shape->dim[HEIGHT] *= 2;
  shape->dim[WIDTH] *= 2;
  return nn_shape_check(shape, NULL);
}

/* a single picture, and not one with its channels last */
static bool
takes_picture(const NnGraph *graph)
{
  if (graph->n_inputs != 1)
    return false;
  const NnShape *shape = shape_of(graph, graph->inputs[0]);
  return shape->rank == MAP_RANK && shape->dim[HEIGHT] > 0 && shape->dim[WIDTH] > 4 &&
         nn_shape_check(shape, NULL);
}

static void
forget_readers_of_shapes(Search *search)
{
  for (size_t i = 0; i < search->graph->n_nodes; i++) {
    const NnNode *node = &search->graph->nodes[i];
    for (int k = 0; node->op->reads_shapes_only && k < node->n_inputs; k++)
      if (node->inputs[k] != NN_NO_VALUE)
        search->uses.counts[node->inputs[k]]--;
  }
}

bool
nn_pass_find_heads(NnGraph *graph, const NnValueId *targets, int n_targets, bool declared,
                   NnHeads *heads, GError **error)
{
  *heads = (NnHeads){.inside = nn_alloc0(graph->n_values, sizeof(bool), error)};
  if (heads->inside == NULL || !takes_picture(graph))
    return heads->inside != NULL;
  Search search = {.graph = graph, .declared = declared, .heads = heads};
  bool ok = nn_uses_init(&search.uses, graph, targets, n_targets, error);
  if (ok)
    search.larger = nn_graph_copy(graph, error);
  ok = search.larger != NULL;
  if (ok && double_picture(search.larger)) {
    bool go_on = true;
    forget_readers_of_shapes(&search);
    search.context = nn_context_new(1);
    for (size_t i = 0; ok && go_on && i < graph->n_nodes; i++)
      ok = visit(&search, i, &go_on, error);
    nn_context_free(search.context);
  }
  nn_graph_free(search.larger);
  nn_uses_clear(&search.uses);
  return ok;
}
