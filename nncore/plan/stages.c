/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which values are maps is not left to what operators say of themselves alone: the program is
 * inferred a second time for a picture that is larger by GROWTH_PX, and what does not grow along
 * as its stride says is not a map (a map resized or pooled to one size, say). */
#include "nncore/plan/stages.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "nncore/base/error.h"
#include "nncore/base/memory.h"
#include "nncore/graph/node-types.h"
#include "nncore/graph/passes.h"

#define GROWTH_PX 64
#define MAX_STAGES 128
/* of the coarsest map: the tiles of Winograd's convolution (kernels/winograd.h) then lie as they do
 * in the whole picture, and round alike */
#define POSITIONS 4

NnValueId
nn_stages_input(const NnStages *stages)
{
  return stages->graph->inputs[0];
}

static bool
is_fixed(const NnGraph *graph, NnValueId id)
{
  return id == NN_NO_VALUE || graph->values[id].constant != NULL || graph->values[id].known != NULL;
}

static bool
ask_reach(const NnGraph *graph, const NnNode *node, int k, NnReach *reach)
{
  NnNodeTypes types;
  *reach = (NnReach){.everywhere = true};
  bool ok = nn_node_types_init(&types, graph, node, NULL);
  if (ok && node->op->reach != NULL && types.in[k].shape.rank == 4 && types.out[0].shape.rank == 4)
    node->op->reach(&types.infer, k, reach);
  nn_node_types_clear(&types);
  return ok && !reach->everywhere;
}

bool
nn_stages_reach(const NnStages *stages, const NnGraph *graph, const NnNode *node, int k,
                NnReach *reach)
{
  NnValueId id = node->inputs[k];
  return id != NN_NO_VALUE && stages->values[id].kind == NN_VALUE_MAP &&
         ask_reach(graph, node, k, reach);
}

int64_t
nn_stages_operations(const NnStages *stages, size_t node)
{
  const NnNode *at = &stages->graph->nodes[node];
  NnNodeTypes types;
  int64_t operations = 0;
  if (nn_node_types_init(&types, stages->graph, at, NULL))
    operations = nn_node_operations(at, &types.infer);
  nn_node_types_clear(&types);
  return operations;
}

/* ---- maps ---- */

/* numbers that a tile would count from its own corner (Range of a map's width, say), among what is
 * computed with, not among sizes and indices */
static bool
is_local_data(const NnStages *stages, const NnNode *node, int k)
{
  NnValueId id = node->inputs[k];
  bool is_size = k < 32 && (node->op->constant_inputs >> k & 1) != 0;
  return id != NN_NO_VALUE && !is_size && stages->local[id] &&
         nn_shape_count(&stages->graph->values[id].type.shape) > 1;
}

/* the stride of the node's results, where all inputs that differ from place to place agree on it
 * and the others are the same everywhere */
static bool
find_stride(const NnStages *stages, const NnNode *node, double stride[2])
{
  bool found = false;
  for (int k = 0; k < node->n_inputs; k++) {
    NnReach reach;
    NnValueId id = node->inputs[k];
    if (is_local_data(stages, node, k))
      return false;
    if (is_fixed(stages->graph, id))
      continue;
    if (!ask_reach(stages->graph, node, k, &reach))
      return false;
    const NnValuePlace *from = &stages->values[id];
    for (int a = 0; a < 2; a++) {
      if (from->kind == NN_VALUE_WHOLE && reach.stride[a] == 0)
        continue;
      double here = from->stride[a] * reach.stride[a];
      if (from->kind == NN_VALUE_WHOLE || here <= 0 || (found && fabs(here - stride[a]) > 1e-9))
        return false;
      stride[a] = here;
    }
    found = found || from->kind == NN_VALUE_MAP;
  }
  return found;
}

static bool
grows_along(const NnValue *value, const NnValue *larger, const double stride[2])
{
  const NnShape *shape = &value->type.shape, *other = &larger->type.shape;
  if (shape->rank != 4 || shape->dim[0] != 1 || value->type.dtype != NN_DTYPE_FLOAT)
    return false;
  for (int a = 0; a < 2; a++) {
    double growth = GROWTH_PX / stride[a];
    if (growth != floor(growth) || (double)(other->dim[2 + a] - shape->dim[2 + a]) != growth)
      return false;
  }
  return true;
}

static bool
makes_maps(const NnStages *stages, const NnGraph *larger, const NnNode *node, double stride[2])
{
  if (!find_stride(stages, node, stride))
    return false;
  for (int o = 0; o < node->n_outputs; o++) {
    NnValueId id = node->outputs[o];
    if (id != NN_NO_VALUE && !grows_along(&stages->graph->values[id], &larger->values[id], stride))
      return false;
  }
  return true;
}

/* (nullable) */
static const NnSpaceSums *
find_sums(const NnStages *stages, const NnNode *node)
{
  if (node->op->space_sums == NULL || is_fixed(stages->graph, node->inputs[0]) ||
      stages->values[node->inputs[0]].kind != NN_VALUE_MAP)
    return NULL;
  NnNodeTypes types;
  const NnSpaceSums *sums = NULL;
  if (nn_node_types_init(&types, stages->graph, node, NULL) &&
      node->activation.kind == NN_ACTIVATION_NONE)
    sums = node->op->space_sums(&types.infer);
  nn_node_types_clear(&types);
  return sums;
}

static void
mark_local(NnStages *stages, const NnNode *node)
{
  bool local = false;
  for (int k = 0; k < node->n_inputs; k++) {
    NnValueId id = node->inputs[k];
    local = local ||
            (id != NN_NO_VALUE && (stages->values[id].kind == NN_VALUE_MAP || stages->local[id]));
  }
  for (int o = 0; o < node->n_outputs; o++)
    if (node->outputs[o] != NN_NO_VALUE)
      stages->local[node->outputs[o]] = local && stages->tiles;
}

static void
classify(NnStages *stages, const NnGraph *larger, bool tiles, size_t i)
{
  const NnNode *node = &stages->graph->nodes[i];
  NnValuePlace place = {.kind = NN_VALUE_WHOLE};
  bool done = true;
  for (int o = 0; o < node->n_outputs; o++)
    done = done && is_fixed(stages->graph, node->outputs[o]);
  if (done) {
    mark_local(stages, node);
    return;
  }
  if (tiles && makes_maps(stages, larger, node, place.stride)) {
    place.kind = NN_VALUE_MAP;
    stages->kinds[i] = NN_NODE_TILED;
  } else {
    stages->sums[i] = tiles ? find_sums(stages, node) : NULL;
    stages->kinds[i] = stages->sums[i] != NULL ? NN_NODE_SUM : NN_NODE_WHOLE;
  }
  for (int k = 0; k < node->n_inputs; k++) {
    if (is_fixed(stages->graph, node->inputs[k]))
      continue;
    const NnValuePlace *from = &stages->values[node->inputs[k]];
    bool finishes = place.kind == NN_VALUE_WHOLE && from->kind == NN_VALUE_MAP;
    place.stage = MAX(place.stage, from->stage + (finishes ? 1 : 0));
  }
  if (place.kind == NN_VALUE_WHOLE) /* also where nothing of it depends on the picture's pixels */
    place.stage = MAX(place.stage, 1);
  for (int o = 0; o < node->n_outputs; o++)
    if (!is_fixed(stages->graph, node->outputs[o]))
      stages->values[node->outputs[o]] = place;
  stages->n_stages = MAX(stages->n_stages, place.kind == NN_VALUE_MAP ? place.stage + 1 : 1);
}

static void
find_alignment(NnStages *stages)
{
  stages->alignment_px = 1;
  for (size_t v = 0; v < stages->graph->n_values; v++)
    for (int a = 0; a < 2; a++)
      while (stages->values[v].kind == NN_VALUE_MAP && stages->alignment_px < GROWTH_PX &&
             fmod((double)stages->alignment_px, stages->values[v].stride[a]) != 0)
        stages->alignment_px *= 2;
  stages->alignment_px *= POSITIONS;
}

/* ---- graphs of two sizes ---- */

/* pads that follow from the size of the input become those of the whole picture's */
static bool
settle_pads(NnGraph *graph, GError **error)
{
  for (size_t i = 0; i < graph->n_nodes; i++) {
    NnNode *node = &graph->nodes[i];
    NnWindow *window = node->op->window != NULL ? node->op->window(node->params) : NULL;
    if (window == NULL ||
        (window->auto_pad != NN_PAD_SAME_UPPER && window->auto_pad != NN_PAD_SAME_LOWER))
      continue;
    NnNodeTypes types;
    NnWindow settled;
    int64_t output[NN_WINDOW_DIMS];
    bool ok = nn_node_types_init(&types, graph, node, error);
    const int64_t *kernel = ok && node->n_inputs > 1 ? types.in[1].shape.dim + 2 : NULL;
    ok = ok && nn_window_resolve(window, &types.in[0].shape, kernel, &settled, output, error);
    nn_node_types_clear(&types);
    if (!ok)
      return false;
    *window = settled;
    window->auto_pad = NN_PAD_NOTSET;
  }
  return true;
}

static NnGraph *
whole_graph(NnProgram *program, const NnShape *shape, bool tiles, GError **error)
{
  g_autoptr(NnGraph) graph = nn_graph_copy(program->graph, error);
  if (graph == NULL || (tiles && !nn_pass_split_norms(graph, error)))
    return NULL;
  graph->values[graph->inputs[0]].type.shape = *shape;
  bool ok = nn_pass_infer(graph, error) && settle_pads(graph, error);
  return ok ? g_steal_pointer(&graph) : NULL;
}

static NnGraph *
larger_graph(const NnGraph *whole, int64_t growth_px, GError **error)
{
  g_autoptr(NnGraph) graph = nn_graph_copy(whole, error);
  if (graph == NULL)
    return NULL;
  NnShape *shape = &graph->values[graph->inputs[0]].type.shape;
  shape->dim[2] += growth_px;
  shape->dim[3] += growth_px;
  return nn_pass_infer(graph, error) ? g_steal_pointer(&graph) : NULL;
}

NnStages *
nn_stages_new(NnProgram *program, const NnShape *shape, bool tiles, GError **error)
{
  g_autoptr(NnStages) stages = g_new0(NnStages, 1);
  g_autoptr(NnGraph) larger = NULL;
  stages->program = nn_program_ref(program);
  stages->n_stages = 1;
  stages->tiles = tiles;
  stages->graph = whole_graph(program, shape, tiles, error);
  if (stages->graph != NULL)
    larger = larger_graph(stages->graph, tiles ? GROWTH_PX : 0, error);
  if (larger != NULL)
    stages->values = nn_alloc0(larger->n_values, sizeof(NnValuePlace), error);
  if (stages->values != NULL)
    stages->kinds = nn_alloc0(larger->n_nodes, sizeof(NnNodeKind), error);
  if (stages->kinds != NULL)
    stages->sums = nn_alloc0(larger->n_nodes, sizeof(NnSpaceSums *), error);
  if (stages->sums != NULL)
    stages->local = nn_alloc0(larger->n_values, sizeof(bool), error);
  if (stages->local == NULL)
    return NULL;
  stages->values[nn_stages_input(stages)] = (NnValuePlace){.kind = NN_VALUE_MAP, .stride = {1, 1}};
  for (size_t i = 0; i < stages->graph->n_nodes; i++)
    classify(stages, larger, tiles, i);
  find_alignment(stages);
  if (stages->n_stages > MAX_STAGES) {
    g_set_error(error, NN_ERROR, NN_ERROR_UNSUPPORTED,
                _("This network looks at the whole picture too often to be run in parts."));
    return NULL;
  }
  return g_steal_pointer(&stages);
}

void
nn_stages_free(NnStages *stages)
{
  if (stages == NULL)
    return;
  nn_graph_free(stages->graph);
  nn_program_unref(stages->program);
  nn_free(stages->values);
  nn_free(stages->kinds);
  nn_free(stages->sums);
  nn_free(stages->local);
  g_free(stages);
}
