/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cutting a graph, and the windows of tiles. What a tile must see is found going backward: each
 * node's box of its inputs follows from the box wanted of its outputs and where it looks (NnReach),
 * cut off at the ends of the map. The window of pixels covers all of that and begins at a multiple
 * of the alignment, so that every map in it begins at a whole position and no stride falls between
 * others than in the whole picture. Whether the maps of a plan of that window really hold the boxes
 * is checked, not assumed. */
#include "nncore/plan/part.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/base/round.h"
#include "nncore/ops/traits.h"
#include "nncore/plan/plan-private.h"

#define MAX_TRIES 4 /* windows grown by the alignment */

/* ---- cutting ---- */

typedef struct {
  bool *wanted, *made; /* by value */
  bool *kept;          /* by node */
} Cut;

static void
want_inputs(const NnNode *node, bool *wanted)
{
  for (int k = 0; k < node->n_inputs; k++)
    if (node->inputs[k] != NN_NO_VALUE)
      wanted[node->inputs[k]] = true;
}

/* from the outputs back to what is ready */
static void
mark(const NnGraph *graph, const bool *ready, Cut *cut)
{
  for (size_t i = graph->n_nodes; i-- > 0;) {
    const NnNode *node = &graph->nodes[i];
    for (int o = 0; o < node->n_outputs; o++) {
      NnValueId id = node->outputs[o];
      cut->kept[i] |=
          id != NN_NO_VALUE && cut->wanted[id] && !ready[id] && graph->values[id].constant == NULL;
    }
    for (int o = 0; cut->kept[i] && o < node->n_outputs; o++)
      if (node->outputs[o] != NN_NO_VALUE)
        cut->made[node->outputs[o]] = true;
    if (cut->kept[i])
      want_inputs(node, cut->wanted);
  }
}

/* numbers that follow from the size of the picture stay those of the whole one: they count as
 * constants, but for whole numbers that follow a map's size, which are sizes and indices and
 * must follow the tile's */
static void
fix_known(const NnStages *stages, bool whole, NnGraph *graph)
{
  for (size_t v = 0; v < graph->n_values; v++) {
    NnTensor *known = stages->graph->values[v].known;
    bool fixed = known != NULL && (whole || known->dtype == NN_DTYPE_FLOAT || !stages->local[v]);
    if (!fixed || graph->values[v].constant != NULL)
      continue;
    graph->values[v].constant = nn_tensor_ref(known);
    graph->values[v].is_constant = true;
  }
}

static bool
set_inputs(NnGraph *graph, const Cut *cut, GError **error)
{
  graph->n_inputs = 0;
  for (size_t v = 0; v < graph->n_values; v++) {
    if (!cut->wanted[v] || cut->made[v] || graph->values[v].constant != NULL)
      continue;
    if (!nn_grow(&graph->inputs, &graph->inputs_capacity, graph->n_inputs + 1, sizeof(NnValueId),
                 error))
      return false;
    graph->inputs[graph->n_inputs++] = (NnValueId)v;
  }
  return true;
}

static bool
keep_nodes(NnPart *part, NnGraph *graph, const Cut *cut, GError **error)
{
  size_t n = 0;
  part->nodes = nn_alloc(graph->n_nodes, sizeof *part->nodes, error);
  bool *removed = part->nodes != NULL ? nn_alloc(graph->n_nodes, sizeof *removed, error) : NULL;
  if (removed == NULL)
    return false;
  for (size_t i = 0; i < graph->n_nodes; i++) {
    removed[i] = !cut->kept[i];
    if (cut->kept[i])
      part->nodes[n++] = i;
  }
  nn_graph_remove_nodes(graph, removed);
  nn_free(removed);
  return true;
}

static bool
new_cut(Cut *cut, const NnGraph *graph, GError **error)
{
  cut->wanted = nn_alloc0(graph->n_values, sizeof(bool), error);
  if (cut->wanted != NULL)
    cut->made = nn_alloc0(graph->n_values, sizeof(bool), error);
  if (cut->made != NULL)
    cut->kept = nn_alloc0(graph->n_nodes, sizeof(bool), error);
  return cut->kept != NULL;
}

static bool
cut_graph(NnPart *part, NnGraph *graph, const bool *ready, const NnValueId *outputs, int n_outputs,
          bool whole, GError **error)
{
  Cut cut = {0};
  fix_known(part->stages, whole, graph);
  bool ok = new_cut(&cut, graph, error);
  for (int i = 0; ok && i < n_outputs; i++)
    cut.wanted[outputs[i]] = true;
  if (ok)
    mark(graph, ready, &cut);
  ok = ok && set_inputs(graph, &cut, error) && keep_nodes(part, graph, &cut, error);
  nn_free(cut.wanted);
  nn_free(cut.made);
  nn_free(cut.kept);
  return ok;
}

NnPart *
nn_part_new(const NnStages *stages, const bool *ready, const NnValueId *outputs, int n_outputs,
            bool whole, bool gradient, GError **error)
{
  g_autoptr(NnPart) part = g_new0(NnPart, 1);
  g_autoptr(NnGraph) graph = nn_graph_copy(stages->graph, error);
  part->stages = stages;
  if (graph == NULL || !cut_graph(part, graph, ready, outputs, n_outputs, whole, error))
    return NULL;
  part->program = nn_program_part(stages->program, g_steal_pointer(&graph), outputs, n_outputs,
                                  gradient, error);
  if (part->program == NULL)
    return NULL;
  part->inputs = part->program->graph->inputs;
  part->n_inputs = (int)part->program->graph->n_inputs;
  part->outputs = part->program->targets;
  part->n_outputs = n_outputs;
  return g_steal_pointer(&part);
}

void
nn_part_free(NnPart *part)
{
  if (part == NULL)
    return;
  nn_program_unref(part->program);
  nn_free(part->nodes);
  g_free(part);
}

double
nn_part_operations(const NnPart *part)
{
  double sum = 0;
  for (size_t i = 0; i < part->program->graph->n_nodes; i++)
    sum += (double)nn_stages_operations(part->stages, part->nodes[i]);
  return sum;
}

NnShape
nn_part_shape(const NnPart *part, NnValueId id)
{
  return part->stages->graph->values[id].type.shape;
}

/* ---- what is looked at ---- */

static bool
is_map(const NnPart *part, NnValueId id)
{
  return id != NN_NO_VALUE && part->stages->values[id].kind == NN_VALUE_MAP;
}

/* of the part's node, in the whole picture */
static bool
whole_reach(const NnPart *part, size_t node, int k, NnReach *reach)
{
  const NnGraph *graph = part->stages->graph;
  return nn_stages_reach(part->stages, graph, &graph->nodes[part->nodes[node]], k, reach);
}

/* the positions along an axis that @begin to @end - 1 look at, within a map of @size; at least
 * one, so that a window that lies in the padding is no hole */
static void
look(const NnReach *reach, int axis, int64_t begin, int64_t end, int64_t size, NnBox *box)
{
  double first = (double)begin * reach->stride[axis] + reach->first[axis] - NN_REACH_SLACK;
  double last = (double)(end - 1) * reach->stride[axis] + reach->last[axis] + NN_REACH_SLACK;
  box->begin[axis] = CLAMP((int64_t)ceil(first), 0, size - 1);
  box->end[axis] = CLAMP((int64_t)floor(last), box->begin[axis], size - 1) + 1;
}

/* the boxes of all values from those of the outputs */
static void
find_boxes(const NnPart *part, NnBox *boxes)
{
  const NnGraph *graph = part->program->graph;
  for (size_t i = graph->n_nodes; i-- > 0;) {
    const NnNode *node = &graph->nodes[i];
    NnBox wanted = {0};
    for (int o = 0; o < node->n_outputs; o++)
      if (is_map(part, node->outputs[o]))
        nn_box_unite(&wanted, &boxes[node->outputs[o]]);
    for (int k = 0; k < node->n_inputs && !nn_box_is_empty(&wanted); k++) {
      NnReach reach;
      NnBox seen;
      if (!whole_reach(part, i, k, &reach))
        continue;
      NnShape shape = nn_part_shape(part, node->inputs[k]);
      for (int a = 0; a < 2; a++)
        look(&reach, a, wanted.begin[a], wanted.end[a], shape.dim[2 + a], &seen);
      nn_box_unite(&boxes[node->inputs[k]], &seen);
    }
  }
}

/* ---- windows ---- */

typedef struct {
  int64_t begin[2], end[2]; /* pixels; past the picture's size: to its end */
} Window;

static Window
find_window(const NnPart *part, const NnBox *boxes)
{
  int64_t alignment = part->stages->alignment_px;
  Window window = {.begin = {G_MAXINT64, G_MAXINT64}};
  for (int i = 0; i < part->n_inputs; i++) {
    const NnBox *box = &boxes[part->inputs[i]];
    const double *stride = part->stages->values[part->inputs[i]].stride;
    if (!is_map(part, part->inputs[i]) || nn_box_is_empty(box))
      continue;
    for (int a = 0; a < 2; a++) {
      int64_t first = (int64_t)floor((double)box->begin[a] * stride[a]);
      int64_t last = (int64_t)ceil((double)box->end[a] * stride[a]);
      window.begin[a] = MIN(window.begin[a], first / alignment * alignment);
      window.end[a] = MAX(window.end[a], nn_round_up(last, alignment));
    }
  }
  return window;
}

static int64_t
position_at(const NnPart *part, NnValueId id, int axis, int64_t px)
{
  return (int64_t)round((double)px / part->stages->values[id].stride[axis]);
}

/* the shape of an input within a window */
static NnShape
local_shape(const NnPart *part, const Window *window, NnValueId id)
{
  NnShape shape = nn_part_shape(part, id);
  NnShape picture = nn_part_shape(part, nn_stages_input(part->stages));
  if (!is_map(part, id))
    return shape;
  for (int a = 0; a < 2; a++) {
    int64_t end = shape.dim[2 + a];
    if (window->end[a] < picture.dim[2 + a])
      end = MIN(end, position_at(part, id, a, window->end[a]));
    shape.dim[2 + a] = end - position_at(part, id, a, window->begin[a]);
  }
  return shape;
}

static bool
has_shapes(const NnPlan *plan, const NnPart *part, const NnShape *shapes)
{
  for (int i = 0; i < part->n_inputs; i++)
    if (!nn_shape_equal(&plan->graph->values[part->inputs[i]].type.shape, &shapes[i]))
      return false;
  return true;
}

/* (transfer none) */
static NnPlan *
find_plan(const NnPart *part, const Window *window, GPtrArray *plans, GError **error)
{
  NnShape *shapes = nn_alloc((size_t)part->n_inputs, sizeof *shapes, error);
  NnPlan *plan = NULL;
  if (shapes == NULL)
    return NULL;
  for (int i = 0; i < part->n_inputs; i++)
    shapes[i] = local_shape(part, window, part->inputs[i]);
  for (guint i = 0; i < plans->len && plan == NULL; i++)
    if (has_shapes(g_ptr_array_index(plans, i), part, shapes))
      plan = g_ptr_array_index(plans, i);
  if (plan == NULL) {
    plan = nn_plan_new(part->program, shapes, part->n_inputs, error);
    if (plan != NULL)
      g_ptr_array_add(plans, plan);
  }
  nn_free(shapes);
  return plan;
}

/* whether the plan's maps hold the boxes: 0, or 1 for those at the beginning, 2 for the end; and
 * whether maps end where the whole ones do if the window does: else -1 */
static int
find_gap(const NnPart *part, const Window *window, const NnPlan *plan, const NnBox *boxes, int axis)
{
  NnShape picture = nn_part_shape(part, nn_stages_input(part->stages));
  for (size_t v = 0; v < plan->graph->n_values; v++) {
    if (!is_map(part, (NnValueId)v) || nn_box_is_empty(&boxes[v]))
      continue;
    int64_t size = part->stages->graph->values[v].type.shape.dim[2 + axis];
    int64_t begin = position_at(part, (NnValueId)v, axis, window->begin[axis]);
    int64_t end = begin + plan->graph->values[v].type.shape.dim[2 + axis];
    if (window->end[axis] >= picture.dim[2 + axis] && end != size)
      return -1;
    if (boxes[v].begin[axis] < begin)
      return 1;
    if (boxes[v].end[axis] > end)
      return 2;
  }
  return 0;
}

/* whether the plan's nodes look where the whole picture's do: an operator may adapt to the size of
 * its input. Windows of Pad and Resize are as wide as those at the border of the whole. */
static bool
looks_alike(const NnPart *part, const NnPlan *plan, const NnBox *boxes)
{
  for (size_t i = 0; i < plan->graph->n_nodes; i++) {
    const NnNode *node = &plan->graph->nodes[i];
    for (int k = 0; k < node->n_inputs; k++) {
      NnReach here, there;
      if (!whole_reach(part, i, k, &there) || nn_box_is_empty(&boxes[node->inputs[k]]))
        continue;
      if (!nn_stages_reach(part->stages, plan->graph, node, k, &here))
        return false;
      for (int a = 0; a < 2; a++)
        if (fabs(here.stride[a] - there.stride[a]) > 1e-9 ||
            here.first[a] < there.first[a] - NN_REACH_SLACK ||
            here.last[a] > there.last[a] + NN_REACH_SLACK)
          return false;
    }
  }
  return true;
}

static bool
set_uncuttable(GError **error)
{
  g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
              _("This network cannot be run on a part of a picture."));
  return false;
}

bool
nn_part_view(const NnPart *part, NnBox *boxes, GPtrArray *plans, NnTileView *view, GError **error)
{
  int64_t alignment = part->stages->alignment_px;
  find_boxes(part, boxes);
  Window window = find_window(part, boxes);
  for (int i = 0; i < MAX_TRIES; i++) {
    NnPlan *plan = find_plan(part, &window, plans, error);
    if (plan == NULL)
      return false;
    bool fits = true;
    for (int a = 0; a < 2; a++) {
      int gap = find_gap(part, &window, plan, boxes, a);
      if (gap < 0 || (gap == 1 && window.begin[a] == 0))
        return set_uncuttable(error);
      window.begin[a] -= gap == 1 ? alignment : 0;
      window.end[a] += gap == 2 ? alignment : 0;
      fits = fits && gap == 0;
    }
    *view = (NnTileView){.begin_px = {window.begin[0], window.begin[1]}, .plan = plan};
    if (fits)
      return looks_alike(part, plan, boxes) || set_uncuttable(error);
  }
  return set_uncuttable(error);
}

void
nn_part_local(const NnPart *part, const NnTileView *view, NnValueId id, int64_t begin[2])
{
  for (int a = 0; a < 2; a++)
    begin[a] = position_at(part, id, a, view->begin_px[a]);
}
